"""Questions that come at the same time, asked together.

A question that comes while others are being answered waits with those that come
meanwhile, and all of them are one question then. Nothing waits while nobody is being
answered: a single client pays no more than without.

There are no tasks of its own. The first who comes asks in the name of all; who has its
answer hands on to the first of those who wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["Batches", "Shared"]

Q = TypeVar("Q")
A = TypeVar("A")

_PATIENCE: Final = 0.02
"""Seconds: far more than a statement takes that does not wait itself."""

_MANY: Final = 1 << 20
"""As good as no limit."""
_LEAD: Final = object()
"""What somebody who waits gets instead of an answer: it is their turn to ask."""


class Batches(Generic[Q, A]):
    """Asks `ask` with several questions at a time.

    While it runs, those that come gather. Where it takes longer than usual (a lock, a
    large question) they do not wait for it, and `ask` runs once more beside. With one
    question at a time it is a queue that no slow one holds up.

    Attributes:
        ask: returns as many answers, in the same order; an answer that is an exception
            is raised to who asked that question.
        most: questions that are asked together.
        flights: how many times `ask` runs at the same time, at most.
        swift: how many of them do before one takes long.
        patience: seconds that questions wait for an `ask` before they go without it.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]],
        *,
        most: int,
        flights: int,
        swift: int = 1,
        patience: float = _PATIENCE,
    ) -> None:
        self._ask = ask
        self._most = most
        self._flights = flights
        self._swift = swift
        self._patience = patience
        self._running = 0
        self._slow: set[object] = set()
        """Those of the running ones that nobody waits for any more."""
        self._waiting: deque[tuple[Q, asyncio.Future[Any]]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nobody asks, and nobody waits."""
        return self._running == 0 and not self._waiting

    async def __call__(self, question: Q) -> A:
        """Return the answer to a question."""
        if self._may_begin():
            self._running += 1
            # Who came in the same moment is heard before the first one asks.
            await self._let_in()
        else:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append((question, future))
            answer = await self._wait(future)
            if answer is not _LEAD:
                return answer  # type: ignore[no-any-return]
        return await self._lead(question)

    async def _let_in(self) -> None:
        try:
            await asyncio.sleep(0)
        except BaseException:
            self._end()
            raise

    async def _wait(self, future: asyncio.Future[Any]) -> Any:
        try:
            return await future
        except asyncio.CancelledError:
            given = future.done() and not future.cancelled()
            if given and future.exception() is None and future.result() is _LEAD:
                self._end()
            raise

    async def _lead(self, question: Q) -> A:
        others = [
            self._waiting.popleft()
            for _ in range(min(len(self._waiting), self._most - 1))
        ]
        flight = object()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._patience, self._give_up, flight)
        try:
            answers = await self._ask([question, *(other[0] for other in others)])
        except BaseException as error:
            told = error if isinstance(error, Exception) else ConnectionError("ended")
            for _, future in others:
                _settle(future, told)
            raise
        finally:
            timer.cancel()
            self._slow.discard(flight)
            self._end()
        for (_, future), answer in zip(others, answers[1:], strict=True):
            _settle(future, answer)
        mine = answers[0]
        if isinstance(mine, Exception):
            raise mine
        return mine

    def _may_begin(self) -> bool:
        swift = self._running - len(self._slow)
        return swift < self._swift and self._running < self._flights

    def _give_up(self, flight: object) -> None:
        self._slow.add(flight)
        self._go_on()

    def _end(self) -> None:
        self._running -= 1
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._may_begin():
            _, future = self._waiting.popleft()
            if not future.done():
                # It asks its own question itself, with those of who still waits.
                self._running += 1
                future.set_result(_LEAD)


class Shared(Generic[Q, A]):
    """Asks what many want to know at the same time once for all of them.

    Nobody gets the answer to what was asked before they came: who has written
    something, and then asks, finds it.

    Attributes:
        ask: returns the answer; questions are the same where they are equal.
        flights: how many times the same question is asked at the same time, at most.
    """

    def __init__(self, ask: Callable[[Q], Awaitable[A]], *, flights: int) -> None:
        self._ask = ask
        self._flights = flights
        self._asked: dict[Q, Batches[Q, A]] = {}

    def __len__(self) -> int:
        """Return how many different questions are being asked."""
        return len(self._asked)

    async def __call__(self, question: Q) -> A:
        """Return the answer to a question."""
        alike = self._asked.get(question)
        if alike is None:
            alike = Batches(self._once, most=_MANY, flights=self._flights)
            self._asked[question] = alike
        try:
            return await alike(question)
        finally:
            if alike.idle:
                self._asked.pop(question, None)

    async def _once(self, questions: Sequence[Q]) -> Sequence[A]:
        return [await self._ask(questions[0])] * len(questions)


def _settle(future: asyncio.Future[Any], answer: object) -> None:
    """Give an answer, or an error, to who still waits for it."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

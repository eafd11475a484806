"""Questions asked together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.batches import Batches, Shared

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_one_question_is_asked_alone() -> None:
    asked: list[list[int]] = []

    async def ask(questions: Sequence[int]) -> list[int | Exception]:
        asked.append(list(questions))
        return [question * 2 for question in questions]

    async def main() -> None:
        batches = Batches(ask, most=4, flights=1)
        assert await batches(1) == 2
        assert await batches(2) == 4

    asyncio.run(main())
    assert asked == [[1], [2]]


def test_those_of_one_moment_go_together_up_to_a_number() -> None:
    asked: list[list[int]] = []

    async def ask(questions: Sequence[int]) -> list[int | Exception]:
        asked.append(list(questions))
        await asyncio.sleep(0)
        return list(questions)

    async def main() -> None:
        batches = Batches(ask, most=4, flights=1)
        assert await asyncio.gather(*map(batches, range(10))) == list(range(10))

    asyncio.run(main())
    assert asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_what_takes_long_keeps_nobody_waiting_up_to_a_number() -> None:
    asked: list[list[int]] = []

    async def main() -> None:
        locked, begun = asyncio.Event(), asyncio.Queue[None]()

        async def ask(questions: Sequence[int]) -> list[int | Exception]:
            asked.append(list(questions))
            if questions[0] < 2:
                begun.put_nowait(None)
                await locked.wait()
            return list(questions)

        async with asyncio.timeout(20):
            batches = Batches(ask, most=8, flights=3, patience=0.001)
            slow = []
            for n in range(2):
                slow.append(asyncio.ensure_future(batches(n)))
                await begun.get()
            # Those who came before it took long, and those who come later.
            assert await asyncio.gather(*map(batches, range(2, 6))) == [2, 3, 4, 5]
            assert await batches(6) == 6
            assert not any(task.done() for task in slow)
            locked.set()
            assert await asyncio.gather(*slow) == [0, 1]
            assert batches.idle

    asyncio.run(main())
    assert asked == [[0], [1], [2, 3, 4, 5], [6]]


def test_it_never_asks_more_often_than_it_may() -> None:
    async def main() -> None:
        running = most = 0

        async def ask(questions: Sequence[int]) -> list[int | Exception]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            for _ in range(50):
                await asyncio.sleep(0)
            running -= 1
            return list(questions)

        batches = Batches(ask, most=2, flights=3, patience=0)
        assert await asyncio.gather(*map(batches, range(40))) == list(range(40))
        assert most == 3

    asyncio.run(main())


def test_an_error_is_of_who_asked() -> None:
    async def ask(questions: Sequence[int]) -> list[int | Exception]:
        return [KeyError(q) if q % 2 else q for q in questions]

    async def main() -> None:
        batches = Batches(ask, most=4, flights=1)
        found = await asyncio.gather(*map(batches, range(6)), return_exceptions=True)
        assert [type(one) for one in found] == [int, KeyError] * 3

    asyncio.run(main())


def test_where_asking_fails_it_fails_for_all_and_goes_on() -> None:
    broken = True

    async def ask(questions: Sequence[int]) -> list[int | Exception]:
        await asyncio.sleep(0)
        if broken:
            raise OSError("gone")
        return list(questions)

    async def main() -> None:
        nonlocal broken
        batches = Batches(ask, most=4, flights=2)
        found = await asyncio.gather(*map(batches, range(9)), return_exceptions=True)
        assert {type(one) for one in found} == {OSError}
        broken = False
        assert await asyncio.gather(*map(batches, range(9))) == list(range(9))

    asyncio.run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=40),
    st.integers(1, 3),
    st.sampled_from([0, 20]),
)
def test_whoever_gives_up_nobody_else_waits_for_ever(
    clients: list[tuple[int, bool]], flights: int, patience: float
) -> None:
    async def ask(questions: Sequence[int]) -> list[int | Exception]:
        assert len(questions) <= 5
        for _ in range(3):
            await asyncio.sleep(0)
        return list(questions)

    async def main() -> None:
        batches = Batches(ask, most=5, flights=flights, patience=patience)

        async def one(number: int, pause: int) -> int:
            for _ in range(pause):
                await asyncio.sleep(0)
            return await batches(number)

        async with asyncio.timeout(20):
            tasks = [
                asyncio.ensure_future(one(n, pause))
                for n, (pause, _) in enumerate(clients)
            ]
            for turn in range(6):
                await asyncio.sleep(0)
                for n, (_, leaves) in enumerate(clients):
                    if leaves and n % 6 == turn:
                        tasks[n].cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for n, (_, leaves) in enumerate(clients):
                # Who goes down with a leader that left is told so.
                fine = found[n] == n or isinstance(found[n], ConnectionError)
                assert fine or leaves, found
            assert await batches(99) == 99

    asyncio.run(main())


def test_a_leader_that_leaves_is_an_error_for_those_it_asked_for() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def ask(questions: Sequence[int]) -> list[int | Exception]:
            await release.wait()
            return list(questions)

        batches = Batches(ask, most=5, flights=1)
        tasks = [asyncio.ensure_future(batches(n)) for n in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
        tasks[0].cancel()
        with pytest.raises(ConnectionError):
            await tasks[1]
        release.set()
        assert await batches(7) == 7
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_what_many_ask_at_the_same_time_is_asked_once() -> None:
    asked: list[str] = []

    async def ask(question: str) -> str:
        asked.append(question)
        for _ in range(3):
            await asyncio.sleep(0)
        return question.upper()

    async def main() -> None:
        shared = Shared(ask, flights=1)
        questions = ["a", "b", "a", "a", "b"]
        found = await asyncio.gather(*map(shared, questions))
        assert found == ["A", "B", "A", "A", "B"]
        assert len(shared) == 0

    asyncio.run(main())
    # What came in the same moment waits for its turn only while others are asked.
    assert sorted(asked) == ["a", "b"]


def test_nobody_is_told_what_was_asked_before_they_came() -> None:
    async def main() -> None:
        now, release = "old", asyncio.Event()

        async def ask(_question: str) -> str:
            seen = now
            await release.wait()
            return seen

        shared = Shared(ask, flights=2)
        early = [asyncio.ensure_future(shared("a")) for _ in range(2)]
        for _ in range(3):
            await asyncio.sleep(0)
        now = "new"
        late = [asyncio.ensure_future(shared("a")) for _ in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
        release.set()
        assert "old" in await asyncio.gather(*early)
        assert set(await asyncio.gather(*late)) == {"new"}

    asyncio.run(main())


def test_an_error_is_told_to_all_who_asked_and_not_kept() -> None:
    broken = True

    async def ask(question: int) -> int:
        await asyncio.sleep(0)
        if broken:
            raise OSError("gone")
        return question

    async def main() -> None:
        nonlocal broken
        shared = Shared(ask, flights=2)
        found = await asyncio.gather(
            *(shared(1) for _ in range(5)), return_exceptions=True
        )
        assert {type(one) for one in found} == {OSError}
        assert len(shared) == 0
        broken = False
        assert await shared(1) == 1

    asyncio.run(main())

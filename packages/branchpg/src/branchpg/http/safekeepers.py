"""The safekeepers of a project, as the pageserver and the computes speak to them."""

from __future__ import annotations

import logging
import threading
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from branchpg.errors import BranchpgError, NotFound, TryLater
from branchpg.http.client import Address, HttpClient, http_address, path
from branchpg.lsn import Lsn, Segment
from branchpg.store.catalog import Generation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Position", "Safekeepers", "addresses_of", "precedence", "settled"]

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_SECONDS: Final = 10.0
_PATIENCE: Final = 1.0


class Position(msgspec.Struct, frozen=True):
    """What one safekeeper has of a timeline."""

    flush_lsn: Lsn | None = None
    last_generation: int = 0
    generation: int = 0
    history: tuple[Generation, ...] = ()


def precedence(position: Position) -> tuple[int, int]:
    """Return what orders answers: newer generations win, then more WAL."""
    return position.last_generation, position.flush_lsn or Lsn(0)


def addresses_of(text: str) -> list[Address]:
    """Read the safekeepers' addresses of a command line, separated by commas."""
    return [
        http_address(one.strip(), http_port=7676, pg_port=5454)
        for one in text.split(",")
    ]


def settled(answers: Iterable[Position], quorum: int) -> Lsn | None:
    """Return up to where a quorum has the log of the newest generation.

    None where too few have begun with that generation yet.
    """
    positions = list(answers)
    newest = max((one.last_generation for one in positions), default=0)
    ends = sorted(
        one.flush_lsn
        for one in positions
        if one.flush_lsn and one.last_generation == newest
    )
    return ends[-quorum] if len(ends) >= quorum else None


class Safekeepers:
    """One or more safekeepers; `quorum` of them make a commit last."""

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        quorum: int | None = None,
        token: str | None = None,
    ) -> None:
        self._clients = [HttpClient(address, token=token) for address in addresses]
        self.quorum = quorum or len(addresses) // 2 + 1
        self._failures: dict[Address, str] = {}  # what was told of those that fail

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where they are, in the order of the configuration."""
        return tuple(client.address for client in self._clients)

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called as standbys: their ids are their places in the list."""
        return tuple(f"safekeeper_{n + 1}" for n in range(len(self._clients)))

    def fence(
        self, tenant_id: str, timeline_id: str, generation: int, start_lsn: Lsn
    ) -> dict[Address, Position]:
        """Let nobody but a new generation write; return what each one has.

        Raises:
            TryLater: so few answered that an older generation might still find a
                quorum, or the new one would find none.
        """
        where = path("tenant", tenant_id, "timeline", timeline_id, "fence")
        content = {"generation": generation, "start_lsn": start_lsn}

        def ask(client: HttpClient) -> Position:
            return client.send("POST", where, content, Position, within=_SECONDS)

        return self._enough(self._ask_all(ask), self.quorum)

    def receive(
        self,
        tenant_id: str,
        timeline_id: str,
        *,
        generation: int,
        dsn: str,
        start_lsn: Lsn,
        history: Sequence[Generation],
    ) -> list[Position]:
        """Let all of them pull from a compute; return what those have that do."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "receive")
        content = {
            "generation": generation,
            "dsn": dsn,
            "start_lsn": start_lsn,
            "history": list(history),
        }

        def ask(client: HttpClient) -> Position:
            others = (one for one in self.addresses if one != client.address)
            own = {
                # Its slot keeps in the compute what this one does not have yet.
                "slot": self.names[self._clients.index(client)],
                "peers": [f"http://{one}" for one in others],
            }
            return client.send("POST", where, content | own, Position, within=_SECONDS)

        return list(self._ask_all(ask).values())

    def release(self, tenant_id: str, timeline_id: str, generation: int) -> None:
        """Stop pulling."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "receive")
        content = {"generation": generation}
        self._ask_all(
            lambda client: client.send("DELETE", where, content, Any, within=_SECONDS)
        )

    def positions(self, tenant_id: str, timeline_id: str) -> dict[Address, Position]:
        """Return what each one that answers has of a timeline."""
        where = path("tenant", tenant_id, "timeline", timeline_id)

        def ask(client: HttpClient) -> Position:
            try:
                return client.get(where, Position, within=_SECONDS)
            except NotFound:
                return Position()

        return self._ask_all(ask)

    def head(self, tenant_id: str, timeline_id: str) -> Lsn | None:
        """Return the end of a timeline's log, None where there is nothing.

        Every acknowledged commit lies before it: where all answer, it is what a quorum
        has; where some are missing, they may have been part of one.

        Raises:
            TryLater: so few answered that others may have more.
        """
        answers = self._enough(self.positions(tenant_id, timeline_id))
        furthest = max(answers.values(), key=precedence).flush_lsn
        if len(answers) < len(self._clients):
            return furthest
        return settled(answers.values(), self.quorum) or furthest

    def committed(self, tenant_id: str, timeline_id: str) -> Lsn | None:
        """Return up to where a quorum has the log: no election drops any of that."""
        return settled(self.positions(tenant_id, timeline_id).values(), self.quorum)

    def segment(
        self, tenant_id: str, timeline_id: str, segment: Segment, *, upto: Lsn, to: str
    ) -> bool:
        """Write a segment up to a position to a new file; return whether one has it."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "wal", segment.name)
        positions = self.positions(tenant_id, timeline_id)
        for client in self._clients:
            position = positions.get(client.address)
            if position and position.flush_lsn and position.flush_lsn >= upto:
                try:
                    client.save(where, to, size=upto - segment.start)
                except NotFound:
                    continue
                return True
        return False

    def keep_from(self, tenant_id: str, timeline_id: str, lsn: Lsn) -> None:
        """Tell them that WAL below an LSN is kept elsewhere."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "control_file")
        content = {"remote_consistent_lsn": lsn}
        self._ask_all(lambda client: client.send("PATCH", where, content, Any))

    def wait(
        self,
        tenant_id: str,
        timeline_id: str,
        lsn: Lsn,
        seconds: float,
        *,
        generation: int = 0,
    ) -> bool:
        """Wait until a quorum has a generation's WAL up to an LSN, or a later one's.

        Return whether it came to that in time.
        """
        where = path("tenant", tenant_id, "timeline", timeline_id, "wait")
        content = {"lsn": lsn, "generation": generation, "timeout": seconds}

        def ask(client: HttpClient) -> Any:
            return client.send("POST", where, content, Any, within=seconds + 5)

        return len(self._ask_all(ask, patience=0)) >= self.quorum

    def forget(self, tenant_id: str, timeline_id: str) -> None:
        """Delete a timeline's WAL."""
        where = path("tenant", tenant_id, "timeline", timeline_id)
        self._ask_all(lambda client: client.raw("DELETE", where))

    @property
    def voters_needed(self) -> int:
        """How many answers meet every quorum there was."""
        return len(self._clients) - self.quorum + 1

    def _enough(
        self, answers: dict[Address, Position], least: int = 1
    ) -> dict[Address, Position]:
        needed = max(least, self.voters_needed)
        if len(answers) < needed:
            raise TryLater(
                f"{len(answers)} of {len(self._clients)} safekeepers answered, "
                f"{needed} are needed",
                hint="start the others",
            )
        return answers

    def _ask_all(
        self, ask: Callable[[HttpClient], T], *, patience: float = _PATIENCE
    ) -> dict[Address, T]:
        """Ask all at once, and return the answers that came.

        Once it is clear whether a quorum answers, the others have `patience` seconds:
        they may hang, or be behind for long.
        """
        if len(self._clients) == 1:
            answer = self._outcome(ask, self._clients[0])
            return {} if answer is None else {self._clients[0].address: answer}
        asked = {
            _in_background(partial(self._outcome, ask, client)): client.address
            for client in self._clients
        }
        good, left = 0, len(asked)
        for one in futures.as_completed(asked):
            good, left = good + (one.result() is not None), left - 1
            if not good < self.quorum <= good + left:
                break
        done, late = futures.wait(asked, patience)
        if late and patience:
            names = ", ".join(str(asked[one]) for one in late)
            _LOG.warning("safekeeper %s: no answer yet", names)
        answers = {asked[one]: one.result() for one in asked if one in done}
        return {one: answer for one, answer in answers.items() if answer is not None}

    def _outcome(self, ask: Callable[[HttpClient], T], client: HttpClient) -> T | None:
        """Return an answer; why there is none is told once, not every second."""
        try:
            answer = ask(client)
        except NotFound:
            return None
        except BranchpgError as error:
            if self._failures.get(client.address) != str(error):
                self._failures[client.address] = str(error)
                _LOG.warning("safekeeper %s: %s", client.address, error)
            return None
        self._failures.pop(client.address, None)
        return answer


def _in_background(task: Callable[[], T]) -> futures.Future[T]:
    """Run something in a thread that the end of the process does not wait for."""
    future: futures.Future[T] = futures.Future()

    def run() -> None:
        try:
            future.set_result(task())
        except BaseException as error:  # noqa: BLE001 - whoever asks for it gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future

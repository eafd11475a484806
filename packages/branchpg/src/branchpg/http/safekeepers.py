"""The safekeepers of a project, as the pageserver and the computes speak to them."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
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
    ) -> int:
        """Let all of them pull from a compute; return how many do."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "receive")
        content = {
            "generation": generation,
            "dsn": dsn,
            "start_lsn": start_lsn,
            "history": list(history),
        }

        def ask(client: HttpClient) -> Any:
            # Its slot keeps in the compute what this one does not have yet.
            slot = {"slot": self.names[self._clients.index(client)]}
            return client.send("POST", where, content | slot, Any, within=_SECONDS)

        return len(self._ask_all(ask))

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

    def catch_up(
        self, tenant_id: str, timeline_id: str, behind: Address, ahead: Address
    ) -> None:
        """Let one that lacks WAL that no compute has pull it from another."""
        content = {
            "tenant_id": tenant_id,
            "timeline_id": timeline_id,
            "http_hosts": [f"http://{ahead}"],
        }
        client = next(one for one in self._clients if one.address == behind)
        client.send("POST", path("pull_timeline"), content, Any)

    def keep_from(self, tenant_id: str, timeline_id: str, lsn: Lsn) -> None:
        """Tell them that WAL below an LSN is kept elsewhere."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "control_file")
        content = {"remote_consistent_lsn": lsn}
        self._ask_all(lambda client: client.send("PATCH", where, content, Any))

    def wait(self, tenant_id: str, timeline_id: str, lsn: Lsn, seconds: float) -> bool:
        """Wait until a quorum has WAL up to an LSN; return whether it came to that."""
        where = path("tenant", tenant_id, "timeline", timeline_id, "wait")
        content = {"lsn": lsn, "timeout": seconds}
        answers = self._ask_all(
            lambda client: client.send("POST", where, content, Any, within=seconds + 5)
        )
        return len(answers) >= self.quorum

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

    def _ask_all(self, ask: Callable[[HttpClient], T]) -> dict[Address, T]:
        """Ask all at once, and return the answers that came."""
        if len(self._clients) == 1:
            asked = [(self._clients[0], _outcome(ask, self._clients[0]))]
        else:
            with ThreadPoolExecutor(len(self._clients)) as pool:
                outcomes = pool.map(lambda one: _outcome(ask, one), self._clients)
                asked = list(zip(self._clients, outcomes, strict=True))
        return {one.address: answer for one, answer in asked if answer is not None}


def _outcome(ask: Callable[[HttpClient], T], client: HttpClient) -> T | None:
    try:
        return ask(client)
    except NotFound:
        return None
    except BranchpgError as error:
        _LOG.warning("safekeeper %s: %s", client.address, error)
        return None

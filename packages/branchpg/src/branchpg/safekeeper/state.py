"""What a safekeeper remembers of a timeline beside its WAL: state.json."""

from __future__ import annotations

import os
import re
from typing import Final, Self

import msgspec

from branchpg.errors import BadRequest, BranchpgError
from branchpg.http import codec
from branchpg.lsn import SEGMENT, Lsn
from branchpg.safekeeper.history import History, last_generation
from branchpg.store.durable import replace_file

__all__ = ["FILE", "State", "TimelineKey", "is_id", "load", "store"]

FILE: Final = "state.json"

_ID: Final = re.compile(r"[0-9a-f]{32}")


def is_id(text: str) -> bool:
    """Return whether a text may be the id of a tenant or a timeline."""
    return _ID.fullmatch(text) is not None


class TimelineKey(msgspec.Struct, frozen=True, order=True):
    """A timeline of a tenant; both are 32 hexadecimal digits."""

    tenant_id: str
    timeline_id: str

    @classmethod
    def of(cls, tenant_id: str, timeline_id: str) -> Self:
        """Check two ids; raise BadRequest for what is none."""
        for name, value in (("tenant", tenant_id), ("timeline", timeline_id)):
            if not is_id(value):
                raise BadRequest(f'invalid {name} id "{value[:64]}"')
        return cls(tenant_id, timeline_id)

    def __str__(self) -> str:
        return f"{self.tenant_id}/{self.timeline_id}"


class State(msgspec.Struct, frozen=True):
    """All that has to survive, but for the end of the WAL, which the WAL itself tells.

    Attributes:
        generation: the highest one promised: nobody of a lower one is acknowledged.
        history: of the log that the WAL here is part of.
        start_lsn: where the timeline begins, its branch point.
        remote_consistent_lsn: up to where the WAL is in snapshots and may go.
        is_fenced: no after WAL was fetched from peers: what had been promised here
            before is not known then, and only a new promise makes it usable.
        system_id: PostgreSQL's, of the cluster; 0 as long as it is not known.
        pg_version: such as 170010; 0 as long as it is not known.
    """

    tenant_id: str
    timeline_id: str
    start_lsn: Lsn
    generation: int = 0
    history: History = ()
    remote_consistent_lsn: Lsn = Lsn(0)
    is_fenced: bool = True
    system_id: int = 0
    pg_version: int = 0
    postgres_timeline: int = 1
    wal_seg_size: int = SEGMENT
    version: int = 1

    @property
    def key(self) -> TimelineKey:
        """Which timeline it is."""
        return TimelineKey(self.tenant_id, self.timeline_id)

    def last_generation(self, flush_lsn: Lsn | None) -> int:
        """Return which generation the WAL up to a position belongs to."""
        return last_generation(self.history, flush_lsn)


def load(directory: str) -> State:
    """Read the state of the timeline in a directory."""
    path = os.path.join(directory, FILE)
    try:
        with open(path, "rb") as file:
            return codec.decode(file.read(), State)
    except (OSError, BadRequest) as error:
        raise BranchpgError(
            f'cannot read "{path}": {error}',
            hint="remove the timeline's directory, and fetch it from the other "
            "safekeepers with POST /v1/pull_timeline",
        ) from error


def store(directory: str, state: State) -> None:
    """Write the state of the timeline in a directory, for good."""
    content = msgspec.json.format(codec.encode(state)) + b"\n"
    replace_file(os.path.join(directory, FILE), content)

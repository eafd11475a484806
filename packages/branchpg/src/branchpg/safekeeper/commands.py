"""Commands of the replication protocol, read into values.

PostgreSQL documentation, chapter 53.4, "Streaming Replication Protocol".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

__all__ = [
    "Command",
    "CreateSlot",
    "DropSlot",
    "IdentifySystem",
    "Nothing",
    "ReadSlot",
    "SetSearchPath",
    "Show",
    "StartReplication",
    "TimelineHistory",
    "parse",
]

_NAME: Final = r'(?:"(?P<quoted>[^"]+)"|(?P<name>[a-zA-Z0-9_]+))'
_SLOT_NAME: Final = re.compile(r"[a-z0-9_]{1,63}")
_FLAGS: Final = re.IGNORECASE | re.ASCII


@dataclass(frozen=True)
class IdentifySystem:
    """Who the server is."""


@dataclass(frozen=True)
class SetSearchPath:
    """What clients send for safety; without meaning here."""


@dataclass(frozen=True)
class Nothing:
    """An empty statement."""


@dataclass(frozen=True)
class Show:
    """The value of a setting."""

    name: str


@dataclass(frozen=True)
class TimelineHistory:
    """The history file of a timeline of PostgreSQL."""

    postgres_timeline: int


@dataclass(frozen=True)
class ReadSlot:
    """What a slot is."""

    name: str


@dataclass(frozen=True)
class DropSlot:
    """Remove a slot."""

    name: str


@dataclass(frozen=True)
class CreateSlot:
    """Make a slot, which keeps WAL from now on if it reserves some."""

    name: str
    temporary: bool
    reserve: bool


@dataclass(frozen=True)
class StartReplication:
    """Send WAL from a position on."""

    lsn: Lsn
    slot: str | None
    postgres_timeline: int | None


Command: TypeAlias = (
    IdentifySystem
    | SetSearchPath
    | Nothing
    | Show
    | TimelineHistory
    | ReadSlot
    | DropSlot
    | CreateSlot
    | StartReplication
)

_SHOW: Final = re.compile(r"SHOW\s+([a-z_.]{1,63})", _FLAGS)
_HISTORY: Final = re.compile(r"TIMELINE_HISTORY\s+(\d{1,9})", _FLAGS)
_READ: Final = re.compile(rf"READ_REPLICATION_SLOT\s+{_NAME}", _FLAGS)
_DROP: Final = re.compile(rf"DROP_REPLICATION_SLOT\s+{_NAME}(\s+WAIT)?", _FLAGS)
_CREATE: Final = re.compile(
    rf"CREATE_REPLICATION_SLOT\s+{_NAME}(?P<temporary>\s+TEMPORARY)?\s+PHYSICAL"
    r"(?P<reserve>\s*\(?\s*RESERVE_WAL(?:\s+(?:true|on|1|'true'|'on'|'1'))?\s*\)?)?",
    _FLAGS,
)
_START: Final = re.compile(
    rf"START_REPLICATION(?:\s+SLOT\s+{_NAME})?(?:\s+PHYSICAL)?"
    r"\s+(?P<lsn>[0-9a-f]{1,8}/[0-9a-f]{1,8})(?:\s+TIMELINE\s+(?P<timeline>\d{1,9}))?",
    _FLAGS,
)
_SEARCH_PATH: Final = re.compile(
    r"SELECT\s+pg_catalog\.set_config\s*\(\s*'search_path'\s*,\s*''\s*,\s*false\s*\)",
    _FLAGS,
)


def parse(text: str) -> Command:
    """Read a command; raise BadRequest for what is none that is served here."""
    bare = text.strip().rstrip(";").rstrip()
    if not bare:
        return Nothing()
    if bare.upper() == "IDENTIFY_SYSTEM":
        return IdentifySystem()
    if _SEARCH_PATH.fullmatch(bare):
        return SetSearchPath()
    if match := _SHOW.fullmatch(bare):
        return Show(match[1].lower())
    if match := _HISTORY.fullmatch(bare):
        return TimelineHistory(int(match[1]))
    if match := _START.fullmatch(bare):
        timeline = match["timeline"]
        return StartReplication(
            Lsn.parse(match["lsn"]),
            _slot(match) if match["quoted"] or match["name"] else None,
            int(timeline) if timeline else None,
        )
    return _of_slot(bare)


def _of_slot(bare: str) -> Command:
    if match := _CREATE.fullmatch(bare):
        return CreateSlot(
            _slot(match), bool(match["temporary"]), bool(match["reserve"])
        )
    if match := _READ.fullmatch(bare):
        return ReadSlot(_slot(match))
    if match := _DROP.fullmatch(bare):
        return DropSlot(_slot(match))
    raise BadRequest(
        f'a safekeeper does not know "{bare[:100]}"',
        hint="it serves WAL: IDENTIFY_SYSTEM, START_REPLICATION and the like",
    )


def _slot(match: re.Match[str]) -> str:
    name: str = match["quoted"] or match["name"]
    if not _SLOT_NAME.fullmatch(name):
        raise BadRequest(f'replication slot name "{name[:64]}" is invalid')
    return name

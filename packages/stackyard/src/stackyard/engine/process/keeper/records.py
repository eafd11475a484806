"""What the keeper writes down, so that another keeper can go on.

intent   a process is about to be started
started  it runs: its identity
exited   it ended: its exit code, None if nobody could see it
forgot   nobody needs to know of it any more
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.identity import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Record:
    """The last that is known of one key; times are nanoseconds since the epoch.

    `foreground` is a process on somebody's terminal, whose output is not ours.
    """

    key: str
    log: str
    log_bytes: int
    log_files: int
    tty: bool = False
    stdin: bool = False
    foreground: bool = False
    identity: ProcessIdentity | None = None
    started_at: int = 0
    exited_at: int = 0
    code: int | None = None

    @property
    def running(self) -> bool:
        """Whether no end of it was seen."""
        return not self.exited_at

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        values = dict(vars(self))
        values["identity"] = self.identity.to_json() if self.identity else None
        return values

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Record:
        """Read what `to_json` wrote."""
        identity = value["identity"]
        known = ProcessIdentity.from_json(identity) if identity else None
        return cls(**{**value, "identity": known})


def intent(record: Record) -> dict[str, Any]:
    """Return the entry before a start."""
    return {"event": "intent", "record": record.to_json()}


def started(record: Record) -> dict[str, Any]:
    """Return the entry after a start."""
    return {"event": "started", "record": record.to_json()}


def exited(record: Record) -> dict[str, Any]:
    """Return the entry of an end."""
    return {"event": "exited", "record": record.to_json()}


def forgot(key: str) -> dict[str, Any]:
    """Return the entry that ends the story of a key."""
    return {"event": "forgot", "key": key}


def replay(entries: Iterable[dict[str, Any]]) -> dict[str, Record]:
    """Return what is known of every key after these entries."""
    known: dict[str, Record] = {}
    for entry in entries:
        if entry["event"] == "forgot":
            known.pop(entry["key"], None)
        else:
            record = Record.from_json(entry["record"])
            known[record.key] = record
    return known


def ended(record: Record, *, code: int | None, at: int) -> Record:
    """Return the record of a process that is no more."""
    return replace(record, code=code, exited_at=at)

"""A compute's PostgreSQL, as a replication client sees it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg2
from psycopg2.extensions import (
    make_dsn,
    parse_dsn,
)
from psycopg2.extras import (
    PhysicalReplicationConnection,
)

from branchpg.errors import BadRequest, PreconditionFailed, TryLater
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Identification", "Source", "Stream", "checked_slot", "place_of"]

_SLOT: Final = re.compile(r"[a-z0-9_]{1,63}")
_SIZE: Final = re.compile(r"(\d+)(kB|MB|GB)")
_UNITS: Final = {"kB": 1024, "MB": 1024**2, "GB": 1024**3}
_STATUS_SECONDS: Final = 10
_CONNECT: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


@dataclass(frozen=True)
class Identification:
    """What a server is: PostgreSQL's system id, its timeline, its sizes."""

    system_id: int
    postgres_timeline: int
    wal_seg_size: int
    pg_version: int
    flush_lsn: Lsn


@dataclass(frozen=True)
class Stream:
    """A stream of WAL that has begun: psycopg2's cursor, and its socket."""

    cursor: Any
    handle: int


def checked_slot(name: str) -> str:
    """Return a name that a replication slot may have."""
    if not _SLOT.fullmatch(name):
        raise BadRequest(f'invalid name of a replication slot: "{name[:64]}"')
    return name


def place_of(dsn: str) -> str:
    """Return where a connection string leads, without its secrets."""
    try:
        fields = parse_dsn(dsn)
    except psycopg2.ProgrammingError as error:
        raise BadRequest("the dsn is not a connection string of PostgreSQL") from error
    host = fields.get("host") or fields.get("hostaddr") or "(default)"
    return f"{host}:{fields.get('port', '5432')}"


class Source:
    """One connection for replication; a context manager."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, dsn: str, *, application_name: str) -> Self:
        """Connect as a standby of a name that `synchronous_standby_names` lists."""
        named = make_dsn(dsn, application_name=application_name, **_CONNECT)
        with _told():
            return cls(
                psycopg2.connect(
                    named, connection_factory=PhysicalReplicationConnection
                )
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(psycopg2.Error):
            self._connection.close()

    def shut_down(self) -> None:
        """End the connection from another thread: nothing is sent or received on it."""
        with contextlib.suppress(psycopg2.Error, OSError):
            handle = os.dup(self._connection.fileno())
            with socket.socket(fileno=handle) as ours:
                ours.shutdown(socket.SHUT_RDWR)

    def identify(self) -> Identification:
        """Ask who it is."""
        with _told(), self._connection.cursor() as cursor:
            cursor.execute("IDENTIFY_SYSTEM")
            system_id, timeline, position, _ = cursor.fetchone()
            cursor.execute("SHOW wal_segment_size")
            match = _SIZE.fullmatch(cursor.fetchone()[0])
        if match is None:
            raise PreconditionFailed("the server tells no wal_segment_size")
        return Identification(
            system_id=int(system_id),
            postgres_timeline=int(timeline),
            wal_seg_size=int(match[1]) * _UNITS[match[2]],
            pg_version=self._connection.server_version,
            flush_lsn=Lsn.parse(position),
        )

    def timeline_history(self, postgres_timeline: int) -> tuple[str, bytes]:
        """Return the name and content of a timeline's history file."""
        with _told(), self._connection.cursor() as cursor:
            cursor.execute(f"TIMELINE_HISTORY {postgres_timeline}")
            name, content = cursor.fetchone()
        text = content.encode() if isinstance(content, str) else bytes(content)
        return os.path.basename(name), text

    def make_slot(self, name: str) -> None:
        """See to it that there is a slot, which keeps WAL until it is sent.

        One that had kept as much as it may keeps nothing any more, and is made anew.
        """
        with _told(), self._connection.cursor() as cursor:
            cursor.execute(f'READ_REPLICATION_SLOT "{checked_slot(name)}"')
            kind, kept_from, *_ = cursor.fetchone()
            if kind is not None and kept_from is None:
                cursor.execute(f'DROP_REPLICATION_SLOT "{name}"')
            if kept_from is None:
                cursor.execute(
                    f'CREATE_REPLICATION_SLOT "{name}" PHYSICAL (RESERVE_WAL)'
                )

    def start(self, lsn: Lsn, *, slot: str | None, postgres_timeline: int) -> Stream:
        """Begin to stream from a position."""
        using = f'SLOT "{checked_slot(slot)}" ' if slot else ""
        command = (
            f"START_REPLICATION {using}PHYSICAL {lsn} TIMELINE {postgres_timeline}"
        )
        with _told():
            cursor = self._connection.cursor()
            cursor.start_replication_expert(
                command, decode=False, status_interval=_STATUS_SECONDS
            )
            return Stream(cursor, self._connection.fileno())


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise TryLater(f"the compute's PostgreSQL: {words}") from error

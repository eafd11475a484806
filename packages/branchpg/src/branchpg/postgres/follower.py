"""A server that replays what another one writes, until it is ended or promoted.

It is a streaming replica. Ended between two records, it leaves a copy of the data that
starts by crash recovery, on the PostgreSQL timeline of its leader. Promoted, it goes on
by itself on the next one, without a checkpoint and without a start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec
import psycopg2

from branchpg.errors import TryLater
from branchpg.lsn import Lsn, Segment, history_name
from branchpg.postgres import local
from branchpg.postgres.replay import until, until_replayed
from branchpg.postgres.server import Server
from branchpg.promotions import Promotion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from branchpg.postgres.programs import Programs

    Cursor: TypeAlias = psycopg2.extensions.cursor

__all__ = ["NAME", "Follower", "Stopped", "forget_leader"]

NAME: Final = "branchpg_follower"
"""The application name by which its leader sees it."""

_NEAR: Final = 16 * 1024 * 1024
"""Replaying this many bytes again takes no longer than a checkpoint of the leader."""

_SECONDS: Final = 10.0
_CATCH_UP_SECONDS: Final = 120.0
_FLUSHED: Final = "SELECT pg_current_wal_flush_lsn()"
_REDO: Final = "SELECT redo_lsn FROM pg_control_checkpoint()"
_REPLAYED: Final = "SELECT pg_last_wal_replay_lsn()"
_IS_PAUSED: Final = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
_WRITES: Final = "SELECT NOT pg_is_in_recovery()"
_NUMBER: Final = "SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"


class Stopped(msgspec.Struct, frozen=True):
    """What a follower left: all of the log up to `lsn`, the end of a record.

    `checkpoint_seconds` is what its leader and it took to write out their pages.
    """

    lsn: Lsn
    checkpoint_seconds: float


class Follower:
    """One follower, on a data directory that is made for a standby.

    Attributes:
        server: its server.
        data: the name that its directory had.
    """

    def __init__(self, server: Server, data: str, *, own: str, leader: str) -> None:
        self.server = server
        self.data = data
        self._own = own
        self._leader = leader

    @classmethod
    async def start(
        cls,
        programs: Programs,
        data: str,
        *,
        run: str,
        port: int,
        leader: str,
        settings: Mapping[str, str],
        log: str,
    ) -> Follower:
        """Start one, and wait until it has caught up with its leader, a dsn.

        `settings` are those that it is to have when it is promoted. To be called in the
        main thread, with whose end it ends.
        """
        following = {
            **settings,
            "primary_conninfo": f"{leader} application_name={NAME}",
            "wal_retrieve_retry_interval": "100ms",
        }
        server = Server.start(
            programs, data, settings=following, log=log, may_move=True
        )
        follower = cls(server, data, own=local.dsn(run, port), leader=leader)
        try:
            await server.wait_until_ready()
            await asyncio.to_thread(follower.catch_up)
        except BaseException:
            await follower.end()
            raise
        return follower

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.server.runs

    async def settle(self) -> Stopped:
        """End it after everything that its leader had written when this was called.

        Raises:
            TryLater: it does not come so far in time, or one of them does not answer.
        """
        stopped = await asyncio.to_thread(self._pause)
        await self.end()
        return stopped

    async def promote(self) -> Promotion:
        """Let it go on by itself, after what its leader had written at this moment.

        Raises:
            TryLater: as for `settle`.
        """
        return await asyncio.to_thread(self._promote)

    async def end(self) -> None:
        """End it at once: what it has is a copy."""
        await self.server.stop(fast=False)

    def catch_up(self) -> None:
        """Wait until it has replayed what its leader had written before."""
        with self._asking_both() as (leader, own):
            until_replayed(own, _lsn(leader, _FLUSHED), _CATCH_UP_SECONDS)

    def _pause(self) -> Stopped:
        with self._asking_both() as (leader, own):
            end, seconds = _lsn(leader, _FLUSHED), 0.0
            if end - _lsn(own, _REDO) > _NEAR:
                seconds += _checkpoint(leader)
                end = _lsn(leader, _FLUSHED)
            until_replayed(own, end, _SECONDS)
            seconds += _checkpoint(own)  # who starts on it begins to replay there
            own.execute("SELECT pg_wal_replay_pause()")
            if not until(own, _IS_PAUSED, (), _SECONDS):
                raise TryLater("the follower does not stop to replay")
            return Stopped(_lsn(own, _REPLAYED), seconds)

    def _promote(self) -> Promotion:
        with self._asking_both() as (leader, own):
            until_replayed(own, _lsn(leader, _FLUSHED), _SECONDS)
            own.execute("SELECT pg_promote(wait => false)")  # it would look every 0.1 s
            if not until(own, _WRITES, (), _SECONDS):
                raise TryLater("the follower is not promoted")
            number = int(_value(own, _NUMBER), 16)
        return Promotion(number, self._begin_of(number))

    def _begin_of(self, number: int) -> Lsn:
        """Return where a timeline begins: the last line of its history file tells."""
        path = os.path.join(self.data, "pg_wal", history_name(number))
        with open(path, encoding="ascii") as file:
            last = [line for line in file.read().splitlines() if line.strip()][-1]
        return Lsn.parse(last.split()[1])

    @contextlib.contextmanager
    def _asking_both(self) -> Iterator[tuple[Cursor, Cursor]]:
        """Yield the cursors of the leader and of the follower."""
        try:
            with _asking(self._leader) as leader, _asking(self._own) as own:
                yield leader, own
        except psycopg2.Error as error:
            raise TryLater(f"a follower or its leader fails: {error}") from error


def forget_leader(dsn: str, data: str) -> None:
    """Let one that was promoted write out what it replayed, and drop the log of that.

    PostgreSQL would do the former over minutes, in which each end of the server takes
    its time, and keep the latter for standbys that none will be.

    Raises:
        TryLater: it does not answer.
    """
    try:
        with _asking(dsn) as cursor:
            _checkpoint(cursor)
            number = int(_value(cursor, _NUMBER), 16)
    except psycopg2.Error as error:
        raise TryLater(f"no checkpoint after a promotion: {error}") from error
    log = os.path.join(data, "pg_wal")
    for name in filter(Segment.is_name, os.listdir(log)):
        if Segment.of_name(name).postgres_timeline < number:
            os.unlink(os.path.join(log, name))


@contextlib.contextmanager
def _asking(dsn: str) -> Iterator[Cursor]:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


def _checkpoint(cursor: Cursor) -> float:
    began = time.monotonic()
    cursor.execute("CHECKPOINT")
    return time.monotonic() - began


def _lsn(cursor: Cursor, statement: str) -> Lsn:
    return Lsn.parse(_value(cursor, statement))


def _value(cursor: Cursor, statement: str) -> str:
    cursor.execute(statement)
    row = cursor.fetchone()
    if row is None or row[0] is None:
        raise TryLater(f"no answer to: {statement}")
    return str(row[0])

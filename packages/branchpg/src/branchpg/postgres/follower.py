"""A server that replays what another one writes, and can be stopped between records.

It is a streaming replica. PostgreSQL lets one become a server that writes by promotion
only, which begins another PostgreSQL timeline. Here it is ended instead, at a record
that is known, and what it leaves is a copy of the data that starts by crash recovery.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg2

from branchpg.errors import TryLater
from branchpg.lsn import Lsn
from branchpg.postgres import local
from branchpg.postgres.cluster import ControlData, control_data
from branchpg.postgres.replay import until, until_replayed
from branchpg.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from branchpg.postgres.programs import Programs

    Cursor: TypeAlias = psycopg2.extensions.cursor

__all__ = ["NAME", "Follower", "Stopped"]

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


@dataclass(frozen=True)
class Stopped:
    """What a follower left: all of the log up to `lsn`, the end of a record.

    `checkpoint_seconds` is what its leader and it took to write out their pages.
    """

    lsn: Lsn
    control: ControlData
    checkpoint_seconds: float


class Follower:
    """One follower, on a data directory that is made for a standby."""

    def __init__(
        self, programs: Programs, data: str, server: Server, *, own: str, leader: str
    ) -> None:
        self._programs = programs
        self._data = data
        self._server = server
        self._own = own
        self._leader = leader

    @classmethod
    async def start(
        cls, programs: Programs, data: str, *, run: str, port: int, leader: str
    ) -> Follower:
        """Start one, and wait until it has caught up with its leader, a dsn.

        To be called in the main thread, with whose end it ends.
        """
        settings = {
            **local.settings(run, port),
            "primary_conninfo": f"{leader} application_name={NAME}",
            "wal_retrieve_retry_interval": "100ms",
            "restart_after_crash": "off",
            # Little to write out at its end, and little log beside the leader's.
            "shared_buffers": "16MB",
            "wal_keep_size": "0",
        }
        server = Server.start(programs, data, settings=settings, log=f"{data}.log")
        follower = cls(programs, data, server, own=local.dsn(run, port), leader=leader)
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
        return self._server.runs

    async def settle(self) -> Stopped:
        """End it after everything that its leader had written when this was called.

        Raises:
            TryLater: it does not come so far in time, or one of them does not answer.
        """
        lsn, seconds = await asyncio.to_thread(self._pause)
        await self.end()
        control = await asyncio.to_thread(control_data, self._programs, self._data)
        return Stopped(lsn, control, seconds)

    async def end(self) -> None:
        """End it at once: what it has is a copy."""
        await self._server.stop(fast=False)

    def catch_up(self) -> None:
        """Wait until it has replayed what its leader had written before."""
        with self._asking_both() as (leader, own):
            until_replayed(own, _lsn(leader, _FLUSHED), _CATCH_UP_SECONDS)

    def _pause(self) -> tuple[Lsn, float]:
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
            return _lsn(own, _REPLAYED), seconds

    @contextlib.contextmanager
    def _asking_both(self) -> Iterator[tuple[Cursor, Cursor]]:
        """Yield the cursors of the leader and of the follower."""
        try:
            with _asking(self._leader) as leader, _asking(self._own) as own:
                yield leader, own
        except psycopg2.Error as error:
            raise TryLater(f"a follower or its leader fails: {error}") from error


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
    cursor.execute(statement)
    row = cursor.fetchone()
    if row is None or row[0] is None:
        raise TryLater(f"no answer to: {statement}")
    return Lsn.parse(row[0])

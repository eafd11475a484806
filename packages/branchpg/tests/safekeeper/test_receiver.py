"""A safekeeper as the synchronous standby of a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import threading
from types import SimpleNamespace

import pytest

from branchpg.safekeeper.peers import Peers
from branchpg.safekeeper.receiver import Ended, Order, Receiver
from branchpg.safekeeper.state import TimelineKey

NOBODY = Peers(TimelineKey("a" * 32, "b" * 32), ())


def test_a_commit_is_here_before_it_is_acknowledged(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)

    primary.sql("create table t as select 1 as x")

    assert keeper.flush_lsn() >= primary.lsn()
    state = primary.sql("select sync_state, application_name from pg_stat_replication")
    assert state == [("quorum", "safekeeper_1")]


class Burst:
    """A stream of which the client library has read all already: its socket is mute."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.handle, self._other_end = os.pipe()
        self.cursor = self
        self._pieces = iter(pieces)
        self._position = 0
        self.asked_in_vain = 0

    def read_message(self):
        payload = next(self._pieces, None)
        if payload is None:
            return None
        start, self._position = self._position, self._position + len(payload)
        return SimpleNamespace(data_start=start, payload=payload)

    def send_feedback(self, *_positions, reply=False, force=False):
        self.asked_in_vain += reply

    def close(self):
        os.close(self.handle)
        os.close(self._other_end)


class Written:
    """A sink that ends its receiver once it has everything."""

    def __init__(self, size: int) -> None:
        self.lock = threading.Lock()
        self.size, self.position = size, 0

    def check(self, _receiver):
        """Let it go on."""

    def append(self, lsn, pieces):
        self.position = lsn + sum(map(len, pieces))
        if self.position == self.size:
            raise Ended
        return self.position


def test_the_end_of_a_burst_is_read_without_waiting_for_the_socket():
    """More than is written at once; then nothing that would wake who polls."""
    pieces = [bytes(128 * 1024)] * 20
    burst, sink = Burst(pieces), Written(20 * 128 * 1024)
    order = Order(1, "host=/nowhere", None, "safekeeper_1", NOBODY)
    with pytest.raises(Ended), contextlib.closing(burst):
        Receiver(order, sink)._pull(burst, 0)
    assert sink.position == sink.size
    assert burst.asked_in_vain == 0


def test_a_server_recovers_from_the_wal_here_alone(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t as select generate_series(1, 200000) as x")
    end = primary.lsn()
    primary.stop(fast=False)

    recovered = stage.recovered(keeper, end)

    assert recovered.value("select count(*) from t") == 200000

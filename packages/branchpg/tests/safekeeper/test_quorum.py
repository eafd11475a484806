"""Commits wait for k of n safekeepers, whichever of them are there."""

from __future__ import annotations

import contextlib
import subprocess
import threading

import psycopg2
import pytest

from branchpg.lsn import Lsn

ROWS = "select coalesce(array_agg(x order by x), '{}') from t"


class Writer(threading.Thread):
    """Inserts numbers, and knows which of them were acknowledged."""

    def __init__(self, primary, first=0):
        super().__init__(daemon=True)
        self.primary, self.number = primary, first
        self.acknowledged, self.stopping = [], threading.Event()
        self.start()

    def run(self):
        with contextlib.suppress(psycopg2.Error):
            with contextlib.closing(self.primary.connect()) as connection:
                while not self.stopping.is_set():
                    self.number += 1
                    with connection.cursor() as cursor:
                        cursor.execute("insert into t values (%s)", (self.number,))
                    if connection.notices:  # the wait was cancelled
                        return
                    self.acknowledged.append(self.number)

    def stop(self):
        self.stopping.set()
        self.join(20)
        return self.acknowledged


@pytest.fixture
def three(stage):
    keepers = [stage.keeper() for _ in range(3)]
    primary = stage.primary()
    stage.follow(primary, keepers, 2)
    primary.sql("create table t (x int)")
    return primary, keepers


def test_commits_wait_without_a_quorum_and_go_on_with_one(stage, three, until):
    primary, keepers = three
    writer = Writer(primary)
    until(lambda: len(writer.acknowledged) > 20)

    keepers[0].kill()
    count = len(writer.acknowledged)
    until(lambda: len(writer.acknowledged) > count + 20)

    keepers[1].kill()
    held = until(
        lambda: primary.sql(
            "select 1 from pg_stat_activity where wait_event = 'SyncRep'"
        )
    )
    count = len(writer.acknowledged)
    assert held
    assert not threading.Event().wait(1)
    assert len(writer.acknowledged) == count

    keepers[1].start()
    keepers[1].receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn)
    until(lambda: len(writer.acknowledged) > count + 20)
    writer.stop()


def test_what_was_acknowledged_survives_kill_under_load(stage, until):
    """A safekeeper is killed and comes back, again and again, under pgbench."""
    keeper, primary = stage.keeper(), stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t (x int)")
    bench = f"{stage.programs.directory}/pgbench"
    shown = ("-h", primary.directory, "-U", "cloud_admin", "postgres")
    subprocess.run([bench, "-i", "-q", *shown], check=True, capture_output=True)
    load = subprocess.Popen(
        [bench, "-n", "-N", "-c", "4", "-T", "60", *shown],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    writer = Writer(primary)
    try:
        for _ in range(3):
            count = len(writer.acknowledged)
            until(lambda count=count: len(writer.acknowledged) > count + 100)
            keeper.kill()
            keeper.start()
            history = [(1, stage.start_lsn)]
            keeper.receive(primary, 1, history, stage.start_lsn)
    finally:
        load.kill()
        load.wait()
    count = len(writer.acknowledged)
    until(lambda: len(writer.acknowledged) > count + 100)
    primary.stop(fast=False)
    acknowledged = writer.stop()
    keeper.kill()
    keeper.start()

    recovered = stage.recovered(keeper, keeper.flush_lsn())

    assert set(acknowledged) <= set(recovered.value(ROWS))


def test_of_two_primaries_nothing_acknowledged_is_lost(stage, three, until):
    """The old one writes while the new one is elected; only one of them progresses."""
    old, keepers = three
    before = Writer(old)
    until(lambda: len(before.acknowledged) > 50)

    found = [keeper.fence(2, stage.start_lsn) for keeper in keepers[1:]]
    best = max(found, key=lambda a: (a["last_generation"], Lsn.parse(a["flush_lsn"])))
    base = keepers[1:][found.index(best)]
    elected = Lsn.parse(best["flush_lsn"])
    new = stage.recovered(base, elected)
    pairs = [(e["generation"], Lsn.parse(e["lsn"])) for e in best["history"]]
    history = [*pairs, (2, elected)]
    stage.follow(new, keepers[1:], 2, generation=2, history=history)
    count = len(before.acknowledged)
    after = Writer(new, first=1_000_000)
    until(lambda: len(after.acknowledged) > 50)
    assert len(before.acknowledged) == count  # its commits wait, with one of three

    keepers[0].fence(2, stage.start_lsn)
    keepers[0].receive(new, 2, history, stage.start_lsn)
    after.stop()
    end = new.lsn()
    for keeper in keepers:
        keeper.wait(end)
    acknowledged = {*before.acknowledged, *after.acknowledged}
    for keeper in keepers:
        rows = stage.recovered(keeper, end).value(ROWS)
        assert acknowledged <= set(rows)
    old.stop(fast=False)

"""Generations: who was fenced is not acknowledged, what was acknowledged stays."""

from __future__ import annotations

import contextlib
import signal
import threading

import psycopg2
import pytest

from branchpg.errors import BadRequest, Conflict, PreconditionFailed, TryLater
from branchpg.lsn import Lsn


class Commit(threading.Thread):
    """A commit that may wait for long; `done` when it was acknowledged."""

    def __init__(self, primary, statement):
        super().__init__(daemon=True)
        self.connection = primary.connect()
        self.statement, self.done = statement, threading.Event()
        self.start()

    def run(self):
        with contextlib.suppress(psycopg2.Error):
            with self.connection.cursor() as cursor:
                cursor.execute(self.statement)
                if not any("synchronous" in n for n in self.connection.notices):
                    self.done.set()


def test_a_timeline_is_made_by_its_first_fence(stage, keeper):
    found = keeper.fence(3, stage.start_lsn)

    assert found == {
        "generation": 0,
        "last_generation": 0,
        "flush_lsn": None,
        "start_lsn": str(stage.start_lsn),
        "history": [],
    }
    assert keeper.fence(3, stage.start_lsn)["generation"] == 3


def test_a_lower_generation_is_refused(stage, keeper):
    keeper.fence(3, stage.start_lsn)

    with pytest.raises(Conflict, match="generation 3 is promised"):
        keeper.fence(2, stage.start_lsn)


def test_a_promise_outlives_kill(stage, keeper):
    keeper.fence(3, stage.start_lsn)
    keeper.kill()
    keeper.start()

    with pytest.raises(Conflict, match="generation 3 is promised"):
        keeper.fence(2, stage.start_lsn)


def test_another_start_is_refused(stage, keeper):
    keeper.fence(3, stage.start_lsn)

    with pytest.raises(Conflict, match="starts at"):
        keeper.fence(4, Lsn(stage.start_lsn + 8))


def test_a_lower_generation_than_the_promised_one_is_not_received_from(stage, keeper):
    primary = stage.primary()
    keeper.fence(2, stage.start_lsn)

    with pytest.raises(Conflict, match="generation 2 is promised"):
        keeper.receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn)


def test_one_that_was_away_promises_the_generation_that_it_receives_from(stage, keeper):
    primary = stage.primary()
    keeper.fence(2, stage.start_lsn)

    keeper.receive(primary, 4, [(4, stage.start_lsn)], stage.start_lsn)

    with pytest.raises(Conflict, match="generation 4 is promised"):
        keeper.fence(3, stage.start_lsn)


def test_what_is_no_order_to_receive_leaves_the_promise(stage, keeper):
    primary = stage.primary()
    keeper.fence(2, stage.start_lsn)

    with pytest.raises(BadRequest):
        keeper.receive(primary, 4, [(3, stage.start_lsn)], stage.start_lsn)

    assert keeper.fence(3, stage.start_lsn)["generation"] == 2


def test_a_history_must_end_with_its_generation(stage, keeper):
    primary = stage.primary()
    keeper.fence(2, stage.start_lsn)

    with pytest.raises(BadRequest, match="does not end with generation 2"):
        keeper.receive(primary, 2, [(1, stage.start_lsn)], stage.start_lsn)


def test_a_fenced_primary_gets_no_acknowledgement(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t (x int)")
    acknowledged = primary.lsn()

    found = keeper.fence(2, stage.start_lsn)
    late = Commit(primary, "insert into t values (1)")

    assert not late.done.wait(2)
    assert Lsn.parse(found["flush_lsn"]) >= acknowledged
    assert found["last_generation"] == 1
    assert primary.value("select count(*) from pg_stat_replication") == 0
    with pytest.raises(Conflict):
        keeper.receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn)


def test_another_cluster_is_refused_for_good(stage, keeper, installed, tmp_path):
    keeper.client.send(
        "POST",
        f"/v1/tenant/{'a' * 32}/timeline/{'b' * 32}/fence",
        {"generation": 1, "start_lsn": str(stage.start_lsn), "system_id": 4711},
        dict,
    )
    primary = stage.primary()

    with pytest.raises(PreconditionFailed, match="system id"):
        keeper.receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn)


def test_who_is_not_there_is_tried_again(stage, keeper, until):
    primary = stage.primary()
    primary.stop()
    keeper.fence(1, stage.start_lsn)
    with pytest.raises(TryLater, match="PostgreSQL"):
        keeper.post(
            "receive",
            generation=1,
            dsn=primary.dsn,
            start_lsn=str(stage.start_lsn),
            history=[{"generation": 1, "lsn": str(stage.start_lsn)}],
            timeout=0.5,
        )
    primary.start()

    until(lambda: keeper.status()["walreceivers"][0]["status"] == "Streaming")


def test_a_divergent_tail_is_cut_when_its_safekeeper_comes_back(stage):
    """Of two primaries, each gets what its own safekeepers had when it was elected."""
    one, two, away = (stage.keeper() for _ in range(3))
    old = stage.primary()
    stage.follow(old, [one, two, away], 2)
    old.sql("create table t (x int)")
    old.sql("insert into t values (1)")
    away.wait(old.lsn())

    # The old primary goes on alone with one safekeeper; nobody else hears of it.
    one.fence(2, stage.start_lsn)
    two.fence(2, stage.start_lsn)
    late = Commit(old, "insert into t select generate_series(1000, 3000)")
    assert not late.done.wait(1)
    divergent = away.flush_lsn()
    found = [keeper.fence(2, stage.start_lsn) for keeper in (one, two)]
    elected = max(Lsn.parse(answer["flush_lsn"]) for answer in found)
    assert elected < divergent

    new = stage.recovered(one, elected)
    history = [(1, stage.start_lsn), (2, elected)]
    stage.follow(new, [one, two], 2, generation=2, history=history)
    new.sql("insert into t values (2)")
    away.fence(2, stage.start_lsn)
    away.receive(new, 2, history, stage.start_lsn)
    away.wait(new.lsn())

    digests = {keeper_digest(keeper, stage, new) for keeper in (one, two, away)}
    assert len(digests) == 1
    assert stage.recovered(away, new.lsn()).sql("select x from t order by x") == [
        (1,),
        (2,),
    ]
    assert not late.done.is_set()


def keeper_digest(keeper, stage, primary):
    keeper.wait(primary.lsn())
    path = f"/v1/tenant/{'a' * 32}/timeline/{'b' * 32}/digest"
    return keeper.client.get(
        f"{path}?from_lsn={stage.start_lsn}&until_lsn={primary.lsn()}", dict
    )["sha256"]


def test_term_bump_fences_too(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)

    assert keeper.post("term_bump") == {"previous_term": 1, "current_term": 2}
    assert keeper.status()["walreceivers"] == []


def test_a_stopped_receiver_stays_stopped(stage, keeper, until):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    keeper.client.send(
        "DELETE",
        f"/v1/tenant/{'a' * 32}/timeline/{'b' * 32}/receive",
        {"generation": 1},
        dict,
    )

    until(lambda: primary.value("select count(*) from pg_stat_replication") == 0)
    assert keeper.status()["walreceivers"] == []


def test_postgresql_that_comes_back_is_received_from_again(stage, keeper, until):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.stop(fast=False)
    primary.start()

    primary.sql("create table t as select 1 as x")

    assert keeper.flush_lsn() >= primary.lsn()


def test_sigterm_ends_a_safekeeper_cleanly(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)

    keeper.kill(signal.SIGTERM)

    assert keeper.process.returncode == 0

"""What a compute has no more comes from the other safekeepers."""

from __future__ import annotations

import contextlib

import pytest

from branchpg.errors import BadRequest, TryLater
from branchpg.lsn import SEGMENT, Lsn

GONE = (
    "select count(*) = 0 from pg_ls_waldir()"
    " where name = pg_walfile_name(%s::pg_lsn + 1)"
)


class Scene:
    """A primary that has removed WAL which one of its two safekeepers still lacks."""

    def __init__(self, stage, *, has_nothing=False):
        self.stage, self.history = stage, [(1, stage.start_lsn)]
        self.ahead, self.behind = stage.keeper(), stage.keeper()
        self.primary = stage.primary(wal_keep_size="0")
        stage.follow(self.primary, [self.ahead, self.behind], 1)
        self.primary.fill(2)
        self.behind.wait(self.primary.lsn())
        self.behind.kill()
        if has_nothing:
            self.behind.lose()
        self.reached = self.primary.lsn()
        self.primary.fill(4)
        self.forget_slot()
        self.behind.start()

    def forget_slot(self):
        """Be as a compute that was made anew: it has WAL from here on."""
        self.ahead.wait(self.primary.lsn())
        self.primary.sql("select pg_drop_replication_slot('safekeeper_2')")
        self.primary.sql("checkpoint")
        assert self.primary.value(GONE, str(self.reached))

    def join(self, peers=None):
        """Let the one that is behind follow the primary."""
        self.behind.fence(1, self.stage.start_lsn)
        return self.behind.receive(
            self.primary,
            1,
            self.history,
            self.stage.start_lsn,
            [self.ahead] if peers is None else peers,
        )

    def join_in_vain(self, until, peers=None):
        """Let it follow; return once it says that nobody has what it lacks."""
        with contextlib.suppress(TryLater):  # it may say so at once
            self.join(peers)

        def told():
            [receiver] = self.behind.status()["walreceivers"]
            return "no other safekeeper has WAL" in (receiver["reason"] or "")

        until(told)


@pytest.mark.parametrize("has_nothing", [False, True])
def test_one_that_was_away_gets_what_it_lacks(stage, has_nothing):
    scene = Scene(stage, has_nothing=has_nothing)

    scene.join()
    scene.primary.sql("insert into t values (2)")
    end = scene.primary.lsn()
    scene.behind.wait(end)

    assert stage.recovered(scene.behind, end).value("select count(*) from t") == 7


@pytest.mark.parametrize("has_nothing", [False, True])
def test_it_begins_where_the_others_do(stage, has_nothing):
    """They have moved what it lacks to the pageserver; what it has is there, too."""
    scene = Scene(stage, has_nothing=has_nothing)
    start = Lsn(scene.reached + 2 * SEGMENT)
    first = scene.ahead.forget(start)["local_start_lsn"]
    assert Lsn.parse(first) > scene.reached

    scene.join()
    end = scene.primary.lsn()
    scene.behind.wait(end)

    told = scene.behind.status()
    assert told["local_start_lsn"] == told["remote_consistent_lsn"] == first
    assert [path.name for path in scene.behind.segments()][0] == (
        scene.ahead.segments()[0].name
    )
    assert scene.behind.digest(first, end) == scene.ahead.digest(first, end)
    scene.behind.kill()
    scene.behind.start()
    assert scene.behind.flush_lsn() == end
    scene.join()
    scene.primary.sql("insert into t values (2)")
    scene.behind.wait(scene.primary.lsn())


def test_a_slot_that_has_kept_too_much_keeps_again(stage, until):
    """So that the compute's disk is not filled by a safekeeper that is away."""
    limits = {"max_slot_wal_keep_size": "32MB", "wal_keep_size": "0"}
    ahead, behind = stage.keeper(), stage.keeper()
    primary = stage.primary(**limits)
    stage.follow(primary, [ahead, behind], 1)
    behind.kill()
    primary.fill(6)
    primary.sql("checkpoint")
    status = "select wal_status from pg_replication_slots where slot_name = %s"
    assert primary.value(status, "safekeeper_2") == "lost"

    behind.start()
    behind.receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn, [ahead])
    end = primary.lsn()
    behind.wait(end)

    until(lambda: primary.value(status, "safekeeper_2") == "reserved")
    assert stage.recovered(behind, end).value("select count(*) from t") == 6


def test_a_kill_in_the_middle_leaves_what_can_go_on(stage, until):
    scene = Scene(stage)
    scene.primary.fill(12)
    scene.ahead.wait(scene.primary.lsn())

    scene.join()
    until(lambda: scene.behind.flush_lsn() > scene.reached + 2 * SEGMENT)
    scene.behind.kill()
    scene.behind.start()
    scene.join()
    end = scene.primary.lsn()
    scene.behind.wait(end)

    assert stage.recovered(scene.behind, end).value("select count(*) from t") == 18


def test_nothing_is_taken_from_who_follows_another_generation(stage, until):
    """Its WAL may be another one, at the same positions."""
    scene = Scene(stage)
    begun = scene.ahead.flush_lsn()
    other = stage.recovered(scene.ahead, begun)
    scene.ahead.fence(2, stage.start_lsn)
    history = [*scene.history, (2, begun)]
    scene.ahead.receive(other, 2, history, stage.start_lsn)
    other.sql("insert into t values (3)")
    scene.ahead.wait(other.lsn())
    before = scene.behind.flush_lsn()

    scene.join_in_vain(until)

    assert scene.behind.flush_lsn() == before


def test_without_others_it_says_what_is_missing(stage, until):
    scene = Scene(stage)
    before = scene.behind.flush_lsn()

    scene.join_in_vain(until, peers=[])

    assert scene.behind.flush_lsn() == before


def test_peers_are_addresses_and_few(stage, keeper):
    keeper.fence(1, stage.start_lsn)
    wanted = {
        "generation": 1,
        "dsn": "host=/nowhere",
        "start_lsn": str(stage.start_lsn),
        "history": [{"generation": 1, "lsn": str(stage.start_lsn)}],
    }
    for peers in (["http://127.0.0.1:1"] * 17, ["http://:no"]):
        with pytest.raises(BadRequest):
            keeper.post("receive", **wanted, peers=peers)

"""A safekeeper as the synchronous standby of a real PostgreSQL."""

from __future__ import annotations


def test_a_commit_is_here_before_it_is_acknowledged(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)

    primary.sql("create table t as select 1 as x")

    assert keeper.flush_lsn() >= primary.lsn()
    state = primary.sql("select sync_state, application_name from pg_stat_replication")
    assert state == [("quorum", "safekeeper_1")]


def test_the_end_of_a_burst_is_here_without_more_to_follow(stage, keeper):
    """What the client library has read already, the socket does not tell of again."""
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t (x text)")
    for rows in range(1000, 3500, 500):
        keeper.kill()  # so that it comes all at once
        primary.sql(
            "set synchronous_commit = local; insert into t "
            f"select repeat('x', 3000) from generate_series(1, {rows})"
        )
        keeper.start()
        stage.follow(primary, [keeper], 1)
        # A status message after ten seconds would bring it to light.
        keeper.wait(primary.lsn(), timeout=7)


def test_a_server_recovers_from_the_wal_here_alone(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t as select generate_series(1, 200000) as x")
    end = primary.lsn()
    primary.stop(fast=False)

    recovered = stage.recovered(keeper, end)

    assert recovered.value("select count(*) from t") == 200000

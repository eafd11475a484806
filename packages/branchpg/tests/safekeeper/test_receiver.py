"""A safekeeper as the synchronous standby of a real PostgreSQL."""

from __future__ import annotations


def test_a_commit_is_here_before_it_is_acknowledged(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)

    primary.sql("create table t as select 1 as x")

    assert keeper.flush_lsn() >= primary.lsn()
    state = primary.sql("select sync_state, application_name from pg_stat_replication")
    assert state == [("quorum", "safekeeper_1")]


def test_a_server_recovers_from_the_wal_here_alone(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t as select generate_series(1, 200000) as x")
    end = primary.lsn()
    primary.stop(fast=False)

    recovered = stage.recovered(keeper, end)

    assert recovered.value("select count(*) from t") == 200000

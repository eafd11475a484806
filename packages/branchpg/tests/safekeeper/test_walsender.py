"""Real clients of the replication protocol stream from a safekeeper."""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extras import PhysicalReplicationConnection

from branchpg.errors import BranchpgError
from branchpg.wire.startup import startup_packet


@pytest.fixture
def followed(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    return primary


@contextlib.contextmanager
def replication(keeper, **more):
    connection = psycopg2.connect(
        keeper.libpq(), connection_factory=PhysicalReplicationConnection, **more
    )
    with contextlib.closing(connection):
        with connection.cursor() as cursor:
            yield cursor


def test_pg_receivewal_gets_the_same_bytes(stage, keeper, followed, until):
    with replication(keeper) as cursor:
        cursor.execute("CREATE_REPLICATION_SLOT backup PHYSICAL RESERVE_WAL")
    followed.sql("create table t as select generate_series(1, 300000) as x")
    followed.sql("select pg_switch_wal()")
    followed.sql("insert into t values (0)")
    keeper.wait(followed.lsn())
    target = stage.directory / "received"
    target.mkdir()
    program = f"{stage.programs.directory}/pg_receivewal"

    receiving = subprocess.Popen(
        [
            *(program, "-D", str(target), "-d", keeper.libpq()),
            *("--slot", "backup", "--synchronous", "-v"),
        ],
        stderr=subprocess.PIPE,
    )
    try:
        whole = keeper.segments()[0].name
        until(lambda: (target / whole).exists())
        assert (target / whole).read_bytes() == keeper.segments()[0].read_bytes()
        sent = [sender["name"] for sender in keeper.status()["walsenders"]]
        assert sent == ["pg_receivewal"]
    finally:
        receiving.send_signal(signal.SIGINT)
        _, words = receiving.communicate(timeout=20)
    assert receiving.returncode == 0, words
    until(lambda: keeper.status()["walsenders"] == [])


def test_a_hot_standby_needs_nothing_else(stage, keeper, followed, until):
    followed.sql("create table t as select generate_series(1, 1000) as x")
    copy = stage.directory / "copy"
    subprocess.run(
        [
            *(f"{stage.programs.directory}/pg_basebackup", "-D", str(copy)),
            *("-d", followed.dsn, "-X", "none", "-c", "fast", "--no-sync"),
        ],
        check=True,
        capture_output=True,
    )
    (copy / "standby.signal").touch()
    Path(copy, "postgresql.auto.conf").write_text("")
    standby = stage.primary(str(copy), primary_conninfo=keeper.libpq())
    followed.sql("insert into t select generate_series(1001, 1500)")

    until(lambda: standby.value("select count(*) from t") == 1500)
    assert standby.value("select status from pg_stat_wal_receiver") == "streaming"


def test_commands_answer_as_a_walsender_does(keeper, followed):
    followed.sql("create table t as select 1 as x")
    with replication(keeper) as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        system_id, timeline, position, database = cursor.fetchone()
        cursor.execute("SHOW wal_segment_size")
        assert cursor.fetchone() == ("16MB",)
        cursor.execute("SHOW data_directory_mode")
        assert cursor.fetchone() == ("0700",)
        with pytest.raises(psycopg2.Error, match="unrecognized configuration"):
            cursor.execute("SHOW nonsense")
        with pytest.raises(psycopg2.Error, match="does not know"):
            cursor.execute("BASE_BACKUP")
        with pytest.raises(psycopg2.Error, match="could not open file"):
            cursor.execute("TIMELINE_HISTORY 7")
    here = followed.value("select system_identifier::text from pg_control_system()")
    assert (system_id, timeline, database) == (here, 1, None)
    assert position == keeper.status()["flush_lsn"]


def test_a_slot_is_made_read_and_dropped(keeper, followed):
    with replication(keeper) as cursor:
        cursor.execute('CREATE_REPLICATION_SLOT "one" PHYSICAL (RESERVE_WAL)')
        assert cursor.fetchone()[0] == "one"
        with pytest.raises(psycopg2.Error, match="already exists"):
            cursor.execute("CREATE_REPLICATION_SLOT one PHYSICAL RESERVE_WAL")
        cursor.execute("READ_REPLICATION_SLOT one")
        assert cursor.fetchone()[0] == "physical"
        cursor.execute("DROP_REPLICATION_SLOT one")
        cursor.execute("READ_REPLICATION_SLOT one")
        assert cursor.fetchone() == (None, None, None)
        with pytest.raises(psycopg2.Error, match="does not exist"):
            cursor.execute("START_REPLICATION SLOT one PHYSICAL 0/1000000")


def test_a_temporary_slot_ends_with_its_session(keeper, followed, until):
    with replication(keeper) as cursor:
        cursor.execute("CREATE_REPLICATION_SLOT brief TEMPORARY PHYSICAL RESERVE_WAL")

    def gone():
        with replication(keeper) as cursor:
            cursor.execute("READ_REPLICATION_SLOT brief")
            return cursor.fetchone()[0] is None

    until(gone)


def test_what_is_not_here_is_refused(keeper, followed):
    with replication(keeper) as cursor:
        with pytest.raises(psycopg2.Error, match="ahead of the WAL flush position"):
            cursor.execute("START_REPLICATION PHYSICAL 7/0 TIMELINE 1")
        with pytest.raises(psycopg2.Error, match="not in this server's history"):
            cursor.execute("START_REPLICATION PHYSICAL 0/1000000 TIMELINE 3")
        with pytest.raises(psycopg2.Error, match="already been removed"):
            cursor.execute("START_REPLICATION PHYSICAL 0/0 TIMELINE 1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-c timeline_id=" + "c" * 32, "was not found"),
        ("", "invalid timeline id"),
        ("-c timeline_id=" + "b" * 31, "invalid timeline id"),
    ],
)
def test_an_unknown_timeline_is_refused(keeper, options, words):
    dsn = f"host=127.0.0.1 port={keeper.pg_port} user=x options='{options}'"
    with pytest.raises(psycopg2.OperationalError, match=words):
        psycopg2.connect(dsn, connection_factory=PhysicalReplicationConnection)


def test_the_database_may_name_the_timeline(keeper, followed):
    given = {b"user": b"x", b"database": b"b" * 32, b"replication": b"true"}
    with socket.create_connection(("127.0.0.1", keeper.pg_port), 10) as client:
        client.sendall(startup_packet(given))
        assert client.recv(1) == b"R"


def test_ordinary_sessions_are_refused(keeper):
    with pytest.raises(psycopg2.OperationalError, match="physical replication only"):
        psycopg2.connect(f"host=127.0.0.1 port={keeper.pg_port} user=x")


def test_a_token_is_the_password(stage):
    file = stage.directory / "token"
    file.write_text("secret\n")
    keeper = stage.keeper("--token-file", str(file))
    factory = PhysicalReplicationConnection
    with pytest.raises(psycopg2.OperationalError, match="password authentication"):
        psycopg2.connect(keeper.libpq(), connection_factory=factory, password="x")
    with pytest.raises(psycopg2.OperationalError, match="was not found"):
        psycopg2.connect(keeper.libpq(), connection_factory=factory, password="secret")


def test_a_standby_that_breaks_off_leaves_no_trace(keeper, followed, until):
    given = {b"user": b"x", b"database": b"b" * 32, b"replication": b"true"}
    start = b"START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1\0"
    with socket.create_connection(("127.0.0.1", keeper.pg_port), 10) as client:
        client.sendall(startup_packet(given))
        client.sendall(b"Q" + struct.pack("!I", len(start) + 4) + start)
        until(lambda: keeper.status()["walsenders"])

    until(lambda: keeper.status()["walsenders"] == [])
    assert "Traceback" not in Path(keeper.log).read_text()


def test_a_stream_ends_where_its_wal_was_superseded(stage, keeper, followed, until):
    """The end of the WAL here is cut; who has streamed it already is told."""
    with replication(keeper) as cursor:
        followed.sql("create table t as select 1 as x")
        cursor.start_replication_expert(
            f"START_REPLICATION PHYSICAL {keeper.flush_lsn()} TIMELINE 1", decode=False
        )
        other = stage.primary()
        keeper.fence(2, stage.start_lsn)
        with contextlib.suppress(BranchpgError):
            keeper.receive(other, 2, [(2, stage.start_lsn)], stage.start_lsn)

        def told():
            try:
                return cursor.read_message() and False
            except psycopg2.Error as error:
                return str(error)

        assert "was superseded" in until(told)


def test_a_suspended_compute_stops_quickly(keeper, followed):
    """A clean stop of PostgreSQL waits for its standbys; ours answer at once."""
    begun = time.monotonic()
    followed.stop()

    assert time.monotonic() - begun < 2
    before = cpu_seconds(keeper)
    threading.Event().wait(1)
    assert cpu_seconds(keeper) - before < 0.3


def cpu_seconds(keeper):
    stat = Path(f"/proc/{keeper.process.pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100

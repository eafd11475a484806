"""First and later starts of a real PostgreSQL, against what the image does."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from postgres_service import PASSWORD, Service
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root steps down, others not")


def test_first_start_and_restart(either_service: Service) -> None:
    service = either_service
    service.environment |= {"POSTGRES_USER": "app", "POSTGRES_DB": "shop"}
    service.write("1.sql", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);")

    service.serve()
    assert service.query("SELECT current_user || n FROM one", "-d", "shop") == "app1"
    assert service.query("SHOW server_encoding", "-d", "shop") == "UTF8"
    assert service.query("SHOW fsync", "-d", "shop") == "on"
    assert service.stop() == 0

    service.serve()
    assert service.query("SELECT count(*) FROM one", "-d", "shop") == "1"
    assert "Skipping initialization" in service.text()
    assert stat.S_IMODE(service.data.stat().st_mode) == 0o700
    assert service.stop(signal.SIGTERM) == 0


def test_it_becomes_the_server(service: Service) -> None:
    service.serve()
    assert service.process
    pid = service.process.pid

    assert (service.data / "postmaster.pid").read_text().splitlines()[0] == str(pid)
    assert Path(f"/proc/{pid}/exe").resolve().name == "postgres"
    service.process.kill()
    assert service.process.wait(10) == -signal.SIGKILL


def test_it_listens_on_its_own_address_only(service: Service) -> None:
    service.serve("postgres", "-c", "listen_addresses=*", "-c", "max_connections=17")

    assert service.query("SHOW listen_addresses") == service.address
    assert service.query("SHOW max_connections") == "17"


@pytest.mark.parametrize(
    "options", [("-p", "5499"), ("-c", "port=5499"), ("--port=5499",), ("-p5499",)]
)
def test_the_port_of_the_command(service: Service, options: tuple[str, ...]) -> None:
    service.environment["PGPORT"] = "5499"  # where the test looks
    argv = ("postgres", *options)
    variables = service.variables()
    del variables["PGPORT"]
    assert service.adapter.client(argv, variables)["PGPORT"] == "5499"

    service.serve(*options, PGPORT="5432")


def test_neighbours_need_the_password(service: Service) -> None:
    service.serve()

    assert service.from_a_neighbour("SELECT 1", PASSWORD) == "1"
    assert "password authentication failed" in service.from_a_neighbour("SELECT 1", "x")
    assert service.query("SHOW password_encryption") == "scram-sha-256"


@pytest.mark.parametrize("with_file", [False, True], ids=["variable", "file"])
def test_clients_inside_need_no_password(
    either_service: Service, *, with_file: bool
) -> None:
    service = either_service
    if with_file:
        secret = service.room / "secret"
        secret.write_text(f"{PASSWORD}\n")
        service.environment |= {"POSTGRES_PASSWORD": ""}
        service.environment |= {"POSTGRES_PASSWORD_FILE": str(secret)}
    service.serve()

    for command in (
        ("psql", "-U", "postgres", "-Atc", "SELECT 1"),
        ("psql", "-Atc", "SELECT 1"),
        # What substitution makes of `psql -h localhost`.
        ("psql", "-h", service.address, "-U", "postgres", "-Atc", "SELECT 1"),
        ("pg_isready", "-U", "postgres"),
        ("pg_isready", "-h", service.address),
        ("pg_dump", "-s", "postgres"),
    ):
        completed = service.client(*command)
        assert completed.returncode == 0, completed.stderr


def test_the_socket_is_private(either_service: Service) -> None:
    either_service.serve()
    variables = either_service.variables()
    directory = Path(either_service.adapter.client((), variables)["PGHOST"])

    assert (directory / ".s.PGSQL.5432").is_socket()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_long_path_to_the_socket(service: Service) -> None:
    service.run = service.room / ("long" * 30)
    service.serve()

    assert service.query("SELECT 1") == "1"
    short = os.readlink(service.run / "postgres")
    service.stop()
    shutil.rmtree(short)


def test_without_a_run_directory_there_is_no_socket(service: Service) -> None:
    service.environment |= {"YARD_RUN_DIR": "", "POSTGRES_DB": "shop"}
    service.serve()

    assert service.query("SHOW unix_socket_directories", "-h", service.address) == ""


def test_the_password_is_in_no_command_line(service: Service) -> None:
    """A script looks at every process while the initialisation is running."""
    seen = service.room / "seen"
    service.write("1.sh", f"cat /proc/[0-9]*/cmdline > {seen} || true\n")
    seen.touch(0o666)
    seen.chmod(0o666)
    service.serve()

    after = b""
    for pid in service.processes():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            after += Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"postgres" in seen.read_bytes()
    assert PASSWORD.encode() not in seen.read_bytes() + after
    assert PASSWORD not in service.text()


@pytest.mark.parametrize("method", ["", "scram-sha-256"])
def test_an_empty_password_is_refused(service: Service, method: str) -> None:
    text = service.fails(POSTGRES_PASSWORD="", POSTGRES_HOST_AUTH_METHOD=method)

    assert "superuser password is not specified" in text
    assert not list(service.data.iterdir())


def test_trust_needs_no_password(service: Service) -> None:
    service.environment |= {"POSTGRES_PASSWORD": ""}
    service.serve(POSTGRES_HOST_AUTH_METHOD="trust")

    assert service.from_a_neighbour("SELECT 1", "") == "1"
    assert "POSTGRES_HOST_AUTH_METHOD=trust" in service.text()


def test_a_variable_and_its_file_exclude_each_other(service: Service) -> None:
    text = service.fails(POSTGRES_USER="a", POSTGRES_USER_FILE="/run/secrets/user")

    assert text == (
        "error: both POSTGRES_USER and POSTGRES_USER_FILE are set (but are exclusive)\n"
    )


def test_a_missing_secret(service: Service) -> None:
    text = service.fails(POSTGRES_DB_FILE="/run/secrets/db")

    assert 'cannot read POSTGRES_DB_FILE "/run/secrets/db"' in text
    assert "hint:" in text


def test_arguments_for_initdb(service: Service) -> None:
    wal = service.room / "wal"
    service.serve(
        POSTGRES_INITDB_ARGS="--data-checksums --wal-segsize='32'",
        POSTGRES_INITDB_WALDIR=str(wal),
    )

    assert service.query("SHOW data_checksums") == "on"
    assert service.query("SHOW wal_segment_size") == "32MB"
    assert (service.data / "pg_wal").resolve() == wal


def test_wrong_arguments_for_initdb(service: Service) -> None:
    assert "initdb failed with" in service.fails(POSTGRES_INITDB_ARGS="--nonsense")
    assert "cannot read POSTGRES_INITDB_ARGS" in service.fails(POSTGRES_INITDB_ARGS="'")


def test_foreign_wal_is_left_alone(service: Service) -> None:
    wal = service.room / "wal"
    wal.mkdir()
    (wal / "precious").touch()

    for _ in range(2):
        text = service.fails(POSTGRES_INITDB_WALDIR=str(wal))
        assert "is not empty" in text
    assert (wal / "precious").exists()


def test_foreign_data_is_left_alone(service: Service) -> None:
    (service.data / "precious").touch()

    assert "is not empty" in service.fails()
    assert [path.name for path in service.data.iterdir()] == ["precious"]


def test_data_in_a_directory_of_the_volume(either_service: Service) -> None:
    below = either_service.data / "deep" / "pgdata"
    (either_service.data / "lost+found").mkdir()
    either_service.serve(PGDATA=str(below))

    assert (below / "PG_VERSION").exists()


def test_data_of_another_major_version(service: Service) -> None:
    (service.data / "PG_VERSION").write_text("12\n")

    text = service.fails()

    assert "was written by PostgreSQL 12, and this is 17." in text
    assert "image postgres:12" in text
    assert "pg_upgrade" in text


def test_the_systems_postgres_and_then_another_major(
    make_service: Callable[..., Service],
) -> None:
    root = Path("/usr/lib/postgresql")
    others = sorted(path.name for path in root.glob("*") if path.name != "17")
    if not others:
        pytest.skip("the system has no PostgreSQL of another major version")
    service = make_service(name=f"postgres:{others[0]}")
    service.environment["POSTGRES_DB"] = 'my "shop"'
    service.serve()
    assert service.query("SHOW server_version", "-d", 'my "shop"').startswith(others[0])
    assert service.stop() == 0

    text = make_service(name="postgres:17").fails()
    assert f"was written by PostgreSQL {others[0]}, and this is 17." in text
    assert (service.data / "PG_VERSION").read_text() == f"{others[0]}\n"


def test_another_major_version_than_the_tags(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(name="postgres:9")
    service.serve()

    assert "warning: postgres:9 runs as PostgreSQL 17." in service.text()


def test_the_old_volume_of_a_newer_image(make_service: Callable[..., Service]) -> None:
    service = make_service(name="postgres:18")

    text = service.fails(PGDATA=str(service.room / "other" / "18" / "docker"))

    assert "a volume is at /var/lib/postgresql/data" in text


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("postgres", "--version"), "postgres (PostgreSQL) 17."),
        (("-V",), "postgres (PostgreSQL) 17."),
        (("psql", "--version"), "psql (PostgreSQL) 17."),
        (("sh", "-c", "docker-entrypoint.sh echo $PG_MAJOR"), "17"),
        (("sh", "-c", "docker-entrypoint.sh postgres --version"), "postgres (Post"),
    ],
)
def test_other_commands_run_as_they_are(
    service: Service, arguments: tuple[str, ...], output: str
) -> None:
    completed = subprocess.run(
        service.argv(*arguments),
        env=service.variables(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert completed.stdout.startswith(output)
    assert not list(service.data.iterdir())


def test_scripts_of_every_kind_in_order(either_service: Service) -> None:
    service = either_service
    note = "INSERT INTO notes(text) VALUES ('{}');"
    service.environment["POSTGRES_DB"] = "shop"
    service.write("00.sql", "CREATE TABLE notes (n serial, text text);")
    service.write("10.sql.gz", gzip.compress(note.format("gzip").encode()))
    service.write("20.sql.xz", lzma.compress(note.format("xz").encode()))
    service.write(
        "30-run.sh",
        '#!/bin/sh\npsql -d "$POSTGRES_DB" -U "$POSTGRES_USER" -c '
        "\"INSERT INTO notes(text) VALUES ('run')\"\n",
        0o755,
    )
    service.write(
        "40-source.sh", f'docker_process_sql -c "{note.format("sourced")}" || exit 9\n'
    )
    service.write("50-read-me.txt", "exit 1")
    service.write(".hidden.sql", "SELECT 1/0;")
    expected = "gzip xz run sourced"
    if shutil.which("zstd"):
        packed = subprocess.run(
            ["zstd", "-qc"], input=note.format("zstd").encode(), stdout=-1, check=True
        )
        service.write("60.sql.zst", packed.stdout)
        expected += " zstd"

    service.serve()

    found = service.query(
        "SELECT string_agg(text, ' ' ORDER BY n) FROM notes", "-dshop"
    )
    assert found == expected
    assert "ignoring /docker-entrypoint-initdb.d/50-read-me.txt" in service.text()


@pytest.mark.parametrize(
    ("name", "content", "mode"),
    [
        ("1.sql", b"SELECT 1/0; CREATE TABLE late();", 0o644),
        ("1.sql.gz", gzip.compress(b"SELECT 1/0;"), 0o644),
        ("1.sql.gz", gzip.compress(os.urandom(9999))[:5000], 0o644),
        ("1.sql.xz", b"not packed", 0o644),
        ("1.sql.zst", b"not packed", 0o644),
        ("1.sh", b"false\ntrue\n", 0o644),
        ("1.sh", b"#!/bin/sh\nexit 7\n", 0o755),
    ],
    ids=["sql", "gzip", "damaged-gzip", "damaged-xz", "damaged-zstd", "sourced", "run"],
)
def test_a_failing_script_and_the_next_start(
    service: Service, name: str, content: bytes, mode: int
) -> None:
    failing = service.write(name, content, mode)
    later = service.write("2.sql", "CREATE TABLE two ();")

    text = service.fails()
    assert "ready for start up" not in text
    assert str(later.name) not in text
    assert not service.processes()

    failing.unlink()
    service.serve()
    assert service.query("SELECT count(*) FROM two") == "0"


def test_scripts_mounted_one_by_one(service: Service) -> None:
    script = service.room / "elsewhere.sql"
    script.write_text("CREATE TABLE two ();")
    target = "/docker-entrypoint-initdb.d/02.sql"
    service.environment["YARD_MOUNTS"] = f'{{"{target}": "{script}"}}'
    service.serve()

    assert service.query("SELECT count(*) FROM two") == "0"


def test_scripts_run_in_one_start_only(service: Service) -> None:
    service.write("1.sql", "CREATE TABLE one ();")
    service.serve()
    service.stop()
    service.write("2.sql", "CREATE TABLE two ();")
    service.serve()

    assert service.query("SELECT to_regclass('two') IS NULL") == "t"


def test_the_first_start_of_two_at_once(make_service: Callable[..., Service]) -> None:
    """Both find nothing; one waits, and then finds that the other serves the data."""
    first, second = make_service(), make_service()
    second.log, second.run = second.room / "second", second.room / "run2"
    second.run.mkdir()
    one, two = first.start(), second.start()

    until(lambda: one.poll() is not None or two.poll() is not None)
    lost, won = (one, two) if one.poll() is not None else (two, one)
    assert lost.returncode == 1
    assert won.poll() is None
    texts = first.text() + second.text()
    assert texts.count("init process complete") == 1
    assert 'lock file "postmaster.pid"' in texts


@needs_root
def test_root_steps_down(service: Service) -> None:
    service.serve()
    assert service.process
    status = Path(f"/proc/{service.process.pid}/status").read_text()

    assert "Uid:\t0\t" not in status
    assert service.data.stat().st_uid != 0


@needs_root
def test_what_only_root_may_read(service: Service) -> None:
    """As in a checkout below root's home: data, scripts and their neighbours."""
    service.write("1.sql", "\\ir neighbour.txt\n", 0o600)
    service.write("2.sh", '#!/bin/sh\n. "$(dirname "$0")/3.inc"\n', 0o700)
    service.write("3.inc", 'psql -U "$POSTGRES_USER" -c "CREATE TABLE two ()"\n', 0o600)
    service.write("neighbour.txt", "CREATE TABLE one ();", 0o600)
    service.room.chmod(0o700)
    service.environment["YARD_TOOLS_DIR"] = "/nowhere"
    service.serve()

    assert service.query("SELECT count(*) FROM one, two") == "0"
    assert service.stop() == 0
    service.serve()
    assert service.query("SELECT count(*) FROM one, two") == "0"
    assert not list(Path(os.readlink(service.run / "postgres")).glob("initdb*"))
    service.stop()
    shutil.rmtree(os.readlink(service.run / "postgres"))


@needs_root
def test_a_configuration_that_only_root_may_read(service: Service) -> None:
    checkout = service.room / "checkout"
    checkout.mkdir(0o700)
    configuration = checkout / "my.conf"
    configuration.write_text("work_mem = '7MB'")
    configuration.chmod(0o600)

    service.serve("postgres", "-c", f"config_file={configuration}")

    assert service.query("SHOW work_mem") == "7MB"
    assert service.query("SHOW listen_addresses") == service.address


@needs_root
def test_data_that_root_has_copied(service: Service) -> None:
    service.serve()
    service.stop()
    for path in [service.data, *service.data.rglob("*")]:
        os.chown(path, 0, 0, follow_symlinks=False)
    service.data.chmod(0o755)
    service.serve()

    assert service.query("SELECT 1") == "1"


@needs_root
def test_programs_that_only_root_may_run(service: Service) -> None:
    closed = service.room / "closed"
    closed.mkdir(0o700)
    for part in ("bin", "lib", "share"):
        source = Path(service.bin).parent / part
        shutil.copytree(source, closed / part, symlinks=True)
    argv = list(service.argv())
    argv[argv.index("--bin") + 1] = str(closed / "bin")
    service.argv = lambda *_: tuple(argv)  # type: ignore[method-assign]

    service.serve()
    (copy,) = (service.room / "tools").iterdir()
    assert copy.name.startswith("postgresql-17.")
    before = copy.stat()
    service.stop()
    service.serve()

    assert (service.room / "tools" / copy.name).stat().st_ino == before.st_ino
    assert service.process
    program = Path(f"/proc/{service.process.pid}/exe").resolve()
    assert program == copy / "bin" / "postgres"

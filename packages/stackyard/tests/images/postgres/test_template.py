"""New clusters as copies of what initdb made once, on a real PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from postgres_service import PASSWORD, Service
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

INITDB = "The files belonging to this database system"
IDENTITY = "SELECT system_identifier FROM pg_control_system()"


def begin_anew(service: Service) -> None:
    """Stop a service, if it runs, and take its data and what it said away."""
    if service.process:
        assert service.stop() == 0
    shutil.rmtree(service.data)
    service.data.mkdir()
    service.own(service.data)
    service.log.unlink()


def templates(service: Service) -> list[Path]:
    found = (service.cache / "clusters").glob("[!.l]*")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def test_the_next_cluster_is_a_copy_with_an_identity_of_its_own(
    either_service: Service,
) -> None:
    service = either_service
    service.serve()
    assert INITDB in service.text()
    first = service.query(IDENTITY)

    begin_anew(service)
    service.serve(POSTGRES_PASSWORD="another")
    assert INITDB not in service.text()
    assert service.query(IDENTITY) != first
    assert service.from_a_neighbour("SELECT 1", "another") == "1"
    assert "password authentication failed" in service.from_a_neighbour("", PASSWORD)
    service.query("CREATE TABLE t AS SELECT 1 AS n; CHECKPOINT")
    assert service.stop() == 0

    told = subprocess.run(
        [f"{service.bin}/pg_controldata", service.data],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "WARNING" not in told.stdout + told.stderr  # of a wrong checksum
    assert len(templates(service)) == 1


def test_a_template_has_no_password(service: Service) -> None:
    service.serve("postgres", "-c", "log_statement=all")
    assert PASSWORD not in service.text()

    [template] = templates(service)
    files = [path for path in template.rglob("*") if path.is_file()]
    assert len(files) > 900
    assert not [path for path in files if b"SCRAM-SHA-256$" in path.read_bytes()]


@pytest.mark.parametrize(
    "password", ["a'b\"c;\\", "ünï ", "one\n\nDROP TABLE t;", "%s$1"]
)
def test_a_password_of_any_characters(service: Service, password: str) -> None:
    service.serve(POSTGRES_PASSWORD=password)
    first_line = password.partition("\n")[0]  # all that initdb would read
    assert service.from_a_neighbour("SELECT 1", first_line) == "1"


def test_what_initdb_looks_at_has_a_template_of_its_own(service: Service) -> None:
    asked = [
        ({}, "SHOW server_encoding", "UTF8"),
        (
            {"POSTGRES_INITDB_ARGS": "-E LATIN1 --locale=C"},
            "SHOW server_encoding",
            "LATIN1",
        ),
        ({"TZ": "Asia/Tokyo"}, "SHOW timezone", "Asia/Tokyo"),
        ({"LC_ALL": "C"}, "SHOW lc_messages", "C"),
        ({"POSTGRES_INITDB_ARGS": "--data-checksums"}, "SHOW data_checksums", "on"),
    ]
    for number, (variables, question, answer) in enumerate(asked):
        if number:
            begin_anew(service)
        service.serve(**variables)
        assert service.query(question) == answer
        assert INITDB in service.text()

    # All but the oldest are kept.
    made = templates(service)
    assert len(made) == len(asked) - 1
    begin_anew(service)
    service.serve(TZ="Asia/Tokyo")
    assert INITDB not in service.text()
    assert templates(service)[-1] == made[1]


def test_arguments_that_name_files_go_to_initdb(service: Service) -> None:
    (service.room / "password").write_text("of the file\n")
    (service.room / "password").chmod(0o644)
    arguments = f"--pwfile {service.room}/password"
    service.serve(POSTGRES_INITDB_ARGS=arguments)

    assert service.from_a_neighbour("SELECT 1", "of the file") == "1"
    assert templates(service) == []


@pytest.mark.parametrize("damage", ["pg_control", "pg_wal", "all"])
def test_a_damaged_template_is_not_used(service: Service, damage: str) -> None:
    service.serve()
    begin_anew(service)
    [template] = templates(service)
    if damage == "all":
        shutil.rmtree(template)
        template.touch()
    elif damage == "pg_control":
        (template / "global" / "pg_control").write_bytes(bytes(512))
    else:
        [segment] = [path for path in (template / "pg_wal").iterdir() if path.is_file()]
        segment.write_bytes(bytes(1 << 24))

    service.serve()
    assert INITDB in service.text()
    assert "its template cannot be used" in service.text()
    assert service.from_a_neighbour("SELECT 1", PASSWORD) == "1"


def test_what_a_kill_left_of_a_template_goes(service: Service) -> None:
    directory = service.cache / "clusters"
    process = service.start()
    until(lambda: list(directory.glob(".new-*/data/base")))
    process.kill()
    process.wait(30)
    service.process = None
    assert templates(service) == []

    service.serve()
    assert len(templates(service)) == 1
    assert list(directory.glob(".new-*")) == []

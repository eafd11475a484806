"""The stack `workspace` as its users have it, from the first `up` on.

The tests share one stack; what they change, they change back.
"""

from __future__ import annotations

import json
import stat
import subprocess
from typing import TYPE_CHECKING

import psycopg2
import pytest
from workspace_harness.client import wait_for
from workspace_stack import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.xdist_group("workspace"), pytest.mark.timeout(240)]

API = "WORKSPACE_API_PORT"


@pytest.fixture(scope="module")
def stack() -> Iterator[Workspace]:
    with workspace() as found:
        yield found


def test_every_service_answers(stack: Workspace) -> None:
    health = stack.get(API, "/health")
    assert (health["status"], health["service"]) == ("healthy", "workspace-api")
    for port, path in {
        "WORKSPACE_PAGESERVER_HTTP_PORT": "/v1/status",
        "WORKSPACE_SAFEKEEPER_HTTP_PORT": "/v1/status",
        "WORKSPACE_COMPUTE_HTTP_PORT": "/status",
    }.items():
        assert stack.get(port, path) is not None


def test_secrets_are_generated_for_the_owner_alone(stack: Workspace) -> None:
    file = stack.root / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = {v for k, v in stack.variables.items() if k.endswith(("WORD", "TOKEN"))}
    assert len(found) == 3
    assert all(len(value) >= 32 for value in found)


@pytest.mark.parametrize("password", ["", "postgres", "workspace", "neon_secure_pass"])
@pytest.mark.parametrize("role", ["workspace", "postgres"])
def test_no_default_password_works(stack: Workspace, role: str, password: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"authentication|password"):
        psycopg2.connect(
            host="127.0.0.1",
            port=stack.ports["WORKSPACE_DB_PORT"],
            user=role,
            password=password,
            dbname="workspace",
        )


def test_the_services_of_the_database_ask_for_their_token(stack: Workspace) -> None:
    port = "WORKSPACE_PAGESERVER_HTTP_PORT"
    assert stack.ask("GET", port, "/v1/tenant")[0] in {401, 403}


def test_nothing_secret_is_on_a_command_line_or_in_a_log(stack: Workspace) -> None:
    secrets = [v for k, v in stack.variables.items() if k.endswith(("WORD", "TOKEN"))]
    for line in stack.processes().values():
        assert not any(secret.encode() in line for secret in secrets)
    log = stack.yard("logs")
    assert not any(secret in log for secret in secrets)


def test_the_api_is_scaled_and_scaled_back(stack: Workspace) -> None:
    def replicas() -> int:
        lines = stack.yard("ps", "--format", "json").splitlines()
        return sum(json.loads(one)["Service"] == "workspace-api" for one in lines)

    stack.yard("up", "-d", "--wait", "--scale", "workspace-api=3")
    assert replicas() == 3
    number = stack.add("made by one of three")
    for _ in range(6):
        item = stack.get(API, f"/api/v1/items/{number}")
        assert item["data"]["title"] == "made by one of three"
    stack.yard("up", "-d", "--wait")
    assert replicas() == 1


def test_branches_are_made_and_reached(stack: Workspace) -> None:
    stack.add("on every branch")
    stack.yard("branch", "create", "test-migration")
    try:
        assert "test-migration" in stack.yard("branch", "list")
        asked = "DELETE FROM workspace.workspace_items"
        stack.yard("psql", "test-migration", "--", "-c", asked)
        asked = "SELECT count(*) FROM workspace.workspace_items"
        found = stack.yard("psql", "test-migration", "--", "-Atc", asked)
        assert found == "0\n"
        assert "on every branch" in stack.titles()
        names = {one["name"] for one in stack.get(API, "/api/v1/branches")["data"]}
        assert names >= {"main", "test-migration"}
        url = stack.yard("connection-string", "test-migration").strip()
        psycopg2.connect(url).close()
    finally:
        stack.yard("branch", "delete", "test-migration")


def test_all_ten_connection_tests_pass(stack: Workspace) -> None:
    found = json.loads(stack.yard("test", "--json"))

    assert found["summary"] == {"total": 10, "passed": 10, "failed": 0}, found


def test_connection_tests_say_what_does_not_run(stack: Workspace) -> None:
    stack.yard("stop", "workspace-db-compute")
    try:
        found = json.loads(stack.yard("test", "--json", code=1))
        failed = {
            one["name"]: one["detail"] for one in found["tests"] if not one["passed"]
        }
        assert "workspace-db-compute is exited" in failed["container_running"]
        assert failed.keys() >= {
            "container_running",
            "postgres_ready",
            "external_connection",
            "write_operation",
        }
    finally:
        stack.yard("start", "--wait", "workspace-db-compute")
    wait_for(stack.is_healthy, "all is as before, and is known to be")


def test_init_again_changes_nothing(stack: Workspace) -> None:
    stack.add("before init")
    assert "was up to date" in stack.yard("init")
    assert "before init" in stack.titles()


def test_a_schema_migration_is_rehearsed(stack: Workspace) -> None:
    found = json.loads(stack.yard("rehearse", "head", "--json"))

    assert (found["error"], found["lost"], found["schema_diff"]) == ("", [], "")
    assert all(one["passed"] for one in found["checks"])
    assert found["branch"] not in stack.yard("branch", "list")


def test_a_logical_backup_comes_back(stack: Workspace) -> None:
    stack.add("in the dump")
    stack.yard("dump", "one.dump")
    stack.add("after the dump")

    stack.yard("load", "one.dump", "--force")

    wait_for(lambda: "after the dump" not in stack.titles(), "the dump is there")
    assert "in the dump" in stack.titles()
    # The sequence of ids goes on after what came back.
    stack.add("after the load")
    stack.yard("rollback")
    wait_for(lambda: "after the dump" in titles_if_any(stack), "it is as before")


def titles_if_any(stack: Workspace) -> set[str]:
    """Return the titles; none while the connections of before are noticed to end."""
    try:
        return stack.titles()
    except (OSError, KeyError):
        return set()


def test_a_physical_backup_comes_back(stack: Workspace) -> None:
    stack.add("in the backup")
    archive = str(stack.home / "volumes.tar.gz")
    stack.yard("backup", "-o", archive)
    stack.add("after the backup")
    refused = stack.run("restore", archive)
    assert "nothing was changed" in refused.stderr

    stack.yard("restore", "--force", archive)

    wait_for(stack.is_healthy, "all is as before, and is known to be")
    titles = stack.titles()
    assert "in the backup" in titles
    assert "after the backup" not in titles
    assert json.loads(stack.yard("test", "--json"))["summary"]["failed"] == 0


def test_data_outlives_down_and_a_lost_compute(stack: Workspace) -> None:
    stack.add("kept through down")
    stack.yard("down")
    assert not stack.processes()
    volume = "workspace_workspace-db-compute-data"
    directory = stack.home / "stackyard" / "volumes" / volume / "_data"
    subprocess.run(["rm", "-rf", str(directory / "endpoints")], check=True)

    stack.yard("up", "-d", "--wait")

    assert "kept through down" in stack.titles()


def test_every_added_command_has_help(stack: Workspace) -> None:
    for name in ("test", "init", "dump", "load", "migrate", "rollback", "rehearse"):
        assert "Usage:" in stack.yard(name, "--help")
    assert "schema-diff" in stack.yard("branch", "--help")

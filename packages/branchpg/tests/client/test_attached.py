"""A project that is known by its services' addresses alone."""

from __future__ import annotations

import pytest
from branchpg_harness.command_line import Cli


@pytest.fixture
def attached(project, place):
    """The command line, with nothing but variables."""
    port = project.services.port
    return Cli(
        place,
        BRANCHPG_PAGESERVER=f"127.0.0.1:{port('pageserver_http')}",
        BRANCHPG_COMPUTE=f"127.0.0.1:{port('compute_http')}",
        BRANCHPG_POSTGRES=f"127.0.0.1:{port('compute')}",
        BRANCHPG_DATABASE="shop",
        BRANCHPG_TOKEN=project.place.secret(project.place.token_file),
        BRANCHPG_PASSWORD=project.password,
    )


def test_branches_are_made_reached_compared_and_deleted(attached):
    attached("branch", "create", "attached-one")
    attached.sql("attached-one", "CREATE TABLE made (id int)")
    assert "attached-one" in attached.names()
    assert attached.sql("attached-one", "SELECT count(*) FROM made") == "0"
    diff = attached.out("branch", "schema-diff", "main", "attached-one")
    assert "CREATE TABLE public.made" in diff
    states = {one["branch"] for one in attached.json("endpoint", "list")}
    assert "attached-one" in states
    attached("branch", "delete", "attached-one")
    assert "attached-one" not in attached.names()


def test_a_connection_string_leads_to_the_branch(attached, project):
    assert attached.out("cs", "main") == project.get("main").url().replace(
        "localhost", "127.0.0.1"
    )


def test_the_services_are_not_its_own_to_start(attached):
    for command in ("start", "stop", "status"):
        assert "run by somebody else" in attached.error(command)
    assert "run by somebody else" in attached.error("branch", "checkout", "main")
    assert not (attached.directory / ".branchpg").exists()


def test_a_wrong_token_is_refused(attached):
    attached.variables["BRANCHPG_TOKEN"] = "wrong"
    assert "error:" in attached.error("branch", "list")


def test_a_service_that_does_not_answer_is_named(attached):
    attached.variables["BRANCHPG_PAGESERVER"] = "127.0.0.1:1"
    assert "127.0.0.1:1" in attached.error("branch", "list")


def test_a_named_directory_goes_before(attached, project):
    found = attached.json("-C", project.place.root, "status")
    assert found["directory"] == project.place.root

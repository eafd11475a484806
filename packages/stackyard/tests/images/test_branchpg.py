"""The services of branchpg: what runs for the image's command."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from stackyard.images import branchpg, registry
from stackyard.images.adapter import SELF, ImageError
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from stackyard.images.adapter import Adapter, Host


@pytest.fixture
def adapter(host: Host) -> Adapter:
    found = registry.find(parse("stackyard/branchpg:1"), host)
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("safekeeper", (5454, 7676)),
        ("pageserver", (6400, 9898)),
        ("compute", (55432, 3080)),
    ],
)
def test_a_service_listens_on_its_own_address(
    adapter: Adapter, host: Host, name: str, ports: tuple[int, int]
) -> None:
    argv = adapter.launch(("branchpg-service", name, "--workdir", "/data"))

    assert argv == (
        *(host.python, "-P", "-m", f"branchpg.{name}", "--workdir", "/data"),
        *("--listen-pg", f"{SELF}:{ports[0]}", "--listen-http", f"{SELF}:{ports[1]}"),
    )


def test_what_it_launches_is_a_program(adapter: Adapter) -> None:
    argv = adapter.launch(("branchpg-service", "pageserver", "--help"))

    done = subprocess.run(argv, capture_output=True, text=True, check=True)

    assert "--init-branch" in done.stdout


def test_other_commands_run_as_they_are(adapter: Adapter) -> None:
    assert adapter.launch(("psql", "-l")) == ("psql", "-l")


def test_clients_reach_the_compute(adapter: Adapter) -> None:
    argv = ("branchpg-service", "compute", "--role=me", "--database", "mine")

    assert adapter.client(argv, {}) == {
        "PGHOST": SELF,
        "PGPORT": "55432",
        "PGUSER": "me",
        "PGDATABASE": "mine",
    }
    assert adapter.client(("branchpg-service", "pageserver"), {}) == {}


def test_without_the_package_it_says_what_to_install(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branchpg, "find_spec", lambda _name: None)

    with pytest.raises(ImageError) as told:
        adapter.image()

    assert "pip install" in told.value.hint


def test_its_services_run_natively_though_they_can_be_built() -> None:
    assert registry.is_installed(parse("stackyard/branchpg"))
    assert not registry.is_installed(parse("postgres"))
    assert not registry.is_installed(parse("ghcr.io/stackyard/branchpg"))

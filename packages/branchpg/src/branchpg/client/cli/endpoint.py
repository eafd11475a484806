"""The group `endpoint`: list, start, suspend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result, table
from branchpg.client.cli.progress import working
from branchpg.errors import NotFound

if TYPE_CHECKING:
    from branchpg.client.answers import EndpointUse
    from branchpg.client.api import Api

__all__ = ["endpoint", "listing", "start", "suspend"]

_HERE = "branchpg.client.cli.endpoint"
_COMMANDS = {
    "list": (f"{_HERE}:listing", "List them"),
    "start": (f"{_HERE}:start", "Start one, as a connection would"),
    "suspend": (f"{_HERE}:suspend", "Suspend one: its sessions end"),
}
_STATES = {"running": "active", "empty": "idle"}


@click.command(cls=Lazy, table=_COMMANDS)
@shared
def endpoint() -> None:
    """Endpoints: the servers of branches, started and suspended as needed."""


@click.command("list")
@shared
def listing() -> None:
    """List the endpoints of all branches."""
    _show(given().project().api.endpoints())


@click.command("start")
@branch_argument(metavar="BRANCH|ID")
@shared
def start(*, name: str) -> None:
    """Start an endpoint; a connection would do the same."""
    api = given().project().api
    found = _find(api, name)
    with working(f"starting {found.id}"):
        told = api.start(found.id)
    _show([one for one in told if one.id == found.id])


@click.command("suspend")
@branch_argument(metavar="BRANCH|ID")
@shared
def suspend(*, name: str) -> None:
    """Suspend an endpoint: its sessions end; the next connection starts it again."""
    api = given().project().api
    found = _find(api, name)
    with working(f"suspending {found.id}"):
        told = api.suspend(found.id)
    _show([one for one in told if one.id == found.id])


def _find(api: Api, name: str) -> EndpointUse:
    endpoints = api.endpoints()
    for one in endpoints:
        if one.id == name:
            return one
    branch = api.branch(name)
    for one in endpoints:
        if one.branch == branch.name:
            return one
    raise NotFound(
        f'branch "{branch.name}" has no endpoint',
        hint=f"branchpg branch add-compute {branch.name}",
    )


def _show(endpoints: list[EndpointUse]) -> None:
    def as_table() -> None:
        table(
            ("Id", "Branch", "Type", "Current State", "Sessions", "Last Start"),
            (
                (
                    one.id,
                    one.branch,
                    one.type,
                    _STATES.get(one.status, one.status),
                    str(one.sessions),
                    _started(one),
                )
                for one in endpoints
            ),
        )

    result(endpoints, as_table)


def _started(one: EndpointUse) -> str:
    total = one.timings.get("total_startup_ms")
    return "" if total is None else f"{total} ms"

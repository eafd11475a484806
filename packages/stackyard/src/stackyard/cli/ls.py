"""`yard ls`: the projects of this user."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.engine import errors, state_root
from stackyard.cli.listing import Row, json, shown
from stackyard.cli.options import dry_run_option
from stackyard.engine.process.containers import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.state import ProjectState

_COLUMNS: Final = {"Name": "NAME", "Status": "STATUS", "ConfigFiles": "CONFIG FILES"}
_RUNNING: Final = "running"


@click.command("ls")
@click.option("-a", "--all", "every", is_flag=True, help="Show stopped ones too")
@click.option("--filter", "filters", multiple=True, metavar="name=REGEX")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    metavar="table|json",
    help="Format  [default: table]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only names")
@dry_run_option
def command(**chosen: Any) -> None:
    """List projects."""
    patterns = [_pattern(text) for text in chosen["filters"]]
    with errors():
        projects = [_row(state) for state in state_root().projects()]
    rows = [
        row
        for row in projects
        if row is not None
        and (chosen["every"] or _RUNNING in row["Status"])
        and all(pattern.search(row["Name"]) for pattern in patterns)
    ]
    if chosen["quiet"]:
        click.echo("".join(f"{row['Name']}\n" for row in rows), nl=False)
    elif chosen["form"] == "json":
        click.echo(json(rows))
    else:
        click.echo(shown("table", rows, _COLUMNS), nl=False)


def _pattern(text: str) -> re.Pattern[str]:
    key, equals, value = text.partition("=")
    if not equals or key != "name":
        raise click.ClickException(f"invalid filter {text!r}: give name=REGEX")
    try:
        return re.compile(value)
    except re.error as error:
        raise click.ClickException(f"invalid filter {text!r}: {error}") from error


def _row(state: ProjectState) -> Row | None:
    """Return a project; None for one that has no container."""
    states, files = _live(state) or _saved(state)
    if not states:
        return None
    return {
        "Name": state.name,
        "Status": _status(states),
        "ConfigFiles": ",".join(files),
    }


def _live(state: ProjectState) -> tuple[list[State], Iterable[str]] | None:
    """Ask the supervisor; None if there is none: it is not worth starting one."""
    from stackyard.engine.errors import EngineError
    from stackyard.engine.process.client import Client

    client = Client(state)
    if not client.running:
        return None
    try:
        snapshot = client.snapshot()
    except EngineError:
        return None
    return [item.container.state for item in snapshot.containers], snapshot.files


def _saved(state: ProjectState) -> tuple[list[State], Iterable[str]]:
    """Read what the last supervisor has written; whose processes live still runs."""
    import msgspec

    class Saved(msgspec.Struct):
        containers: list[dict[str, Any]] = []

    class Wanted(msgspec.Struct):
        files: tuple[str, ...] = ()

    def read(name: str) -> bytes:
        try:
            return (state.path / name).read_bytes()
        except FileNotFoundError:
            return b"{}"

    saved = msgspec.json.decode(read("containers.json"), type=Saved)
    wanted = msgspec.json.decode(read("desired.json"), type=Wanted)
    return [State(item.get("state", "created")) for item in saved.containers], (
        wanted.files
    )


def _status(states: Iterable[State]) -> str:
    counts = Counter(map(str, states))
    return ", ".join(f"{name}({counts[name]})" for name in sorted(counts))

"""init, start, stop, restart, status."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result, table
from branchpg.client.cli.progress import Steps
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from branchpg.client.project import Project
    from branchpg.client.services import Service

__all__ = ["init", "restart", "start", "status", "stop"]

_LOOK_SECONDS: Final = 0.5


@click.command("init")
@click.argument("directory", metavar="DIR")
@click.option("--database", metavar="NAME", help="Its database  [default: workspace]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of PostgreSQL; 0 chooses free ones at the first start.  [default: 5433]",
)
@click.option(
    "--safekeepers",
    type=click.Choice(["1", "3"]),
    default="1",
    show_default=True,
    help="How many keep the WAL; of three, two make a commit last.",
)
@click.option(
    "--password-file",
    type=click.Path(dir_okay=False, exists=True),
    help="The password of role postgres  [default: a random one]",
)
@click.option("--pg-version", type=int, metavar="MAJOR", help="Of PostgreSQL.")
@click.option(
    "--xfs-image",
    metavar="SIZE",
    help="Keep data in a file system of its own that shares blocks (root only).",
)
@shared
def init(
    *,
    directory: str,
    database: str | None,
    port: int | None,
    safekeepers: str,
    password_file: str | None,
    pg_version: int | None,
    xfs_image: str | None,
) -> None:
    """Make a project in a new directory."""
    from branchpg.client import storage
    from branchpg.client.project import Project
    from branchpg.environment import environment
    from branchpg.postgres import programs

    # What would fail at the start fails before there is anything.
    programs.find(environment(), major=pg_version)
    size = storage.parse_size(xfs_image) if xfs_image else None
    if size:
        storage.check_ability(environment())
    project = Project.create(
        directory,
        database=database,
        port=port,
        safekeepers=int(safekeepers),
        password=_password(password_file),
        pg_version=pg_version,
    )
    if size:
        storage.make_image(project.place, size, environment())
    _tell_made(project, wanted_port=port)


def _password(path: str | None) -> str | None:
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        password = file.read().strip()
    if not password:
        raise BranchpgError(f'"{path}" is empty', hint="write the password into it")
    return password


def _tell_made(project: Project, *, wanted_port: int | None) -> None:
    from branchpg.client.settings import PORTS

    root, settings = project.place.root, project.settings
    about = {"directory": root, "database": settings.database, "ports": settings.ports}

    def as_table() -> None:
        click.echo(f"Made a project in {root}, with database {settings.database}.")
        for name, port in settings.ports.items():
            usual = PORTS[name] if name != "compute" else wanted_port or PORTS[name]
            if port not in {0, usual}:
                click.echo(f"Port {usual} is taken: {name} gets {port}.")
        click.echo(f"Start it: branchpg start{_where(root)}")

    result(about, as_table)


def _where(root: str) -> str:
    """Return the -C that is needed to find a project from here."""
    from branchpg.client import place
    from branchpg.environment import working_directory

    try:
        if place.find(working_directory(), {}).root == root:
            return ""
    except BranchpgError:
        pass
    return f" -C {os.path.relpath(root, working_directory())}"


_DIRECTORY = click.argument("directory", metavar="[DIR]", required=False)


@click.command("start")
@_DIRECTORY
@click.option("--foreground", is_flag=True, help="Stay, show the logs, stop with ^C.")
@shared
def start(*, directory: str | None, foreground: bool) -> None:
    """Start the services that do not run, and wait until they answer."""
    project = _project(directory)
    project.start(Steps().tell)
    _tell_where(project)
    if foreground:
        _stay(project)


@click.command("stop")
@_DIRECTORY
@click.option(
    "--timeout",
    default=60,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seconds until a service that does not end is killed; no commit is lost.",
)
@shared
def stop(*, directory: str | None, timeout: int) -> None:
    """Stop compute, pageserver and safekeepers, and wait until they have ended."""
    stopped = _project(directory).services.stop(Steps().tell, within=timeout)
    if not stopped:
        click.echo("Nothing runs.", err=True)


@click.command("restart")
@_DIRECTORY
@shared
def restart(*, directory: str | None) -> None:
    """Stop and start the services: settings take effect."""
    project, steps = _project(directory), Steps()
    project.stop(steps.tell)
    project.start(steps.tell)
    _tell_where(project)


@click.command("status")
@_DIRECTORY
@shared
def status(*, directory: str | None) -> int:
    """Show what runs, and where. Exit code 3 where something does not."""
    project = _project(directory)
    rows = [_row(project, service) for service in project.services.all]

    def as_table() -> None:
        click.echo(f"Project {project.place.root}")
        table(
            ("Service", "State", "Pid", "Port", "HTTP", "Log"),
            (
                (
                    row.name,
                    click.style(row.state, fg=_COLORS.get(row.state)),
                    str(row.pid or ""),
                    str(row.port or ""),
                    str(row.http_port or ""),
                    os.path.relpath(row.log, project.place.root),
                )
                for row in rows
            ),
        )

    about = {"directory": project.place.root, "services": rows}
    result(about, as_table)
    return 0 if all(row.state == "running" for row in rows) else 3


_COLORS: Final = {"running": "green", "stopped": "red", "not answering": "yellow"}


@dataclass(frozen=True)
class _Row:
    name: str
    state: str
    pid: int | None
    port: int | None
    http_port: int | None
    log: str


def _row(project: Project, service: Service) -> _Row:
    services = project.services
    process = services.process(service)
    state = "stopped"
    if process:
        state = "running" if services.answers(service) else "not answering"
    return _Row(
        name=service.name,
        state=state,
        pid=process.pid if process else None,
        port=services.port(service.name) or None,
        http_port=services.port(f"{service.name}_http") or None,
        log=project.place.log(service.name),
    )


def _project(directory: str | None) -> Project:
    found = given()
    if directory is not None:
        found.directory = directory
    return found.project()


def _tell_where(project: Project) -> None:
    click.echo(f"PostgreSQL is at {project.target().url()}", err=True)


def _stay(project: Project) -> None:
    """Show what the services write until told to end, then stop them."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    services = project.services
    ends = {service.name: _size(project, service) for service in services.all}
    lost = None
    while lost is None and not told.wait(_LOOK_SECONDS):
        for service in services.all:
            ends[service.name] = _show(project, service, ends[service.name])
        gone = [one for one in services.all if not services.process(one)]
        lost = gone[0] if gone else None
    project.stop(Steps().tell)
    if lost:
        raise BranchpgError(
            f"{lost.name} has ended by itself",
            hint=f"see {project.place.log(lost.name)}",
        )


def _size(project: Project, service: Service) -> int:
    return os.path.getsize(project.place.log(service.name))


def _show(project: Project, service: Service, start: int) -> int:
    with open(project.place.log(service.name), "rb") as file:
        file.seek(start)
        content = file.read()
    for line in content.decode(errors="replace").splitlines():
        click.echo(f"{service.name:<13}| {line}")
    return start + len(content)

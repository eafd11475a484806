"""What every command that runs something shares: the project, its state, its client."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NoReturn

import click

from stackyard.cli.environment import process_environment
from stackyard.cli.options import warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from stackyard.cli.options import GlobalOptions
    from stackyard.compose.model import Project
    from stackyard.engine.errors import EngineError
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.compile.project import Native
    from stackyard.engine.process.protocol import Shown, Snapshot
    from stackyard.engine.process.state import ProjectState, StateRoot

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def errors() -> AbstractContextManager[None]:
    """Turn errors of the loader and the engine into messages and exit code 1."""
    from contextlib import contextmanager

    @contextmanager
    def told() -> Iterator[None]:
        from stackyard.cli.options import fail
        from stackyard.compose.errors import ComposeError
        from stackyard.engine.errors import EngineError

        try:
            yield
        except ComposeError as error:
            fail(error)
        except EngineError as error:
            fail_engine(error)

    return told()


def fail_engine(error: EngineError) -> NoReturn:
    """End the command with an error of the engine."""
    click.echo(f"error: {error}", err=True)
    raise click.exceptions.Exit(1)


def state_root() -> StateRoot:
    """Return where all state lies."""
    from stackyard.engine.process.state import StateRoot

    return StateRoot.of(process_environment(), root=os.geteuid() == 0)


def project_name(options: GlobalOptions) -> str:
    """Return the project's name without loading its files where they need not be.

    With a name of its own (`-p`) there need not be any file.
    """
    given = options.project_name
    if given and not options.files and _NAME.fullmatch(given):
        return given
    return options.request(options.sources()).name


def client_of(options: GlobalOptions) -> Client:
    """Return the client of the project's supervisor."""
    from stackyard.engine.process.client import Client

    return Client(state_root().project(project_name(options)))


def load_project(options: GlobalOptions, services: Iterable[str] = ()) -> Project:
    """Load the project; services that are named are enabled, whatever their profiles.

    Raises:
        ComposeError: the files are wrong, or there is no such service.
    """
    from stackyard.compose import selection
    from stackyard.compose.loader import load

    sources = options.sources()
    request = options.request(sources)
    loaded = load(request, sources)
    warn((*request.warnings, *loaded.warnings))
    project = loaded.project
    names = tuple(services)
    if names:
        project = selection.with_named_enabled(project, names)
        for name in names:
            if name not in project.services:
                selection.with_selected(project, [name])
    return project


def compile_native(project: Project, only: Iterable[str] | None = None) -> Native:
    """Return the project in native terms, and tell the warnings.

    Raises:
        CompileError: something has no native meaning.
    """
    from stackyard.engine.process.compile.machine import Machine
    from stackyard.engine.process.compile.project import compile_project

    state = state_root().project(project.name)
    machine = Machine(environment=process_environment(), state=state)
    native = compile_project(project, machine, only=only)
    warn(_not_told_yet(state, native.warnings))
    return native


def _not_told_yet(state: ProjectState, warnings: Sequence[str]) -> list[str]:
    """Return warnings that were not told since the project was brought up.

    What a file says that has no meaning natively is worth one warning, not one a run.
    """
    from stackyard.engine.process.durable import read_json, write_json

    path = state.path / "warned.json"
    told = set(read_json(path) or ())
    fresh = [text for text in warnings if text not in told]
    if fresh and path.parent.is_dir():
        write_json(path, sorted(told.union(fresh)))
    return fresh


def chosen(
    snapshot: Snapshot,
    services: Iterable[str],
    *,
    known: Iterable[str] = (),
    oneoff: bool = False,
) -> list[Shown]:
    """Return the containers of services, sorted as Compose does; all without names.

    Raises:
        CommandError: there is no such service.
    """
    from stackyard.engine.errors import CommandError

    names = list(services)
    present = {item.container.service for item in snapshot.containers} | set(known)
    for name in names:
        if name not in present:
            raise CommandError(f"no such service: {name}")
    found = [
        item
        for item in snapshot.containers
        if (not names or item.container.service in names)
        and (oneoff or not item.container.oneoff)
    ]
    return sorted(found, key=lambda item: (item.container.name, item.container.number))


def one(snapshot: Snapshot, service: str, index: int) -> Shown:
    """Return one running replica of a service; index 0 is the first there is.

    Raises:
        CommandError: it does not run, or there is no such service.
    """
    from stackyard.engine.errors import CommandError

    replicas = [
        item
        for item in chosen(snapshot, [service] if snapshot.containers else [])
        if item.container.up
    ]
    for item in sorted(replicas, key=lambda item: item.container.number):
        if index in {0, item.container.number}:
            return item
    where = f" (replica {index})" if index else ""
    raise CommandError(
        f'service "{service}"{where} is not running',
        hint=f"start it: yard up -d {service}",
    )

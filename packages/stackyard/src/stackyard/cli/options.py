"""The options that every command shares, and how a command loads the project."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import click

from stackyard.cli.environment import (
    process_environment,
    standard_input,
    working_directory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.compose.errors import ComposeError, Problem
    from stackyard.compose.files.sources import Sources
    from stackyard.compose.load.context import LoadOptions
    from stackyard.compose.request import Request


@dataclass(frozen=True)
class GlobalOptions:
    """The options before the command's name."""

    files: tuple[str, ...]
    project_name: str | None
    project_directory: str | None
    env_files: tuple[str, ...]
    profiles: tuple[str, ...]
    all_resources: bool

    def sources(self) -> Sources:
        """Return a reader of files; standard input is read when a file is "-"."""
        from stackyard.compose.files.sources import Sources

        return Sources(stdin=standard_input)

    def request(self, sources: Sources, options: LoadOptions | None = None) -> Request:
        """Return what these options ask to load."""
        from stackyard.compose.request import Settings, request

        settings = Settings(
            environment=process_environment(),
            working_directory=working_directory(),
            files=self.files,
            name=self.project_name,
            directory=self.project_directory,
            env_files=self.env_files,
            profiles=self.profiles,
        )
        return request(settings, sources, options)


def shown_path(path: str) -> str:
    """Return a file's path as it is shortest from here: relative if it is near."""
    near = os.path.relpath(path) if os.path.isabs(path) else path
    return path if near.startswith("../..") else near


def _nearby(problem: Problem) -> Problem:
    place = problem.location
    if place is None:
        return problem
    return replace(problem, location=replace(place, file=shown_path(place.file)))


def warn(messages: Iterable[str]) -> None:
    """Print warnings on standard error."""
    for message in messages:
        click.echo(f"warning: {message}", err=True)


def fail(error: ComposeError) -> NoReturn:
    """End the command with the error, and its problems one below the other."""
    problems = getattr(error, "problems", ())
    if len(problems) > 1:
        click.echo(f"{len(problems)} problems:", err=True)
    for problem in map(_nearby, problems):
        click.echo(f"error: {problem}", err=True)
    if not problems:
        click.echo(f"error: {error}", err=True)
    raise click.exceptions.Exit(1)

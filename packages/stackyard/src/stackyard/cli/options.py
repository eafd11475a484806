"""The options that every command shares, and how a command loads the project."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

import click

from stackyard.cli.environment import (
    process_environment,
    standard_input,
    working_directory,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stackyard.compose.errors import ComposeError, Problem
    from stackyard.compose.files.sources import Sources
    from stackyard.compose.load.context import LoadOptions
    from stackyard.compose.request import Request


_PROGRESS: Final = ("auto", "tty", "plain", "json", "quiet")
_ANSI: Final = ("never", "always", "auto")


@dataclass(frozen=True)
class GlobalOptions:
    """The options before the command's name."""

    files: tuple[str, ...]
    project_name: str | None
    project_directory: str | None
    env_files: tuple[str, ...]
    profiles: tuple[str, ...]
    all_resources: bool
    progress: str
    ansi: str = "auto"
    dry_run: bool = False

    @classmethod
    def of(
        cls, given: Mapping[str, Any], environment: Mapping[str, str]
    ) -> GlobalOptions:
        """Return the options as given; those left out are looked up in variables."""
        options = dict(given)
        stack = options.pop("stack", None)
        if stack:
            from stackyard.cli.stacks import stack_file

            options["files"] = (str(stack_file(stack)), *options["files"])
        for name in ("progress", "ansi"):
            variable = environment.get(f"COMPOSE_{name.upper()}", "")
            allowed = {"progress": _PROGRESS, "ansi": _ANSI}[name]
            if options[name] is None:
                options[name] = variable if variable in allowed else "auto"
        if environment.get("NO_COLOR") and given["ansi"] is None:
            options["ansi"] = "never"
        return cls(**options)

    def coloured(self, stream: TextIO) -> bool:
        """Return whether what is written to a stream has colours."""
        if self.ansi == "auto":
            return stream.isatty()
        return self.ansi == "always"

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
        found = request(settings, sources, options)
        if not found.options.profiles:
            return found
        from stackyard.cli.stacks import profile_variables

        more = profile_variables(found, sources)
        return replace(found, environment={**found.environment, **more})

    def again(self, request: Request) -> list[str]:
        """Return options with which another command loads the same project."""
        words = [word for file in request.files for word in ("-f", file)]
        env_files = request.env_files if self.env_files else ()
        words += ["-p", request.name, "--project-directory", request.directory]
        words += [word for file in env_files for word in ("--env-file", file)]
        return words + [word for name in self.profiles for word in ("--profile", name)]


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take `--dry-run` itself, as Compose's do."""

    def remember(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            ctx.obj = replace(ctx.obj, dry_run=True)

    option = click.option(
        "--dry-run",
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Print the plan, do nothing",
    )
    return option(command)


def switched_on(name: str) -> bool:
    """Return whether a variable of the environment says yes."""
    value = process_environment().get(name, "")
    return value.lower() in {"1", "t", "true", "y", "yes"}


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

"""What every command takes, before or after its own: -C, --output, --no-color."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from branchpg.environment import environment, working_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.client.place import Link
    from branchpg.client.project import Project

__all__ = ["Shared", "given", "shared"]

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass
class Shared:
    """What was given.

    Attributes:
        directory: of the project; None is the one that is found.
        output: table, json or yaml.
        color: whether colours are used; None is on terminals.
    """

    directory: str | None = None
    output: str = "table"
    color: bool | None = None

    def project(self) -> Project:
        """Return the project that the command is about."""
        # Here, since version and completion need none.
        from branchpg.client import attached, place
        from branchpg.client.project import Project

        variables, here = environment(), working_directory()
        if self.directory is None and variables.get(attached.VARIABLE):
            return attached.AttachedProject(variables)
        if self.directory is None:
            return Project(place.find(here, variables), variables)
        root = os.path.normpath(os.path.join(here, os.path.expanduser(self.directory)))
        if not os.path.exists(os.path.join(root, place.LINK)):
            return Project(place.Place(root), variables)
        return Project(place.find(root, {}), variables)

    def link(self, project: Project) -> Link | None:
        """Return the working tree's link to this project."""
        from branchpg.client.place import find_link

        link = find_link(self.directory or working_directory())
        return link if link and link.project == project.place.root else None

    def current(self, project: Project) -> str | None:
        """Return the branch that is checked out here; None is the default one."""
        link = self.link(project)
        return link.branch if link else None


def given() -> Shared:
    """Return what was given to the command that runs."""
    root = click.get_current_context().find_root()
    found = root.ensure_object(Shared)
    if found.color is None and "NO_COLOR" in environment():
        found.color = root.color = False
    return found


def shared(command: F) -> F:
    """Add the options that every command takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            setattr(ctx.find_root().ensure_object(Shared), name, value)

    return keep


def _colorless(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        root = ctx.find_root()
        root.color = root.ensure_object(Shared).color = False


_OPTIONS = (
    click.option(
        "-C",
        "--dir",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="The project's directory.",
        expose_value=False,
        callback=_kept("directory"),
    ),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml"]),
        help="How results are printed.",
        expose_value=False,
        callback=_kept("output"),
    ),
    click.option(
        "--no-color",
        is_flag=True,
        help="Print without colours.",
        expose_value=False,
        callback=_colorless,
    ),
)

"""branch schema-diff."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result
from branchpg.client.cli.progress import working
from branchpg.client.points import Source, source
from branchpg.errors import PreconditionFailed

if TYPE_CHECKING:
    from branchpg.client.answers import BranchInfo
    from branchpg.client.project import Project
    from branchpg.client.schemas import Side

__all__ = ["schema_diff"]


@click.command("schema-diff")
@branch_argument("base", metavar="BASE", required=False)
@branch_argument("compared", metavar="COMPARED[@POINT]", required=False)
@click.option(
    "--database", "--db", "names", multiple=True, help="Only this; repeatable."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where they differ.")
@shared
def schema_diff(
    *,
    base: str | None,
    compared: str | None,
    names: tuple[str, ...],
    exit_code: bool,
) -> int:
    """Compare the schemas of two branches, each of them now or at a point.

    With one, the current branch is compared with it; with none, the current branch
    with its parent. COMPARED may be ^self@POINT or ^parent.
    """
    from branchpg.client import schemas

    project = given().project()
    branches = project.api.branches()
    sides = _sides(project, branches, base, compared)
    with working("comparing schemas"):
        text = schemas.difference(project, *sides, names or None)
    result({"diff": text}, lambda: _show(text))
    return 1 if exit_code and text else 0


def _sides(
    project: Project, branches: list[BranchInfo], base: str | None, compared: str | None
) -> tuple[Side, Side]:
    from branchpg.client.api import branch_named

    if base is not None and compared is None:
        base, compared = None, base
    first = source(base) if base else Source(given().current(project))
    of_base = branch_named(branches, first.branch)
    second = source(compared) if compared else Source("^parent")
    if second.branch == "^self":
        of_compared = of_base
    elif second.branch == "^parent":
        if of_base.parent_id is None:
            raise PreconditionFailed(
                f'branch "{of_base.name}" has no parent to be compared with',
                hint="name two branches",
            )
        of_compared = branch_named(branches, of_base.parent_id)
    else:
        of_compared = branch_named(branches, second.branch)
    pairs = ((of_base, first), (of_compared, second))
    left, right = (_side(project, branch, wanted) for branch, wanted in pairs)
    return left, right


def _side(project: Project, branch: BranchInfo, wanted: Source) -> Side:
    from branchpg.client.schemas import Side

    at = f" at {wanted.point}" if wanted.point else ""
    target = replace(project.target(branch.name), point=wanted.point)
    return Side(target, f"Branch: {branch.name}{at}")


_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def _show(text: str) -> None:
    for line in text.splitlines():
        click.secho(line, fg=_COLORS.get(line[:1]))

"""Arguments that are branches: completed by the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

__all__ = ["branch_argument"]


class _BranchName(click.ParamType[str]):
    name = "branch"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the branches of the project, if it runs."""
        from click.shell_completion import CompletionItem

        from branchpg.client.cli.options import Shared

        try:
            found = ctx.find_root().ensure_object(Shared)
            names = [branch.name for branch in found.project().branches()]
        except (BranchpgError, OSError):
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


BRANCH = _BranchName()


def branch_argument(
    name: str = "name", *, metavar: str = "BRANCH", required: bool = True
) -> Callable[[Any], Any]:
    """Return an argument that is the name or id of a branch."""
    shown = metavar if required else f"[{metavar}]"
    return click.argument(name, metavar=shown, type=BRANCH, required=required)

"""Results: as tables for people, as JSON or YAML for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from branchpg.client.cli.options import given
from branchpg.client.points import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from branchpg.client.answers import BranchInfo

__all__ = ["branch_rows", "result", "size", "table"]

_GAP: Final = 3
_HEADINGS: Final = ("Name", "Id", "Current State", "Created At", "Expires At")
_BASE: Final = 1024.0


def result(value: object, as_table: Callable[[], None]) -> None:
    """Print a value as was asked for."""
    form = given().output
    if form == "table":
        as_table()
        return
    plain = _plain(value)
    if form == "json":
        import json

        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    import yaml

    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    click.echo(text, nl=False)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; every column is as wide as its widest cell."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [
        max(len(click.unstyle(cell)) for cell in column) + _GAP
        for column in zip(*lines, strict=True)
    ]
    for line in lines:
        cells = zip(line, widths, strict=True)
        padded = (
            f"{cell}{' ' * (width - len(click.unstyle(cell)))}" for cell, width in cells
        )
        click.echo("".join(padded).rstrip())


def branch_rows(branches: Iterable[BranchInfo], current: str | None) -> None:
    """Print branches, with labels for what is special about some."""
    rows = []
    for branch in branches:
        labels = [
            (branch.name == current, "current", "green"),
            (branch.default, "default", "cyan"),
            (branch.protected, "protected", "yellow"),
        ]
        shown = [click.style(f"[{label}]", fg=fg) for on, label, fg in labels if on]
        rows.append(
            (
                " ".join([branch.name, *shown]),
                branch.id,
                branch.current_state,
                written(branch.created_at.replace(microsecond=0)),
                written(branch.expires_at and branch.expires_at.replace(microsecond=0)),
            )
        )
    table(_HEADINGS, rows)


def size(count: float) -> str:
    """Return a number of bytes as people read it: `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < _BASE:
            return f"{count:.4g} {unit}"
        count /= _BASE
    return f"{count:.4g} TiB"


def _plain(value: object) -> Any:
    import msgspec

    def of_other(other: object) -> object:
        return str(other)

    return msgspec.to_builtins(value, enc_hook=of_other)

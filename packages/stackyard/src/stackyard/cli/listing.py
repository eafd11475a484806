"""Lists as Docker prints them: tables, JSON, and templates in Go's syntax.

Of Go's templates there is what lists are printed with: `{{.Name}}`, `{{json .}}`,
`{{json .Name}}`, `{{upper .Name}}`, `{{lower .Name}}` and `{{.Label "key"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = Mapping[str, Any]

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD: Final = re.compile(
    r"(?:(?P<function>json|upper|lower|title|println)\s+)?"
    r"\.(?P<name>\w*)(?:\s+\"(?P<key>[^\"]*)\")?\Z"
)
_ESCAPES: Final = {r"\t": "\t", r"\n": "\n"}
_GAP: Final = 3
"""Spaces between columns, as in Docker's tables."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every column is as wide as its widest cell."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(map(len, column)) + _GAP for column in zip(*lines, strict=True)]
    return "".join(
        "".join(
            f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def json(value: object) -> str:
    """Return a value as Go prints JSON."""
    import msgspec

    return msgspec.json.encode(value).decode()


def templated(template: str, rows: Sequence[Row], headings: Mapping[str, str]) -> str:
    """Return rows by a template; one that begins with `table` has a heading.

    Raises:
        click.ClickException: the template is wrong.
    """
    text = template
    for escape, character in _ESCAPES.items():
        text = text.replace(escape, character)
    if not text.startswith("table"):
        return "".join(f"{_filled(text, row)}\n" for row in rows)
    text = text.removeprefix("table").lstrip(" \t")
    heading = _ACTION.sub(lambda match: _heading(match[1], headings), text)
    lines = [heading, *(_filled(text, row) for row in rows)]
    cells = [line.split("\t") for line in lines]
    return table(cells[0], cells[1:])


def _heading(expression: str, headings: Mapping[str, str]) -> str:
    name = _parsed(expression)["name"]
    return headings.get(name, name.upper())


def _filled(text: str, row: Row) -> str:
    return _ACTION.sub(lambda match: _value(match[1], row), text)


def _parsed(expression: str) -> re.Match[str]:
    match = _FIELD.match(expression)
    if match is None:
        raise click.ClickException(
            f"template parsing error: {{{{{expression}}}}} is not understood"
        )
    return match


def _value(expression: str, row: Row) -> str:
    match = _parsed(expression)
    name, key = match["name"], match["key"]
    value: Any = dict(row)
    if name == "Label" and key is not None:
        value = row["_labels"].get(key, "")
    elif name:
        if name not in row:
            raise click.ClickException(
                f"template parsing error: there is no field {name}; "
                f"there are: {', '.join(sorted(_public(row)))}"
            )
        value = row[name]
    elif match["function"] == "json":
        value = _public(row)
    return _FUNCTIONS[match["function"] or ""](value)


def _public(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name[0] != "_"}


_FUNCTIONS: Final[dict[str, Callable[[Any], str]]] = {
    "": str,
    "println": lambda value: f"{value}\n",
    "json": json,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "title": lambda value: str(value).title(),
}


def json_lines(rows: Iterable[Row]) -> str:
    """Return one JSON object a line."""
    return "".join(f"{json(_public(row))}\n" for row in rows)


def shown(
    form: str,
    rows: Sequence[Row],
    columns: Mapping[str, str],
    *,
    headings: Mapping[str, str] | None = None,
) -> str:
    """Return rows in a format: `table`, `json` (a line each) or a template.

    Args:
        form: what `--format` says.
        rows: fields by name; those that begin with `_` are for templates alone.
        columns: field -> heading, of the table.
        headings: of fields that only a template shows.
    """
    if form in {"table", ""}:
        cells = [[str(row[name]) for name in columns] for row in rows]
        return table(list(columns.values()), cells)
    if form == "json":
        return json_lines(rows)
    return templated(form, rows, {**columns, **(headings or {})})

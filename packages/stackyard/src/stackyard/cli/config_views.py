"""What the variants of `yard config` print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.compose import listing
from stackyard.compose.loader import load, load_document
from stackyard.compose.model.codec import Form, Sorted, sorted_tree
from stackyard.compose.model.project import project_to_document
from stackyard.compose.selection import (
    with_named_enabled,
    with_selected,
    without_unused,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stackyard.cli.options import GlobalOptions
    from stackyard.compose.load.context import LoadOptions
    from stackyard.compose.model import Project
    from stackyard.compose.request import Request

_BEFORE_HASHES: Final = ("services", "volumes", "networks", "models")
_FORMATS: Final = ("yaml", "json")


@dataclass(frozen=True)
class View:
    """What is to be printed: one of the lists, or the whole document."""

    names: tuple[str, ...]
    form: str
    quiet: bool
    listed: str | None
    hashes: str | None
    variables: bool
    environment: bool

    @property
    def narrows(self) -> bool:
        """Whether naming services leaves others out: lists show all, but images."""
        whole = self.listed is None and self.hashes is None and not self.environment
        return whole or self.listed == "images"

    @classmethod
    def of(cls, chosen: dict[str, Any], lists: tuple[str, ...]) -> View:
        """Return the view of a command's options."""
        if chosen["form"] not in _FORMATS:
            raise click.UsageError(f"unsupported format {chosen['form']!r}")
        return cls(
            names=chosen["names"],
            form=chosen["form"],
            quiet=chosen["quiet"],
            listed=next((name for name in lists if chosen[name]), None),
            hashes=chosen["hashes"],
            variables=chosen["variables"],
            environment=chosen["environment"],
        )


def project_view(
    options: GlobalOptions, load_options: LoadOptions, view: View
) -> tuple[str, tuple[str, ...]]:
    """Load the project; return what to print of it, and the warnings."""
    sources = options.sources()
    request = options.request(sources, load_options)
    loaded = load(request, sources)
    project = loaded.project
    profiles = listing.profiles(project)
    if view.narrows:
        project = with_selected(with_named_enabled(project, view.names), view.names)
    if not options.all_resources:
        project = without_unused(project)
    warnings = request.warnings + loaded.warnings
    if view.listed == "profiles":
        return _lines(profiles), warnings
    return _project_text(project, request, view), warnings


def _project_text(project: Project, request: Request, view: View) -> str:
    if view.hashes is not None and view.listed not in _BEFORE_HASHES:
        return _hashes(project, view.hashes)
    if view.listed is not None:
        return _lines(listing.names(project, view.listed))
    if view.environment:
        pairs = sorted(request.environment.items())
        return _lines(f"{key}={value}" for key, value in pairs)
    if view.quiet:
        return ""
    document = project_to_document(project, Form(view.form))
    # What is printed can be read again: a dollar sign is doubled.
    return _rendered(document, view.form).replace("$", "$$")


def document_view(
    options: GlobalOptions, load_options: LoadOptions, view: View
) -> tuple[str, tuple[str, ...]]:
    """Return what to print of the document as it is before interpolation."""
    sources = options.sources()
    request = options.request(sources, load_options)
    document, warnings = load_document(request, sources)
    warnings = request.warnings + warnings
    if view.variables:
        return _variables(document, view.form), warnings
    if view.listed is not None:
        return _lines(listing.names_in_document(document, view.listed)), warnings
    if view.quiet:
        return "", warnings
    return _rendered(sorted_tree(document), view.form), warnings


def _rendered(document: dict[str, Any], form: str) -> str:
    if form == "json":
        from stackyard.compose.render.json import to_json

        return to_json(document)
    from stackyard.compose.render.yaml import to_yaml

    return to_yaml(document)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _hashes(project: Project, wanted: str) -> str:
    from stackyard.compose.hashing import config_hash

    names = list(project.services) if wanted == "*" else wanted.split(",")
    for name in names:
        if name not in project.services:
            raise click.ClickException(f"no such service: {name}")
    return _lines(
        f"{name} {config_hash(project.services[name])}" for name in sorted(names)
    )


def _variables(document: dict[str, Any], form: str) -> str:
    found = listing.variables(document)
    if form == "json":
        from stackyard.compose.render.json import to_json

        described = {
            item.name: {
                "Name": item.name,
                "DefaultValue": item.default,
                "PresenceValue": item.alternate,
                "Required": item.required,
            }
            for item in found
        }
        return to_json(Sorted(described), indent="    ") + "\n\n"
    rows = [("NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE")]
    rows += [
        (item.name, str(item.required).lower(), item.default, item.alternate)
        for item in found
    ]
    return _lines(_table(rows))


def _table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    """Yield lines of columns at least 20 wide and 3 apart, as Docker's are."""
    widths = [max(20, *(len(row[i]) + 3 for row in rows)) for i in range(len(rows[0]))]
    for row in rows:
        *cells, last = row
        yield "".join(c.ljust(w) for c, w in zip(cells, widths, strict=False)) + last

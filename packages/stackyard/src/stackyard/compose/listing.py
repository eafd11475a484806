"""Names in a project, as the lists of `yard config` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stackyard.compose import graph
from stackyard.compose.grammar import template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackyard.compose.grammar.template import Variable
    from stackyard.compose.model import Project


def names(project: Project, kind: str) -> Iterable[str]:
    """Return the names of a kind: services, networks, volumes, models or images.

    Services come in the order in which they would start.
    """
    if kind == "services":
        waves = graph.start_order(graph.dependencies(project))
        return (name for wave in waves for name in wave)
    if kind == "images":
        return images(project)
    if kind == "models":
        return sorted(model.model for model in project.models.values())
    return sorted(getattr(project, kind))


def images(project: Project) -> list[str]:
    """Return the image of every service; a built one is named after the service."""
    return sorted(
        service.image or f"{project.name}-{service.name}"
        for service in project.services.values()
    )


def profiles(project: Project) -> list[str]:
    """Return every profile of every service, enabled or not."""
    services = project.all_services.values()
    return sorted({profile for service in services for profile in service.profiles})


def names_in_document(document: dict[str, Any], kind: str) -> list[str]:
    """Return the names of a kind in a document that is not interpolated."""
    services = document.get("services") or {}
    if kind == "profiles":
        return sorted(
            {p for item in services.values() for p in item.get("profiles", ())}
        )
    if kind == "images":
        return sorted(item["image"] for item in services.values() if "image" in item)
    return sorted(document.get(kind) or {})


def variables(document: dict[str, Any]) -> list[Variable]:
    """Return the variables of a document, each once, by name."""
    found: dict[str, Variable] = {}
    for text in _texts(document):
        for variable in template.variables(text):
            found[variable.name] = variable
    return [found[name] for name in sorted(found)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "$" in value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)

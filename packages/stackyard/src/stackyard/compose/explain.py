"""Where a value came from: every layer that set it, and what it looked like there.

Layers, the weaker first: the bases a service extends, the files in their order, and for
a service's environment its env files below its own `environment`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stackyard.compose.errors import InvalidValueError, LoadError, Location, Path
from stackyard.compose.grammar import dotenv, template
from stackyard.compose.grammar.scalar import text_of
from stackyard.compose.load.paths import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.compose.files.sources import Sources
    from stackyard.compose.load.trace import Layer, Trace
    from stackyard.compose.request import Request

_MISSING = object()


@dataclass(frozen=True)
class Origin:
    """One place that says something about a value.

    `kind` names the layer; `raw` is the text before interpolation, where it differs;
    `removed` says that the layer drops what the ones before it said.
    """

    kind: str
    location: Location
    value: Any = None
    raw: str | None = None
    removed: bool = False


def parse_path(text: str) -> Path:
    """Return the steps of `web.environment.PORT` or `services.web.ports[0]`.

    A path that begins with no top-level element begins with a service.
    """
    steps: list[str | int] = []
    for part in text.replace("[", ".[").split("."):
        if part.startswith("[") and part.endswith("]") and part[1:-1].isdecimal():
            steps.append(int(part[1:-1]))
        elif part:
            steps.append(part)
    if steps and steps[0] not in _TOP_LEVEL:
        steps.insert(0, "services")
    return tuple(steps)


_TOP_LEVEL = frozenset(
    {"name", "services", "networks", "volumes", "secrets", "configs", "models"}
)


def explain_path(path: Path, trace: Trace, sources: Sources) -> list[Origin]:
    """Return what each layer says about `path`, the last one being in force."""
    found: list[Origin] = []
    for layer in trace.layers:
        if layer.kind != "base":
            found.extend(_in_layer(path, layer, trace, sources))
    return found


def _in_layer(
    path: Path, layer: Layer, trace: Trace, sources: Sources
) -> Iterator[Origin]:
    if any(path[: len(reset)] == reset for reset in layer.resets):
        yield Origin(layer.kind, _place(path, layer.file, sources), removed=True)
    if len(path) > 1 and path[0] == "services":
        yield from _in_bases(path, layer, trace, sources)
    yield from _values(layer.kind, path, layer, sources)


def _in_bases(
    path: Path, layer: Layer, trace: Trace, sources: Sources
) -> Iterator[Origin]:
    chain: list[tuple[str, str]] = []
    step = trace.bases.get((layer.file, str(path[1])))
    while step is not None and step not in chain:
        chain.append(step)
        step = trace.bases.get(step)
    for file, service in reversed(chain):
        base = next((item for item in trace.layers if item.file == file), None)
        if base is not None:
            below = ("services", service, *path[2:])
            yield from _values(f"extends {service}", below, base, sources)


def _values(kind: str, path: Path, layer: Layer, sources: Sources) -> Iterator[Origin]:
    value = lookup(layer.document, path)
    if value is _MISSING:
        return
    raw = lookup(layer.raw, path)
    shown = text_of(raw) if isinstance(raw, str) and raw != value else None
    yield Origin(kind, _place(path, layer.file, sources), value, shown)


def _place(path: Path, file: str, sources: Sources) -> Location:
    for length in range(len(path), 0, -1):
        place = sources.place(file, path[:length])
        if place is not None:
            return Location(file, *place)
    return Location(file)


def lookup(document: Any, path: Path) -> Any:
    """Return the value at `path`; lists of `key=value` are looked into by key."""
    value = document
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else _MISSING
        elif isinstance(value, list):
            value = _entry(value, step)
        else:
            return _MISSING
        if value is _MISSING:
            return _MISSING
    return value


def is_missing(value: Any) -> bool:
    """Return whether `lookup` found nothing."""
    return value is _MISSING


def _entry(items: list[Any], key: str | int) -> Any:
    for item in reversed(items):
        name, found, value = text_of(item).partition("=")
        if name == key:
            return value if found else None
    return _MISSING


def explain_env_files(
    path: Path, document: dict[str, Any], request: Request, sources: Sources
) -> list[Origin]:
    """Return what the env files of a service say about one of its variables."""
    if len(path) != 4 or path[0] != "services" or path[2] != "environment":
        return []
    entries = lookup(document, (*path[:2], "env_file"))
    origins: list[Origin] = []
    for entry in entries if isinstance(entries, list) else ():
        file = join(request.directory, text_of(entry.get("path")))
        origin = _in_env_file(file, str(path[3]), request, sources)
        if origin is not None:
            origins.append(origin)
    return origins


def explain_variable(name: str, request: Request, sources: Sources) -> list[Origin]:
    """Return every source of a variable for interpolation, the last in force."""
    origins = [
        origin
        for file in request.env_files
        if (origin := _in_env_file(file, name, request, sources)) is not None
    ]
    value = request.environment.get(name)
    if value is not None and (not origins or origins[-1].value != value):
        kind = "project name" if name == "COMPOSE_PROJECT_NAME" else "shell"
        origins.append(Origin(kind, Location("environment of the process"), value))
    return origins


def _in_env_file(
    file: str, name: str, request: Request, sources: Sources
) -> Origin | None:
    try:
        text = sources.text(file)
        values = dotenv.parse(text, request.environment.get)
    except (LoadError, InvalidValueError):
        return None
    if name not in values:
        return None
    return Origin("env file", Location(file, _line_of(name, text), 1), values[name])


def _line_of(name: str, text: str) -> int:
    """Return the line of the last assignment to a variable, which is in force."""
    assignment = re.compile(rf"\s*(?:export\s+)?{re.escape(name)}\s*(?:[=:]|\Z)")
    lines = enumerate(text.split("\n"), 1)
    return max((number for number, line in lines if assignment.match(line)), default=0)


@dataclass(frozen=True)
class Use:
    """A value that refers to a variable."""

    path: Path
    location: Location
    text: str


def uses(name: str, trace: Trace, sources: Sources) -> list[Use]:
    """Return every value of the files that refers to a variable."""
    found: list[Use] = []
    for layer in trace.layers:
        for path, text in _texts(layer.raw, ()):
            if any(item.name == name for item in _variables(text)):
                found.append(Use(path, _place(path, layer.file, sources), text))
    return found


def _variables(text: str) -> list[template.Variable]:
    try:
        return template.variables(text)
    except InvalidValueError:
        return []


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if "$" in value:
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))

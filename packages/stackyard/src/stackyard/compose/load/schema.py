"""A merged document against the JSON Schema of the Compose Specification.

The schema says what may stand where; its messages do not say it in a user's words. They
are translated here: what was found, what was expected, and the nearest valid name.
"""

from __future__ import annotations

import functools
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from stackyard.compose import schema
from stackyard.compose.errors import Problem
from stackyard.compose.files.yaml_scalars import Timestamp
from stackyard.compose.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema_rs import ValidationError

    from stackyard.compose.errors import Path as Steps

SCHEMA: Final = Path(schema.__file__).with_name("compose-spec.json")


def schema_problems(document: dict[str, Any]) -> Iterator[Problem]:
    """Yield everything the schema has against the document."""
    validator, instance = _validator(), _as_json(document)
    if validator.is_valid(instance):
        return
    for error in validator.iter_errors(instance):
        yield from _problems(error)


def _as_json(value: Any) -> Any:
    """Return a copy without what JSON, and so the validator, does not have.

    It would take an infinite number for null, and nothing for a timestamp.
    """
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _INFINITE
    return str(value) if isinstance(value, Timestamp) else value


@functools.cache
def schema_text() -> str:
    """Return the schema, as JSON."""
    return SCHEMA.read_text("utf-8")


@functools.cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(schema_text())


def _problems(error: ValidationError) -> Iterator[Problem]:
    kind = error.kind
    path: Steps = tuple(error.instance_path)
    if kind.name in {"oneOf", "anyOf"}:
        yield from _alternatives(error, path)
    elif kind.name == "additionalProperties":
        yield from _unexpected(error, path)
    else:
        message, hint = _message(error)
        yield Problem(message, path, hint=hint)


def _alternatives(error: ValidationError, path: Steps) -> Iterator[Problem]:
    """Report the branch the writer meant: the one whose type fits."""
    kinds: list[str] = []
    for branch in _details(error).context:
        mismatch = next((e for e in branch if _is_type_of(e, path)), None)
        if mismatch is None:
            for inner in branch:
                yield from _problems(inner)
            return
        kinds += _details(mismatch).types
    yield Problem(f"expected {_either(kinds)}, found {_found(error.instance)}", path)


def _details(error: ValidationError) -> Any:
    """Return the error's kind, whose attributes depend on which one it is."""
    return error.kind


def _is_type_of(error: ValidationError, path: Steps) -> bool:
    return error.kind.name == "type" and tuple(error.instance_path) == path


def _unexpected(error: ValidationError, path: Steps) -> Iterator[Problem]:
    parent: Any = _schema()
    for step in error.schema_path[:-1]:
        parent = parent[step]
    known = list(parent.get("properties", ()))
    pattern = next((p for p in parent.get("patternProperties", ()) if p != "^x-"), None)
    for name in _details(error).unexpected:
        if not known and pattern:
            yield Problem(
                f"{name!r} is not a valid name",
                (*path, name),
                hint=f"names match {pattern}",
            )
            continue
        hint = did_you_mean(name, known) or _known_names(known)
        yield Problem(f"unknown attribute {name!r}", (*path, name), hint=hint)


def _known_names(names: list[str]) -> str | None:
    if not names or len(names) > 12:
        return "an extension's name begins with x-"
    return f"known here: {', '.join(sorted(names))}"


def _message(error: ValidationError) -> tuple[str, str | None]:
    instance: Any = error.instance
    kind, found = _details(error), _found(instance)
    if kind.name == "type":
        hint = None
        if kind.types == ["string"] and isinstance(instance, (int, float)):
            hint = "quote it"
        return f"expected {_either(kind.types)}, found {found}", hint
    if kind.name == "enum":
        return f"{found} is not allowed", f"one of {', '.join(map(str, kind.options))}"
    if kind.name == "required":
        return f"{kind.property} is missing", None
    if kind.name == "uniqueItems":
        return "an entry stands twice", f"remove one of {_repeated(instance)}"
    if kind.name == "pattern":
        return f"{found} does not match {kind.pattern}", None
    return error.message, None


def _repeated(items: list[Any]) -> str:
    return ", ".join(
        repr(item) for index, item in enumerate(items) if item in items[:index]
    )


def _either(types: list[str]) -> str:
    words = dict.fromkeys(_WORDS.get(kind, kind) for kind in types)
    return " or ".join(words)


def _found(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if value == _INFINITE:
        return "an infinite number"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@functools.cache
def _schema() -> Any:
    return json.loads(schema_text())


_INFINITE: Final = sys.float_info.max
"""Stands for numbers that are infinite, or none at all."""
_WORDS: Final = {
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}

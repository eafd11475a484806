"""Which places of the Compose schema the corpus visits, and with which types.

The schema is the one embedded in the oracle, so nothing is copied and a newer oracle
brings newer demands. A place is a path of property names in which `*` stands for a
name the author chooses or an item of a list, such as `services.*.ports.*.target`.
"""

from __future__ import annotations

import json
import mmap
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from verdicts import PlainLoader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cases import Case

    Schema = Mapping[str, Any]

_SCHEMA_ID = b'"compose_spec.json"'
_LARGEST_SCHEMA = 1_000_000
_DOCUMENT_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_TYPE_NAMES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    list: "array",
    dict: "object",
}


class Visit(NamedTuple):
    place: str
    type: str
    """A type of JSON Schema."""


def embedded_schema(program: str) -> dict[str, Any]:
    """The JSON schema that the docker compose binary carries."""
    with (
        Path(program).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        position = content.find(_SCHEMA_ID)
        if position < 0:
            raise LookupError(f"no Compose schema in {program}")
        start = content.rfind(b"{", 0, position)
        text = content[start : start + _LARGEST_SCHEMA].decode(errors="replace")
    schema, _ = json.JSONDecoder().raw_decode(text)
    assert isinstance(schema, dict)
    return schema


class SchemaWalk:
    """Walks the schema alone, and the schema along a document."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Schema = schema["definitions"]
        self._root = schema

    def places(self) -> set[str]:
        return {place for place, _ in self._walk(self._root, "") if place}

    def types(self) -> set[Visit]:
        """Every type that the schema allows by name, place by place."""
        return {
            Visit(place, name)
            for place, schema in self._walk(self._root, "")
            for name in _type_names(schema)
        }

    def visits(self, document: object) -> set[Visit]:
        return set(self._visits(self._root, document, ""))

    def _walk(self, schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
        for branch in self._branches(schema):
            yield path, branch
            for place, inner in _children(branch, path):
                yield from self._walk(inner, place)

    def _visits(self, schema: Schema, value: object, path: str) -> Iterator[Visit]:
        yield Visit(path, _TYPE_NAMES.get(type(value), "string"))
        if isinstance(value, int):
            yield Visit(path, "number")
        for branch in self._branches(schema):
            for place, inner, item in _entries(branch, value, path):
                yield from self._visits(inner, item, place)

    def _branches(self, schema: Schema) -> Iterator[Schema]:
        """The schema without references and alternatives."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/definitions/")
            yield from self._branches(self._definitions[name])
            return
        yield schema
        for alternative in schema.get("oneOf", ()):
            yield from self._branches(alternative)


def _type_names(schema: Schema) -> list[str]:
    names = schema.get("type", [])
    return [names] if isinstance(names, str) else list(names)


def _children(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    for name, inner in schema.get("properties", {}).items():
        yield _join(path, name), inner
    if "items" in schema:
        # Beside items, names of properties can never apply: gpus has such ones.
        yield _join(path, "*"), schema["items"]
        return
    for pattern, inner in schema.get("patternProperties", {}).items():
        yield _join(path, _name_of_pattern(pattern)), inner


def _entries(
    schema: Schema, value: object, path: str
) -> Iterator[tuple[str, Schema, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            for name, inner in _schemas_of_key(schema, str(key)):
                yield _join(path, name), inner, item
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield _join(path, "*"), schema["items"], item


def _schemas_of_key(schema: Schema, key: str) -> Iterator[tuple[str, Schema]]:
    properties = schema.get("properties", {})
    if key in properties:
        yield key, properties[key]
        return
    for pattern, inner in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            yield _name_of_pattern(pattern), inner


def _name_of_pattern(pattern: str) -> str:
    return "x-" if pattern == "^x-" else "*"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# --- reading the corpus -----------------------------------------------------------


class _TagBlindLoader(PlainLoader):
    """Reads `!reset` and every other tag as the plain value it marks."""


def _untagged(loader: _TagBlindLoader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_TagBlindLoader.add_multi_constructor("!", _untagged)


def documents(cases: Iterable[Case]) -> Iterator[object]:
    """Every YAML document of the cases."""
    for case in cases:
        for name, text in case.files.items():
            if Path(name).suffix in _DOCUMENT_SUFFIXES:
                yield from _parse_all(text)


def _parse_all(text: str) -> Iterator[object]:
    try:
        yield from yaml.load_all(text, Loader=_TagBlindLoader)
    except (yaml.YAMLError, ValueError, TypeError):
        # Some cases hold YAML that only go-yaml reads, or that nobody should.
        return

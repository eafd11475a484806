"""Whatever stands in a file: a project or a LoadError comes out, in bounded time.

What a parser must not do is crash, hang, or eat the machine. Examples are few by
default; HYPOTHESIS_PROFILE=thorough looks for hours.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from corpus import accepted_cases
from hypothesis import given
from hypothesis import strategies as st
from support import Workspace

from stackyard.compose.errors import LoadError
from stackyard.compose.hashing import config_hash
from stackyard.compose.load.schema import schema_text
from stackyard.compose.load.trace import Trace
from stackyard.compose.loader import load, load_document
from stackyard.compose.model.codec import Form
from stackyard.compose.model.project import project_to_document
from stackyard.compose.render.json import to_json
from stackyard.compose.render.yaml import to_yaml

ENVIRONMENT = {"A": "1", "HOME": "/root", "EMPTY": ""}


def try_load(data: bytes) -> None:
    """Load and print a file; anything but a LoadError escapes."""
    with tempfile.TemporaryDirectory() as directory:
        workspace = Workspace(Path(directory))
        workspace.write("compose.yaml", data)
        with suppress(LoadError):
            wanted, sources = workspace.request(environment=ENVIRONMENT)
            load_document(wanted, sources, trace=Trace())
            project = load(wanted, sources).project
            to_yaml(project_to_document(project, Form.YAML))
            to_json(project_to_document(project, Form.JSON))
            for service in project.services.values():
                config_hash(service)


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    try_load(data)


YAML_TOKENS = st.sampled_from(
    [
        *"-?:,[]{}#&*!|>'\"%@` \t\n\r",
        "<<: ",
        "- ",
        ": ",
        "&a ",
        "*a ",
        "!reset ",
        "!override ",
        "!!binary ",
        "---\n",
        "...\n",
        "services:",
        "\n  web:",
        "\n    image: x",
        "extends",
        "include",
        "${A}",
        "$",
        "null",
        ".inf",
        "0x1f",
        "2001-01-01",
        "\ufeff",
        "\u2028",
        "\x85",
        "\0",
    ]
)


@given(st.lists(YAML_TOKENS, max_size=60).map("".join))
def test_any_sequence_of_yaml_tokens(text: str) -> None:
    try_load(text.encode())


@cache
def corpus_texts() -> list[str]:
    return sorted(
        {
            text
            for case in accepted_cases()
            for name, text in case.files.items()
            if name.endswith((".yaml", ".yml"))
        }
    )


def mutated(text: str, chance: random.Random) -> str:
    """Delete, repeat, swap or replace a line or a token, a few times."""
    for _ in range(chance.randint(1, 4)):
        if chance.random() < 0.5:
            pieces = text.splitlines(keepends=True)
        else:
            pieces = re.split(r"(\W)", text)
        if len(pieces) < 2:
            return text
        at, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        action = chance.choice(["delete", "repeat", "swap", "replace"])
        if action == "delete":
            del pieces[at]
        elif action == "repeat":
            pieces.insert(other, pieces[at])
        elif action == "swap":
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces[at] = chance.choice(["null", "-1", "[]", "{}", "$", "~", ": ", "\n"])
        text = "".join(pieces)
    return text


@given(st.integers(min_value=0, max_value=2**32))
def test_documents_of_the_corpus_with_mistakes(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        try_load(mutated(chance.choice(corpus_texts()), chance).encode())


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**64 - 1),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            *["service:web", "host", "1-3:1-3", "80", "127.0.0.1:80:80/udp"],
            *["a=b", "=", "a", "./x:/y:ro", ":", "1gb", "10s", "0755", "all", "$$"],
            *["${A}", "${A?x}", "${A:-", "/", "~", "..", "x-y", "web", "yes", "*"],
        ]
    ),
)


@cache
def attribute_names() -> list[str]:
    """Every property the schema knows, wherever it stands there."""
    names: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            names.update(node.get("properties", ()))
            for item in node.values():
                collect(item)
        elif isinstance(node, list):
            for item in node:
                collect(item)

    collect(json.loads(schema_text()))
    return sorted(names)


def values() -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(attribute_names()), st.text(max_size=4))
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=8,
    )


@cache
def service_attributes() -> list[str]:
    return sorted(json.loads(schema_text())["definitions"]["service"]["properties"])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document with the right skeleton, and anything in it."""
    names = st.sampled_from(["web", "db", "x"])
    attributes = st.sampled_from(service_attributes())
    service = st.dictionaries(attributes, values(), max_size=4)
    resources = st.one_of(values(), st.dictionaries(names, values(), max_size=2))
    document: dict[str, Any] = {
        "services": draw(st.dictionaries(names, service, min_size=1, max_size=3))
    }
    for kind in ("networks", "volumes", "secrets", "configs", "include", "models"):
        if draw(st.integers(0, 3)) == 0:
            document[kind] = draw(resources)
    return document


@given(documents())
def test_plausible_documents(document: dict[str, Any]) -> None:
    try_load(to_yaml(document).encode())


@given(documents(), documents())
def test_plausible_documents_over_each_other(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    try_load(f"{to_yaml(base)}---\n{to_yaml(over)}".encode())


@given(documents(), st.sampled_from(["web", "db"]))
def test_plausible_documents_below_a_service(base: dict[str, Any], target: str) -> None:
    """What a service extends is merged before anything has looked at its types."""
    with tempfile.TemporaryDirectory() as directory:
        workspace = Workspace(Path(directory))
        workspace.write("base.yaml", to_yaml(base))
        workspace.write(
            "compose.yaml",
            f"services: {{web: {{extends: {{file: base.yaml, service: {target}}}}}}}",
        )
        with suppress(LoadError):
            workspace.load(environment=ENVIRONMENT)


@given(st.binary(max_size=200))
def test_any_bytes_in_env_files(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        workspace = Workspace(Path(directory))
        workspace.write("web.env", data)
        workspace.write("web.labels", data)
        workspace.write(".env", data)
        text = "services: {web: {image: x, env_file: web.env, label_file: web.labels}}"
        workspace.write("compose.yaml", text)
        with suppress(LoadError):
            workspace.load()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "---\n---\n",
        "# nothing",
        "null",
        "[]",
        "text",
        "1",
        "services:",
        "services: []",
        "services: text",
        "services: {web: null}",
        "services: {web: []}",
        "services: {1: {image: x}}",
        "services: {web: {image: x, extends: [1]}}",
        "include: {a: 1}",
        "include: [null]",
        "include: [{path: {}}]",
        "include: [{path: [1, null, x.yaml]}]",
        "services: {web: {image: x, depends_on: [null, {}]}}",
        "services: {web: {image: x, ports: [null, 1.5, [], {}]}}",
        "services: {web: {image: x, ulimits: {nofile: .inf}}}",
        "services: {web: {image: x, cpu_count: .nan}}",
        "services: {web: {image: x, cpus: .inf}}",
        "services: {web: {image: x, scale: 1e400}}",
        f"services: {{web: {{image: x, pids_limit: {'9' * 5000}}}}}",
        "x-big: .nan\nservices: {web: {image: x}}",
        'services: {web: {image: x, env_file: ["a\\0b"]}}',
        'services: {web: {extends: {file: "a\\0b", service: x}}}',
    ],
)
def test_odd_documents(text: str) -> None:
    try_load(text.encode())

"""The lists of names that `yard config` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import value

from stackyard.compose import listing
from stackyard.compose.grammar.template import Variable

if TYPE_CHECKING:
    from support import Workspace

STACK = """\
services:
  web: {image: nginx, depends_on: [api]}
  api: {build: ., depends_on: [db]}
  db: {image: postgres, volumes: [data:/data], profiles: []}
  debug: {image: busybox, profiles: [tools, all]}
volumes: {data: , archive: }
networks: {front: }
models: {llm: {model: ai/small}}
"""


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("services", ["db", "api", "web"]),
        ("volumes", ["archive", "data"]),
        ("networks", ["default", "front"]),
        ("images", ["demo-api", "nginx", "postgres"]),
        ("models", ["ai/small"]),
    ],
)
def test_names(workspace: Workspace, kind: str, names: list[str]) -> None:
    assert list(listing.names(workspace.project(STACK), kind)) == names


def test_profiles_of_disabled_services_too(workspace: Workspace) -> None:
    assert listing.profiles(workspace.project(STACK)) == ["all", "tools"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("services", ["api", "db", "debug", "web"]),
        ("volumes", ["archive", "data"]),
        ("networks", ["front"]),
        ("images", ["busybox", "nginx", "postgres"]),
        ("profiles", ["all", "tools"]),
        ("configs", []),
    ],
)
def test_names_before_interpolation(kind: str, names: list[str]) -> None:
    assert listing.names_in_document(value(STACK), kind) == names


def test_variables_each_once_by_name() -> None:
    document = value(
        """\
        services:
          web:
            image: nginx:${TAG:-1}
            command: ["${NAME:?say}", "${HOST:+h}", "$PLAIN $$NONE"]
            labels: {"$KEY": "$PLAIN"}
        """
    )

    assert listing.variables(document) == [
        Variable("HOST", alternate="h"),
        Variable("NAME", required=True),
        Variable("PLAIN"),
        Variable("TAG", default="1"),
    ]

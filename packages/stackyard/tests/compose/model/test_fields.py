"""The models are complete: every field described, every attribute there."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stackyard.compose import model
from stackyard.compose.load.schema import schema_text
from stackyard.compose.model import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = sorted(Path(model.__file__).parent.glob("*.py"))
NOT_A_FIELD = {
    "pull_refresh_after": "the reference implementation does not know it either",
}
FIELD_ONLY = {
    "name": "the key of the service",
    "extensions": "the x- attributes",
}


def models() -> Iterator[ast.ClassDef]:
    """Every class with Model as a base."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and "Model" in map(
                ast.unparse, node.bases
            ):
                yield node


MODELS = list(models())


def _is_docstring(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@pytest.mark.parametrize("node", MODELS, ids=[node.name for node in MODELS])
def test_every_field_is_described(node: ast.ClassDef) -> None:
    assert ast.get_docstring(node)
    undescribed = [
        ast.unparse(statement.target)
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True)
        if isinstance(statement, ast.AnnAssign) and not _is_docstring(following)
    ]
    assert not undescribed


def test_models_are_found() -> None:
    assert {"Service", "Project", "Network", "Build"} <= {it.name for it in MODELS}


def test_every_attribute_of_a_service_is_a_field() -> None:
    schema = json.loads(schema_text())
    attributes = schema["definitions"]["service"]["properties"].keys()
    names = {field.name for field in dataclasses.fields(Service)}
    assert attributes - names == NOT_A_FIELD.keys()
    assert names - attributes == FIELD_ONLY.keys()

"""SSH agents and keys of a build: both syntaxes, and the list that is printed."""

from __future__ import annotations

from typing import Any

import pytest

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.ssh import entries, parse


@pytest.mark.parametrize(
    ("value", "keys", "printed"),
    [
        (["default"], {"default": None}, ["default"]),
        (["default=/x"], {"default": "/x"}, ["default: /x"]),
        (["b=./1", "a=2"], {"b": "./1", "a": "2"}, ["b: ./1", "a: 2"]),
        (["a="], {"a": ""}, ["a"]),
        (["a=b=c"], {"a": "b=c"}, ["a: b=c"]),
        (["a=1", "a=2"], {"a": "2"}, ["a: 2"]),
        (
            {"default": None, "a": "/x"},
            {"default": None, "a": "/x"},
            ["default", "a: /x"],
        ),
        ({"a": None}, {"a": None}, ["a"]),
    ],
)
def test_keys(value: Any, keys: dict[str, str | None], printed: list[str]) -> None:
    assert parse(value) == keys
    assert entries(keys) == printed


@pytest.mark.parametrize("line", ["a", "", "DEFAULT", " default"])
def test_only_default_needs_no_path(line: str) -> None:
    with pytest.raises(InvalidValueError, match=f'invalid ssh key "{line}"') as error:
        parse([line])

    assert error.value.hint

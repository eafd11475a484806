"""Texts as numbers and booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.load.casts import to_bool, to_float, to_int

if TYPE_CHECKING:
    from collections.abc import Callable

    from support import Workspace


@pytest.mark.parametrize(
    ("cast", "text", "expected"),
    [
        (to_int, "0", 0),
        (to_int, "-7", -7),
        (to_float, "0.5", 0.5),
        (to_float, "1e3", 1000.0),
        (to_bool, "true", True),
        (to_bool, "FALSE", False),
    ],
)
def test_a_text(
    cast: Callable, text: str, expected: object, workspace: Workspace
) -> None:
    context = workspace.context()
    assert cast(text, context) == expected
    assert not context.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [("y", True), ("Yes", True), ("ON", True), ("n", False), ("no", False)],
)
def test_words_of_yaml_1_1_are_warned_of(
    text: str, expected: bool, workspace: Workspace
) -> None:
    context = workspace.context()
    assert to_bool(text, context) is expected
    assert list(context.warnings) == [
        (
            f'"{text}" for boolean is not supported by YAML 1.2, '
            f"please use {str(expected).lower()}"
        )
    ]


@pytest.mark.parametrize(
    ("cast", "text"),
    [
        (to_int, "x"),
        (to_int, "1.5"),
        (to_int, "0x10"),
        (to_float, "half"),
        (to_bool, ""),
        (to_bool, "1"),
        (to_bool, "maybe"),
    ],
)
def test_a_text_that_is_none(cast: Callable, text: str, workspace: Workspace) -> None:
    with pytest.raises(InvalidValueError) as caught:
        cast(text, workspace.context())
    assert text in caught.value.message
    assert caught.value.hint

"""Taking refused values out of a document."""

from __future__ import annotations

import pytest

from stackyard.compose.load.repair import remove


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ([("a",)], {"b": {"c": 1}}),
        ([("b", "c")], {"a": [1, 2, 3], "b": {}}),
        ([("a", 1)], {"a": [1, 3], "b": {"c": 1}}),
        ([("a", 0), ("a", 2)], {"a": [2], "b": {"c": 1}}),
        ([("a", 0), ("a", 0)], {"a": [2, 3], "b": {"c": 1}}),
        ([("a", 9), ("z", "y"), ("a", 0, "x"), ()], {"a": [1, 2, 3], "b": {"c": 1}}),
        ([("a",), ("a", 0)], {"b": {"c": 1}}),
    ],
)
def test_paths_count_from_the_same_document(paths: list, left: object) -> None:
    document = {"a": [1, 2, 3], "b": {"c": 1}}
    remove(document, paths)
    assert document == left

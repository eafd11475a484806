"""JSON as Go's encoding/json writes it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import LoadError
from stackyard.compose.model.codec import Sorted
from stackyard.compose.render.json import compact_json, to_json


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (1.0, "1"),
        (-0.0, "-0"),
        (0.5, "0.5"),
        (1e6, "1000000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (1e-5, "0.00001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (-1.5e-9, "-1.5e-9"),
        ("grün", '"grün"'),
        ('a"\\\n', '"a\\"\\\\\\n"'),
        ("<a>&", '"\\u003ca\\u003e\\u0026"'),
        ("\u2028\u2029", '"\\u2028\\u2029"'),
        ({}, "{}"),
        ([], "[]"),
        ({"b": 1, "a": [1, 2]}, '{"b":1,"a":[1,2]}'),
        (Sorted(b=1, a=2), '{"a":2,"b":1}'),
    ],
)
def test_a_value(value: Any, written: str) -> None:
    assert compact_json(value) == written


def test_over_several_lines() -> None:
    assert to_json({"a": [1, {}], "b": {"c": None}}) == (
        '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": {\n    "c": null\n  }\n}'
    )


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_json_does_not_have(number: float) -> None:
    with pytest.raises(LoadError, match="JSON has no number"):
        to_json(number)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
)
TREES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.text("ab<🐘", max_size=3), below, max_size=4)
    ),
    max_leaves=15,
)


@given(tree=TREES)
def test_what_is_written_reads_back(tree: Any) -> None:
    assert json.loads(to_json(tree)) == tree
    assert json.loads(compact_json(tree)) == tree


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_loses_nothing(number: float) -> None:
    assert float(compact_json(number)) == number

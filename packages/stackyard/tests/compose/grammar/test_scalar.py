"""Scalars as text: what labels, environment and the like make of a YAML value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.grammar.scalar import float_text, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.10", "1.10"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-5, "-5"),
        (2**63, "9223372036854775808"),
        (1.10, "1.1"),
        (100000.0, "100000"),
    ],
)
def test_text_of_scalars(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (999999.0, "999999"),
        (1e6, "1e+06"),
        (12345678.9, "1.23456789e+07"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (1e300, "1e+300"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_floats_are_as_short_as_can_be(value: float, text: str) -> None:
    assert float_text(value) == text


@given(value=st.floats(allow_nan=False))
def test_the_text_of_a_float_reads_back(value: float) -> None:
    assert float(float_text(value)) == value

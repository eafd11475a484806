"""The order of keys that users chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.render.order import natural_order


@pytest.mark.parametrize(
    "ordered",
    [
        ["", "a", "aa", "ab", "b"],
        ["A", "a"],
        ["a1", "a2", "a10"],
        ["a1", "a01", "a001", "a2"],
        ["1", "2", "10"],
        ["1", "a"],
        ["a-b", "a_b", "ab"],
        ["a1b", "a1-"],
        ["web", "web-1", "web-2", "web-10", "webs"],
        ["1" + "0" * 5000, "2" + "0" * 5000],
    ],
)
def test_the_order(ordered: list[str]) -> None:
    assert sorted(ordered, key=natural_order) == ordered


TEXTS = st.text("ab0129-._é", max_size=6)


@given(left=TEXTS, right=TEXTS)
def test_of_two_keys_one_is_first(left: str, right: str) -> None:
    before, after = (
        natural_order(left) < natural_order(right),
        natural_order(right) < natural_order(left),
    )
    assert before + after == (left != right)


@given(keys=st.lists(st.text("a012-", max_size=4), min_size=3, max_size=3))
def test_order_is_transitive(keys: list[str]) -> None:
    a, b, c = (natural_order(key) for key in keys)
    assert not (a < b and b < c) or a < c

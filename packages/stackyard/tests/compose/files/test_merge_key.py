"""`<<` merges where it is written plainly, and is a key like any other in quotes."""

from __future__ import annotations

import pytest
from support import value


@pytest.mark.parametrize("key", ["<<", "!!merge <<"])
def test_a_plain_one_merges(key: str) -> None:
    assert value(f"{{a: &a {{b: 1}}, c: {{{key}: *a}}}}") == {
        "a": {"b": 1},
        "c": {"b": 1},
    }


@pytest.mark.parametrize("key", ['"<<"', "'<<'", "!!str <<"])
def test_a_quoted_one_does_not(key: str) -> None:
    assert value(f"{{a: {{{key}: b}}}}") == {"a": {"<<": "b"}}
    assert value(f"{{a: &a {{b: 1}}, c: {{{key}: *a}}}}")["c"] == {"<<": {"b": 1}}

"""Extra hosts: both syntaxes, and the list that is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.hosts import entries, parse

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (["a:1.2.3.4"], ["a=1.2.3.4"]),
        (["a=1.2.3.4"], ["a=1.2.3.4"]),
        (["a:::1"], ["a=::1"]),
        (["a=::1"], ["a=::1"]),
        (["a=[::1]"], ["a=::1"]),
        (["a:[::1]"], ["a=::1"]),
        (["a:host-gateway"], ["a=host-gateway"]),
        (["a=b:c"], ["a=b:c"]),
        (["a=b=c"], ["a=b=c"]),
        (["a="], ["a="]),
        (["a=[]"], ["a=[]"]),
        (["a=1,2"], ["a=1", "a=2"]),
        (["a=[::1],[::2]"], ["a=::1", "a=::2"]),
        (["b=1", "a=2", "A=3"], ["A=3", "a=2", "b=1"]),
        (["a=1", "a:1"], ["a=1", "a=1"]),
        ({"a": "1"}, ["a=1"]),
        ({"a": ["[::1]", "2"]}, ["a=2", "a=::1"]),
        ({"a": []}, []),
        pytest.param({"a": "1,2"}, ["a=1,2"], id="no lists in a mapping's text"),
        ([], []),
    ],
)
def test_hosts(value: Any, printed: list[str]) -> None:
    assert entries(parse(value)) == printed


def test_addresses_keep_their_order() -> None:
    assert parse(["a=2,1", "b=3", "a:0"]) == {"a": ["2", "1", "0"], "b": ["3"]}


def test_a_mapping_is_not_changed() -> None:
    value = {"a": ["[::1]"]}

    assert parse(value) == {"a": ["::1"]}
    assert value == {"a": ["[::1]"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a"], 'host "a" has no address'),
        ([""], 'host "" has no address'),
        (["=1"], 'invalid host name ""'),
        ([":1"], 'invalid host name ""'),
        (["a:b=c"], 'invalid host name "a:b"'),
        ({"a=b": "1"}, 'invalid host name "a=b"'),
        ({"": "1"}, 'invalid host name ""'),
    ],
)
def test_what_is_no_host(value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        parse(value)

    assert error.value.message == message
    assert error.value.hint


@given(lines=st.lists(st.text() | st.text("a=:,[]1")))
def test_what_is_printed_reads_back(lines: list[str], attempt: Callable) -> None:
    hosts = attempt(parse, lines)
    if isinstance(hosts, dict) and not any("[" in line for line in lines):
        assert entries(parse(entries(hosts))) == entries(hosts)

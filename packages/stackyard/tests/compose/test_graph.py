"""Dependencies: cycles, waves, and what is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.graph import (
    dependencies,
    find_cycle,
    reachable,
    start_order,
)

if TYPE_CHECKING:
    from support import Workspace

NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.frozensets(NAMES, max_size=3))
Edges = dict[str, frozenset[str]]


def test_dependencies_of_a_project(workspace: Workspace) -> None:
    project = workspace.project(
        """\
        services:
          web: {image: a, depends_on: {db: {condition: service_started},
                off: {condition: service_started, required: false}}}
          db: {image: b}
          off: {image: c, profiles: [x]}
        """
    )

    assert dependencies(project) == {"web": ("db",), "db": ()}


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, None),
        ({"a": ["b"], "b": []}, None),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, None),
        ({"a": ["a"]}, ("a", "a")),
        ({"a": ["b"], "b": ["a"]}, ("a", "b", "a")),
        ({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["b"]}, ("b", "c", "d", "b")),
        ({"a": ["nowhere"]}, None),
    ],
)
def test_cycles(edges: Edges, cycle: tuple[str, ...] | None) -> None:
    assert find_cycle(edges) == cycle


def test_waves_need_only_those_before_them() -> None:
    edges = {"web": ["api", "cache"], "api": ["db"], "cache": [], "db": []}

    assert start_order(edges) == (("cache", "db"), ("api",), ("web",))


def test_there_is_no_order_in_a_cycle() -> None:
    with pytest.raises(ValueError, match="dependency cycle: a -> b -> a"):
        start_order({"a": ["b"], "b": ["a"]})


def test_what_is_needed() -> None:
    edges = {"web": ["api"], "api": ["db"], "db": [], "other": []}

    assert reachable(edges, ["web"]) == {"web", "api", "db"}
    assert reachable(edges, []) == set()


def test_a_long_chain_is_no_deep_recursion() -> None:
    edges = {str(number): [str(number + 1)] for number in range(20_000)}

    assert find_cycle(edges) is None
    assert len(reachable(edges, ["0"])) == 20_001


@given(GRAPHS)
def test_a_cycle_is_one_and_is_found_if_there_is_one(edges: Edges) -> None:
    cycle = find_cycle(edges)

    if cycle is None:
        assert all(name not in reachable(edges, edges[name]) for name in edges)
    else:
        assert cycle[0] == cycle[-1]
        steps = zip(cycle, cycle[1:], strict=False)
        assert all(there in edges[here] for here, there in steps)


@given(GRAPHS)
def test_an_order_is_one_and_is_found_unless_there_is_a_cycle(edges: Edges) -> None:
    if find_cycle(edges):
        with pytest.raises(ValueError, match="dependency cycle"):
            start_order(edges)
        return

    started: set[str] = set()
    for wave in start_order(edges):
        assert all(edges[name] & edges.keys() <= started for name in wave)
        assert list(wave) == sorted(wave)
        started |= set(wave)

    assert started == edges.keys()

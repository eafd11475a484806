"""Which replicas stay: facts of each rule as (number, kept, old, cause)."""

from __future__ import annotations

from process_support import container, service

from stackyard.engine.process.plan.replicas import Replica, choose


def facts(replicas: list[Replica]) -> list[tuple[object, ...]]:
    return [
        (
            item.wanted,
            item.keep.id if item.keep else "",
            tuple(old.id for old in item.old),
            item.cause,
        )
        for item in replicas
    ]


def chosen(spec, *present, force: bool = False, never: bool = False):
    return facts(choose(spec, present, force=force, never=never))


def test_nothing_there():
    assert chosen(service("a")) == [(1, "", (), "is missing")]


def test_the_youngest_of_a_number_is_kept():
    first, second = container("a"), container("a", age=1)
    assert chosen(service("a"), first, second) == [(1, second.id, (first.id,), "")]


def test_force_has_a_reason_of_its_own():
    old = container("a")
    expected = [(1, "", (old.id,), "recreation was asked for")]
    assert chosen(service("a"), old, force=True) == expected


def test_never_wins():
    old = container("a", version="0")
    assert chosen(service("a"), old, force=True, never=True) == [(1, old.id, (), "")]


def test_a_surplus_of_a_number_goes_with_everything_it_has():
    items = [container("a", 2, version="0"), container("a", 2, age=1), container("a")]
    assert chosen(service("a"), *items) == [
        (1, "a-1-0", (), ""),
        (None, "", ("a-2-0", "a-2-1"), ""),
    ]


def test_a_name_is_never_a_format():
    spec = service("a")
    names = [item.name for item in choose(spec, (), force=False, never=False)]
    assert names == ["p-a-1"]

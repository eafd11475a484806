"""Which branches are pruned: never one that somebody may miss."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.client.answers import BranchInfo
from branchpg.client.pruning import Filters, choose

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def info(name, **details):
    made = NOW - timedelta(days=details.pop("days", 10))
    return BranchInfo(
        id=f"br-{name}",
        project_id="p",
        name=name,
        timeline_id="t",
        current_state="ready",
        created_at=made,
        updated_at=made,
        **details,
    )


def chosen(branches, filters, in_use=()):
    found = choose(branches, filters, now=NOW, in_use=in_use)
    return [one.branch.name for one in found if one.delete]


def test_age_counts_from_the_last_reset():
    week = Filters(older_than=timedelta(days=7))
    branches = [info("old"), info("new", days=1), info("used", last_reset_at=NOW)]
    assert chosen(branches, week) == ["old"]


def test_all_filters_have_to_fit():
    filters = Filters(pattern="pr-*", live={"pr-2"}, merged={"pr-1", "pr-2", "x"})
    branches = [info("pr-1"), info("pr-2"), info("pr-3"), info("x")]
    assert chosen(branches, filters) == ["pr-1"]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"default": True}, "is the default branch"),
        ({"protected": True}, "is protected"),
    ],
)
def test_what_is_special_stays_and_says_why(details, reason):
    (one,) = choose([info("x", **details)], Filters(pattern="*"), now=NOW, in_use=())
    assert (one.delete, one.reason) == (False, reason)


def test_children_go_before_their_parents():
    branches = [info("a"), info("b", parent_id="br-a"), info("c", parent_id="br-b")]
    assert chosen(branches, Filters(pattern="*")) == ["c", "b", "a"]


def test_a_parent_of_one_that_stays_stays():
    branches = [info("a"), info("b", parent_id="br-a"), info("c", parent_id="br-b")]
    assert chosen(branches, Filters(pattern="*"), in_use={"c"}) == []
    assert chosen(branches, Filters(pattern="[ab]")) == []


TREES = st.lists(
    st.tuples(st.integers(0, 20), st.booleans(), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(TREES, st.sampled_from(["*", "[0-4]", "5"]))
def test_no_order_of_deletions_ever_hurts(rows, pattern):
    branches = [
        info(
            str(number),
            parent_id=f"br-{parent % number}" if number else None,
            default=number == 0,
            protected=is_protected,
        )
        for number, (parent, is_protected, _, _) in enumerate(rows)
    ]
    in_use = {str(number) for number, row in enumerate(rows) if row[2]}
    left = {one.name: one for one in branches}
    for name in chosen(branches, Filters(pattern=pattern), in_use):
        gone = left.pop(name)
        assert not gone.default
        assert not gone.protected
        assert name not in in_use
        assert not [one for one in left.values() if one.parent_id == gone.id]


def test_the_command_asks_and_deletes(cli):
    for name in ("pr-1", "pr-2", "stays"):
        cli("branch", "create", name)
    cli("branch", "protect", "pr-2")
    dry = cli.out("branch", "prune", "--pattern", "pr-*", "--dry-run")
    assert "goes" in dry
    assert "is protected" in dry
    assert "see --dry-run" in cli.error("branch", "prune", "--pattern", "pr-*")
    assert "pr-1" in cli.names()
    told = cli.json("branch", "prune", "--pattern", "pr-*", "--yes")
    assert {one["name"]: one["delete"] for one in told} == {"pr-1": True, "pr-2": False}
    assert {"pr-2", "stays"} <= set(cli.names())
    assert "pr-1" not in cli.names()

"""What may be done to branches, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from branchpg.errors import BadRequest, Conflict, PreconditionFailed
from branchpg.lsn import Lsn
from branchpg.pageserver import branch_rules as rules
from branchpg.pageserver.tenants import now
from branchpg.store.catalog import Branch, Catalog, Timeline


def timeline(number: int, ancestor: int | None = None) -> Timeline:
    return Timeline(
        timeline_id=f"{number:032x}",
        start_lsn=Lsn(number),
        created_at=now(),
        ancestor_timeline_id=None if ancestor is None else f"{ancestor:032x}",
    )


def branch(name: str, number: int, parent: str | None = None) -> Branch:
    return Branch(
        id=f"br-{name}",
        name=name,
        timeline_id=f"{number:032x}",
        parent_id=parent and f"br-{parent}",
        created_at=now(),
        updated_at=now(),
    )


@pytest.fixture
def family() -> Catalog:
    """`main`, its child `work`, and `leaf`, a child of `work`."""
    catalog = Catalog(tenant_id="0" * 32, created_at=now())
    for one in (timeline(1), timeline(2, 1), timeline(3, 2)):
        catalog = catalog.with_timeline(one)
    return catalog.with_branch(
        branch("main", 1), branch("work", 2, "main"), branch("leaf", 3, "work")
    )


def test_who_has_children_is_told_which(family: Catalog) -> None:
    with pytest.raises(PreconditionFailed, match='"work" has children: leaf'):
        rules.refuse_children(family, family.branch("work"))
    rules.refuse_children(family, family.branch("leaf"))


def test_a_child_that_is_left_out_does_not_count(family: Catalog) -> None:
    new = family.with_timeline(timeline(4, 3))
    rules.refuse_children(new, family.branch("leaf"), but=f"{4:032x}")


def test_what_a_branch_was_goes_on_under_another_name_with_its_children(
    family: Catalog,
) -> None:
    catalog = family.with_timeline(timeline(4, 2))
    current = catalog.branch("work")
    wanted = rules.Replacement(current, current, rules.Point(Lsn(3)), "kept")
    renewed = rules.renewed(current, f"{4:032x}", wanted)

    after = rules.preserved(catalog, current, renewed, "kept")

    kept, work = after.branch("kept"), after.branch("work")
    assert (kept.timeline_id, kept.parent_id) == (current.timeline_id, "br-main")
    assert (work.timeline_id, work.parent_id) == (f"{4:032x}", kept.id)
    assert after.branch("leaf").parent_id == kept.id
    assert [one.type for one in after.endpoints_of(kept.id)] == ["read_write"]


@pytest.mark.parametrize("source", ["^self", "work", "br-work"])
def test_sources(family: Catalog, source: str) -> None:
    assert rules.source_of(family, family.branch("work"), source).name == "work"


def test_the_parent_as_a_source(family: Catalog) -> None:
    assert rules.source_of(family, family.branch("work"), "^parent").name == "main"
    with pytest.raises(PreconditionFailed, match="has no parent"):
        rules.source_of(family, family.branch("main"), "^parent")


def test_a_name_is_taken_by_a_branch_its_id_or_an_alias(family: Catalog) -> None:
    catalog = family.with_alias("here", "br-leaf")
    for name in ("work", "br-work", "here"):
        with pytest.raises(Conflict, match="already exists"):
            rules.refuse_taken(catalog, name)
    rules.refuse_taken(catalog, "other")


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_a_branch_expires_within_thirty_days(days: int) -> None:
    with pytest.raises(BadRequest, match="at most 30 days"):
        rules.expiry(now() + timedelta(days=days))


def test_the_seconds_to_live_are_kept_for_a_reset() -> None:
    at = now() + timedelta(hours=1)
    assert rules.expiry(at) == (at, pytest.approx(3600, abs=60))
    assert rules.expiry(None) == (None, None)

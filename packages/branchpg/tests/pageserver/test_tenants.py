"""Computes are told of what they act on, and not of the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest

from branchpg.lsn import Lsn
from branchpg.pageserver.tenants import Tenants, now
from branchpg.store.catalog import Attachment, Branch, Catalog, Timeline
from branchpg.store.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from branchpg.pageserver.tenants import Tenant

NAMED, OTHER = "a" * 32, "b" * 32


def timeline(timeline_id: str, **about: object) -> Timeline:
    return Timeline(
        timeline_id=timeline_id, start_lsn=Lsn(8), created_at=now(), **about
    )


def given(generation: int) -> Callable[[Catalog], Catalog]:
    """Give the timeline that has a name to a compute."""

    def give(catalog: Catalog) -> Catalog:
        attachment = Attachment("ep", generation, "/nowhere")
        changed = msgspec.structs.replace(
            catalog.timeline(NAMED), generation=generation, attachment=attachment
        )
        return catalog.with_timeline(changed)

    return give


def renamed(catalog: Catalog) -> Catalog:
    branch = msgspec.structs.replace(catalog.branches["br"], name="renamed")
    return catalog.with_branch(branch)


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    tenants = Tenants(Layout(str(tmp_path)))
    tenants.load()
    made = tenants.create("0" * 32)
    branch = Branch(
        id="br", name="main", timeline_id=NAMED, created_at=now(), updated_at=now()
    )
    made.change(lambda old: old.with_timeline(timeline(NAMED)).with_branch(branch))
    return made


def test_it_waits_until_there_is_something_to_do(tenant: Tenant) -> None:
    quiet = [
        lambda old: old.with_timeline(timeline(OTHER, is_draft=True)),
        given(1),  # nobody had it
    ]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(tenant.watch, "compute", tenant.catalog.version, 60.0)
        for change in quiet:
            tenant.change(change)
        told = tenant.change(renamed)
        assert answer.result(60).version == told.version


@pytest.mark.parametrize(
    "change",
    [
        renamed,
        given(2),  # another one had it
        lambda old: old.without_timeline(NAMED),
        lambda old: old.with_alias("alias", "br"),
    ],
)
def test_it_is_told_of(tenant: Tenant, change: Callable[[Catalog], Catalog]) -> None:
    tenant.change(given(1))
    seen = tenant.catalog.version
    told = tenant.change(change)
    assert tenant.watch("compute", seen, 60.0).version == told.version


def test_what_it_does_not_act_on_is_not_waited_for(tenant: Tenant) -> None:
    with ThreadPoolExecutor(1) as pool:
        seen = tenant.change(renamed).version
        tenant.watch("compute", seen, 0.0)
        watching = pool.submit(tenant.watch, "compute", seen, 60.0)
        quiet = tenant.change(given(1))
        assert tenant.settle(quiet.version, 0.0)
        tenant.close()
        watching.result(60)

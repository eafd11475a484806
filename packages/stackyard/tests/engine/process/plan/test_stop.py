"""What stop, down, rm, start and restart plan."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from process_support import container, observed

from stackyard.engine.process.containers import State
from stackyard.engine.process.plan.stop import (
    plan_down,
    plan_remove,
    plan_restart,
    plan_start,
    plan_stop,
)
from stackyard.engine.process.spec import HEALTHY

if TYPE_CHECKING:
    from stackyard.engine.process.plan.model import Plan

_CHAIN = {"web": ("api",), "api": ("db",)}


def check(plan: Plan, expected: str) -> None:
    assert str(plan) == dedent(expected).strip()


def test_stop_takes_dependents_first():
    items = [container("db"), container("web", 2), container("web"), container("api")]
    check(
        plan_stop(observed(*items, depends_on=_CHAIN), items),
        """
        1. stop container p-web-1
        2. stop container p-web-2
        3. stop container p-api-1 | after 1 2
        4. stop container p-db-1 | after 3
        """,
    )


def test_stop_keeps_the_order_across_a_service_without_containers():
    items = [container("db"), container("web")]
    check(
        plan_stop(observed(*items, depends_on=_CHAIN), items),
        """
        1. stop container p-web-1
        2. stop container p-db-1 | after 1
        """,
    )


def test_rm_stops_and_removes():
    item = container("db")
    check(
        plan_remove(observed(item), [item]),
        """
        1. stop container p-db-1
        2. remove container p-db-1 | after 1
        """,
    )


def test_down_removes_resources_last_and_only_what_is_there():
    items = [container("db"), container("api")]
    seen = observed(
        *items,
        depends_on=_CHAIN,
        volumes=frozenset(["p_data"]),
        networks=frozenset(["p_default"]),
    )
    check(
        plan_down(
            seen, items, volumes=["p_data", "p_gone"], networks=["p_default", "gone"]
        ),
        """
        1. stop container p-api-1
        2. stop container p-db-1 | after 1
        3. remove container p-db-1 | after 2
        4. remove container p-api-1 | after 1
        5. remove volume p_data | after 3 4
        6. remove network p_default | after 3 4
        """,
    )


def test_down_with_dependencies_in_a_circle():
    """Orphans of two versions of a file: nothing to wait for, and no failure."""
    items = [container("a"), container("b")]
    seen = observed(*items, depends_on={"a": ("b",), "b": ("a",)})
    check(
        plan_stop(seen, items),
        """
        1. stop container p-a-1
        2. stop container p-b-1 | after 1
        """,
    )


def test_start_takes_dependencies_first_and_leaves_what_runs():
    items = [
        container("web", state=State.EXITED),
        container("db", state=State.EXITED),
        container("api", state=State.EXITED),
        container("api", 2),
    ]
    conditions = {"web": {"api": HEALTHY}, "api": {"db": "service_started"}}
    check(
        plan_start(observed(*items, depends_on=_CHAIN), items, conditions),
        """
        1. start container p-db-1
        2. wait for db (service_started) | after 1
        3. start container p-api-1 | after 2
        4. wait for api (service_healthy) | after 3
        5. start container p-web-1 | after 4
        """,
    )


def test_restart_stops_all_then_starts_all():
    items = [container("db"), container("api", state=State.EXITED)]
    conditions = {"api": {"db": "service_started"}}
    check(
        plan_restart(observed(*items, depends_on=_CHAIN), items, conditions),
        """
        1. stop container p-api-1
        2. stop container p-db-1 | after 1
        3. start container p-db-1 | after 2
        4. wait for db (service_started) | after 3
        5. start container p-api-1 | after 1 4
        """,
    )

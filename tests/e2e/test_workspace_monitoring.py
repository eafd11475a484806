"""Prometheus on the running stack: every query of the dashboard has an answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from workspace_harness.client import wait_for
from workspace_stack import STACK, Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.xdist_group("workspace-monitoring"),
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="Prometheus is not installed: apt-get install prometheus",
    ),
]
MONITORING = STACK / "monitoring"
PROMETHEUS = "WORKSPACE_PROMETHEUS_PORT"


def queries() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboards" / "workspace.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.fixture(scope="module")
def stack() -> Iterator[Workspace]:
    with workspace("prometheus", up=("--scale", "workspace-api=2")) as found:
        yield found


def answer(stack: Workspace, query: str) -> list[dict[str, Any]]:
    quoted = urllib.parse.quote(query)
    found = stack.get(PROMETHEUS, f"/api/v1/query?query={quoted}")
    assert found["status"] == "success", found
    return list(found["data"]["result"])


def test_the_rules_do_what_their_tests_say() -> None:
    for arguments in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ):
        done = subprocess.run(
            ["promtool", *arguments],
            cwd=MONITORING,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_replica_is_scraped(stack: Workspace) -> None:
    def all_up() -> bool:
        found = answer(stack, "count by (job) (up == 1)")
        counts = {one["metric"]["job"]: one["value"][1] for one in found}
        return counts == {
            "workspace-api": "2",
            "workspace-db-compute": "1",
            "workspace-db-pageserver": "1",
            "workspace-db-safekeeper": "1",
        }

    wait_for(all_up, "all replicas are scraped", within=90)


def test_every_query_of_the_dashboard_has_an_answer(stack: Workspace) -> None:
    wanted = dict.fromkeys(queries())
    assert len(wanted) > 20

    def missing() -> list[str]:
        number = stack.add("seen by Prometheus")
        stack.get("WORKSPACE_API_PORT", f"/api/v1/items/{number}")
        stack.titles()
        with stack.database() as cursor:
            cursor.execute("SELECT 1")
        return [query for query in wanted if not has_number(query)]

    def has_number(query: str) -> bool:
        values = [one["value"][1] for one in answer(stack, query)]
        return any(value != "NaN" for value in values)

    left: list[str] = []

    def none_left() -> bool:
        left[:] = missing()
        return not left

    try:
        wait_for(none_left, "all queries have an answer", within=90)
    except AssertionError:
        pytest.fail(f"without an answer: {left}")


def test_the_rules_are_loaded_and_nothing_fires(stack: Workspace) -> None:
    def loaded() -> list[dict[str, Any]]:
        groups = stack.get(PROMETHEUS, "/api/v1/rules")["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] == "ok" for rule in rules) else []

    rules = wait_for(loaded, "all rules were evaluated", within=90)
    assert len(rules) == 7
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []

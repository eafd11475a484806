"""`deploy.update_config` when the new release is bad: pause, continue, roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project_support import errors

if TYPE_CHECKING:
    from project_support import Project

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")


def release(number: int, check: str = "true", **update: str) -> str:
    """Three replicas of a release, whose health check is a command."""
    settings = ", ".join(f"{key}: {value}" for key, value in update.items())
    return f"""
    services:
      web:
        image: own/web
        command: sleep 600
        environment: {{RELEASE: "{number}"}}
        healthcheck: {{test: "{check}", interval: 50ms, retries: 1}}
        deploy: {{replicas: 3, update_config: {{{settings}}}}}
    """


def hashes(project: Project) -> list[str]:
    return [item.config_hash for item in project.containers()]


def test_a_bad_release_stops_at_its_first_replica(project: Project):
    project.up(release(1), wait=True)
    (old,) = set(hashes(project))
    told = errors(project.up(release(2, "false", failure_action="pause")))
    assert "container demo-web-1 is unhealthy" in " ".join(told)
    assert hashes(project)[-2:] == [old, old]
    assert set(project.states().values()) == {"running"}


def test_a_bad_release_that_starts_first_leaves_the_old_one_alone(project: Project):
    project.up(release(1), wait=True)
    before = project.containers()
    assert errors(project.up(release(2, "false", order="start-first")))
    after = project.containers()
    assert [(c.id, c.pid) for c in after] == [(c.id, c.pid) for c in before]


def test_a_bad_release_is_rolled_back(project: Project):
    project.up(release(1), wait=True)
    before = hashes(project)
    messages = project.up(release(2, "false", failure_action="rollback"))
    assert errors(messages)
    told = [item.warning for item in messages if item.warning]
    assert "the update of service web is rolled back" in told
    assert hashes(project) == before
    assert set(project.states().values()) == {"running"}


def test_an_update_may_go_on_past_failures(project: Project):
    project.up(release(1), wait=True)
    (old,) = set(hashes(project))
    messages = project.up(release(2, "false", failure_action="continue"))
    assert errors(messages) == []
    assert old not in hashes(project)
    warnings = [item.warning for item in messages if item.warning]
    assert len([text for text in warnings if "the update goes on" in text]) == 3


def test_a_replica_is_watched_after_it_became_ready(project: Project):
    """`monitor`: it is healthy at first, and ends soon after."""
    project.up(release(1), wait=True)
    (old,) = set(hashes(project))
    text = release(2, monitor="20s").replace("sleep 600", "sleep 0.5")
    told = errors(project.up(text))
    assert "container demo-web-1 exited (0)" in " ".join(told)
    assert hashes(project)[-2:] == [old, old]

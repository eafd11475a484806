"""`yard start`, `stop`, `restart`, `kill`, `pause`, `unpause`, `rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sleep 1000000
            depends_on: {database: {condition: service_started, restart: true}}
          database:
            image: alpine
            command: sleep 1000000
            volumes: ["/cache"]
          never:
            image: alpine
            command: sleep 1000000
            profiles: [more]
        """
    )
    stack.yard("up", "-d")
    return stack


def states(stack: Stack) -> list[str]:
    return [state for _, state in sorted(stack.states().items())]


def test_stop_and_start(running: Stack) -> None:
    stopped = running.yard("stop", "-t", "0")
    assert states(running) == ["exited", "exited"]
    assert " Container demo-web-1 Stopped " in stopped.stderr
    assert stopped.stdout == ""

    started = running.yard("start")
    assert states(running) == ["running", "running"]
    assert started.stderr.index("demo-database-1 Started") < started.stderr.index(
        "demo-web-1 Started"
    )


def test_only_the_services_named(running: Stack) -> None:
    running.yard("stop", "-t", "0", "web")

    assert states(running) == ["running", "exited"]


def test_start_waits_for_health(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sleep 1000000
            healthcheck: {test: "test -e healthy", interval: 50ms, retries: 1000}
        """
    )
    stack.yard("create")
    too_slow = stack.yard("start", "--wait", "--wait-timeout", "1", code=1)
    assert "not healthy" in too_slow.stderr
    (stack.root / "healthy").touch()
    stack.yard("stop", "-t", "0")
    stack.yard("start", "--wait")

    assert stack.containers()["demo-web-1"].container.health == "healthy"


def test_restart_takes_dependents_along(running: Stack) -> None:
    before = {name: item.container.pid for name, item in running.containers().items()}
    running.yard("restart", "-t", "0", "database")
    after = {name: item.container.pid for name, item in running.containers().items()}

    assert not set(before.values()) & set(after.values())


def test_restart_without_them(running: Stack) -> None:
    before = running.containers()["demo-web-1"].container.pid
    running.yard("restart", "-t", "0", "--no-deps", "database")

    assert running.containers()["demo-web-1"].container.pid == before


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "term", "15"])
def test_kill_sends_a_signal(running: Stack, name: str) -> None:
    running.yard("kill", "-s", name, "web")

    running.eventually(lambda: running.states()["demo-web-1"] == "exited")
    assert running.containers()["demo-web-1"].container.exit_code == 143
    assert running.states()["demo-database-1"] == "running"


def test_kill_is_sigkill_of_all(running: Stack) -> None:
    running.yard("kill")

    assert states(running) == ["exited", "exited"]
    assert "no container to kill" in running.yard("kill", code=1).stderr


def test_kill_leaves_orphans_alone_and_takes_what_run_started(running: Stack) -> None:
    running.yard("run", "-d", "--name", "mine", "--no-deps", "web", "sleep", "1000000")
    running.write("services: {web: {image: alpine, command: sleep 1000000}}")
    running.yard("kill")

    assert running.states() == {
        "demo-database-1": "running",
        "demo-web-1": "exited",
        "mine": "exited",
    }
    running.yard("kill", "--remove-orphans")
    assert "demo-database-1" not in running.states()


def test_kill_works_with_a_broken_file(running: Stack) -> None:
    running.write("services: [")
    running.yard("-p", "demo", "kill")

    assert states(running) == ["exited", "exited"]


def test_pause_and_unpause(running: Stack) -> None:
    paused = running.yard("pause", "web")
    assert running.states()["demo-web-1"] == "paused"
    assert " Container demo-web-1 Paused " in paused.stderr

    running.yard("unpause", "web")
    assert running.states()["demo-web-1"] == "running"


def test_rm_removes_what_has_stopped(running: Stack) -> None:
    running.yard("stop", "-t", "0", "web")
    running.yard("rm", "-f")

    assert running.states() == {"demo-database-1": "running"}
    assert "No stopped containers" in running.yard("rm", "-f").stderr


def test_rm_stops_and_takes_unnamed_volumes_along(running: Stack) -> None:
    assert len(running.state.root.volumes()) == 1
    running.yard("stop", "-t", "0")
    running.yard("rm", "-fsv")

    assert running.states() == {}
    assert running.state.root.volumes() == []


def test_progress_as_json(running: Stack) -> None:
    stderr = running.yard("--progress", "json", "stop", "-t", "0", "web").stderr

    assert '{"id":"Container demo-web-1","status":"Done","text":"Stopped"}' in stderr
    assert running.yard("--progress", "quiet", "start", "web").stderr == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_dry_run_prints_the_plan(running: Stack, place: str) -> None:
    words = ["--dry-run", "stop"] if place == "before" else ["stop", "--dry-run"]
    done = running.yard(*words, "web")

    assert done.stdout == "1. stop container demo-web-1\n"
    assert states(running) == ["running", "running"]


@pytest.mark.parametrize(
    "command", ["start", "stop", "restart", "kill", "pause", "unpause", "rm -f"]
)
def test_unknown_services(running: Stack, command: str) -> None:
    done = running.yard(*command.split(), "nope", code=1)

    assert "error: no such service: nope" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("kill -s NOPE", "invalid signal: NOPE"),
        ("start never", 'service "never" has no container to start'),
        ("start --wait-timeout -1", "must be a non-negative integer"),
    ],
)
def test_errors(running: Stack, arguments: str, message: str) -> None:
    assert message in running.yard(*arguments.split(), code=1).stderr


def test_a_service_that_was_never_up_needs_no_stop(running: Stack) -> None:
    assert running.yard("stop", "never").stderr == ""

"""`yard up`, `create`, `scale`: options, and the foreground."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from conftest import Stack

TWO = """
    services:
      web:
        image: alpine
        command: sh -c 'echo hello; exec sleep 1000000'
        depends_on: [database]
      database:
        image: alpine
        command: sh -c 'echo oops >&2; exec sleep 1000000'
    """


def job(code: int, *, after: str = "") -> str:
    """A file with `job`, which ends with a code, and `web`, which goes on."""
    return f"""
        services:
          job:
            image: alpine
            command: sh -c '{after} exit {code}'
          web:
            image: alpine
            command: sleep 1000000
        """


def finished(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = child.communicate(timeout=20)
    return child.returncode, output, errors


def test_the_foreground_shows_output_until_interrupted(stack: Stack) -> None:
    stack.write(TWO)
    child = stack.begin("up")
    stack.lines_until(child, "web-1       | hello")
    child.send_signal(signal.SIGINT)
    code, output, errors = finished(child)

    assert code == 130
    assert "web-1 exited with code 143" in output
    assert "database-1  | oops" in errors
    assert "Attaching to" in errors
    assert "Gracefully Stopping... press Ctrl+C again to force" in errors
    assert set(stack.states().values()) == {"exited"}


def test_a_second_interrupt_kills(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: >
              sh -c 'trap "echo stubborn" TERM; echo ready;
              while :; do sleep 0.02; done'
            stop_grace_period: 50s
        """
    )
    child = stack.begin("up")
    stack.lines_until(child, "ready")
    child.send_signal(signal.SIGINT)
    stack.lines_until(child, "stubborn")
    child.send_signal(signal.SIGINT)

    assert finished(child)[0] == 130
    assert stack.containers()["demo-web-1"].container.exit_code == 137


def test_it_ends_by_itself_when_all_have_ended(stack: Stack) -> None:
    stack.write("services: {job: {image: alpine, command: sh -c 'echo hi; exit 3'}}")
    done = stack.yard("up")

    assert done.stdout == "job-1  | hi\njob-1 exited with code 3\n"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--abort-on-container-exit"], 3),
        (["--abort-on-container-failure"], 3),
        (["--exit-code-from", "job"], 3),
        (["--exit-code-from", "web"], 143),
    ],
)
def test_ends_of_containers_can_end_it(
    stack: Stack, options: list[str], code: int
) -> None:
    stack.write(job(3))
    done = stack.yard("up", *options, code=code)

    assert "Aborting on container exit..." in done.stderr
    assert set(stack.states().values()) == {"exited"}


def test_a_success_is_no_failure(stack: Stack) -> None:
    stack.write(job(0))
    child = stack.begin("up", "--abort-on-container-failure")
    stack.lines_until(child, "job-1 exited with code 0")
    child.send_signal(signal.SIGINT)

    assert finished(child)[0] == 130


def test_restarts_are_told(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c 'exit 1'
            restart: on-failure:1
        """
    )
    done = stack.yard("up")

    assert done.stdout == (
        "web-1 exited with code 1 (restarting)\nweb-1 exited with code 1\n"
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], {"a", "b", "c"}),
        (["--attach", "a"], {"a"}),
        (["--no-attach", "a"], {"b", "c"}),
        (["c"], {"c"}),
        (["--attach-dependencies", "c"], {"a", "c"}),
    ],
)
def test_whose_output_is_shown(
    stack: Stack, options: list[str], shown: set[str]
) -> None:
    services = "".join(
        f"""
          {name}:
            image: alpine
            command: echo {name}
        """
        for name in "ab"
    )
    stack.write(
        f"""
        services:{services}
          c: {{image: alpine, command: echo c, depends_on: [a]}}
          silent: {{image: alpine, command: echo silent, attach: false}}
        """
    )
    done = stack.yard("up", "--no-log-prefix", *options)

    lines = done.stdout.splitlines()
    assert {line for line in lines if " " not in line} == shown


def test_output_from_before_is_not_shown_again(stack: Stack) -> None:
    stack.write(TWO)
    stack.yard("up", "-d")
    stack.eventually(lambda: "hello" in stack.yard("logs").stdout)
    child = stack.begin("up")
    assert child.stderr is not None
    while "Attaching to" not in child.stderr.readline():
        pass
    child.send_signal(signal.SIGINT)
    code, output, _ = finished(child)

    assert code == 130
    assert "hello" not in output


def test_a_failure_ends_it(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sleep 1000000
            depends_on: {job: {condition: service_completed_successfully}}
          job: {image: alpine, command: sh -c 'exit 4'}
        """
    )
    done = stack.yard("up", code=1)

    assert 'service "job" didn\'t complete successfully: exit 4' in done.stderr


def test_wait_is_detached(stack: Stack) -> None:
    stack.write(TWO)
    stack.yard("up", "--wait")

    assert set(stack.states().values()) == {"running"}


@pytest.mark.parametrize(
    "command",
    [["up", "-d", "--scale", "web=3"], ["scale", "web=3"]],
    ids=" ".join,
)
def test_replicas(stack: Stack, command: list[str]) -> None:
    stack.write(TWO)
    stack.yard(*command)

    assert sorted(stack.states()) == [
        "demo-database-1",
        "demo-web-1",
        "demo-web-2",
        "demo-web-3",
    ]
    stack.yard("scale", "--no-deps", "web=1")
    assert sorted(stack.states()) == ["demo-database-1", "demo-web-1"]


@pytest.mark.parametrize("command", [["create"], ["up", "--no-start"]], ids=" ".join)
def test_creating_starts_nothing(stack: Stack, command: list[str]) -> None:
    stack.write(TWO)
    stack.yard(*command)

    assert set(stack.states().values()) == {"created"}


def test_a_dry_run_prints_the_plan_and_starts_nothing(stack: Stack) -> None:
    stack.write(TWO)
    done = stack.yard("up", "--dry-run", "database")

    assert "create container demo-database-1" in done.stdout
    assert stack.containers() == {}


def test_options_for_images_are_told_once(stack: Stack) -> None:
    stack.write(TWO)
    done = stack.yard("up", "-d", "--build", "--pull", "always", "--quiet-pull")

    told = "warning: no meaning natively, ignored: --build, --pull, --quiet-pull"
    assert done.stderr.count(told) == 1


def test_orphans_are_told_unless_ignored(stack: Stack) -> None:
    stack.write(TWO)
    stack.yard("up", "-d")
    stack.write("services: {new: {image: alpine, command: sleep 1000000}}")

    assert "Found orphan containers" in stack.yard("up", "-d").stderr
    quiet = stack.yard("up", "-d", COMPOSE_IGNORE_ORPHANS="1")
    assert "orphan" not in quiet.stderr
    stack.yard("up", "-d", COMPOSE_REMOVE_ORPHANS="1")
    assert sorted(stack.states()) == ["demo-new-1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--abort-on-container-exit --abort-on-container-failure",
            "--abort-on-container-failure cannot be combined with",
        ),
        ("-d --abort-on-container-exit", "--wait or --detach cannot be combined with"),
        ("-d --exit-code-from web", "--wait or --detach cannot be combined with"),
        ("-d --attach web", "--wait or --detach cannot be combined with"),
        ("--wait --attach web", "--wait cannot be combined with --attach"),
        ("--build --no-build", "--build and --no-build are incompatible"),
        (
            "--no-recreate --force-recreate",
            "--no-recreate and --force-recreate are incompatible",
        ),
        (
            "--no-recreate -V",
            "--no-recreate and --renew-anon-volumes are incompatible",
        ),
        (
            "--no-recreate --always-recreate-deps",
            "--no-recreate and --always-recreate-deps are incompatible",
        ),
        ("-d --wait-timeout -1", "--wait-timeout must be a non-negative integer"),
        ("-d --scale web", "invalid --scale option 'web'"),
        ("-d --scale web=x", "failed to parse scale value: 'x'"),
        ("-d --scale nope=2", "no such service: nope"),
        ("-d nope", "no such service: nope"),
        ("--attach nope", "no such service: nope"),
        ("--exit-code-from nope", "no such service: nope"),
    ],
)
def test_what_is_refused(stack: Stack, arguments: str, message: str) -> None:
    stack.write(TWO)

    assert message in stack.yard("up", *arguments.split(), code=1).stderr
    assert stack.containers() == {}


def test_unnamed_volumes_begin_empty_on_request(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c 'echo x >> /data/file; exec sleep 1000000'
            volumes: [/data]
        """
    )
    stack.yard("up", "-d")
    stack.yard("up", "-d", "-V")  # nothing changed: it goes on
    stack.yard("up", "-d", "--force-recreate")

    def lines() -> str:
        return stack.yard("exec", "-T", "web", "cat", "/data/file").stdout

    stack.eventually(lambda: lines() == "x\nx\n")
    stack.yard("up", "-d", "--force-recreate", "-V")
    stack.eventually(lambda: lines() == "x\n")
    kept = [path.read_text() for path in (stack.home / "stackyard").rglob("_data/file")]
    assert sorted(kept) == ["x\n", "x\nx\n"]

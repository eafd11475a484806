"""`yard exec`: a command beside a service."""

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
            environment: {COLOUR: blue}
            expose: ["8000"]
            volumes: ["data:/data"]
            scale: 2
          database:
            image: alpine
            command: sleep 1000000
          stopped:
            image: alpine
            command: sleep 1000000
        volumes: {data: }
        """
    )
    stack.yard("up", "-d")
    stack.yard("stop", "-t", "0", "stopped")
    return stack


def run(stack: Stack, *arguments: str, stdin: str = "", code: int = 0) -> str:
    return stack.yard("exec", *arguments, stdin=stdin, code=code).stdout


def test_it_has_the_services_environment(running: Stack) -> None:
    assert run(running, "web", "sh", "-c", "echo $COLOUR") == "blue\n"


def test_variables_on_the_command_line_win(running: Stack) -> None:
    output = run(running, "-e", "COLOUR=red", "web", "sh", "-c", "echo $COLOUR")

    assert output == "red\n"


def test_options_after_the_service_belong_to_the_command(running: Stack) -> None:
    assert run(running, "web", "echo", "--index", "-e") == "--index -e\n"


def test_exit_code_and_input_pass_through(running: Stack) -> None:
    assert run(running, "-T", "web", "sh", "-c", "cat; exit 7", stdin="hi", code=7)


def test_paths_of_mounts_and_hosts_are_translated(running: Stack) -> None:
    volume = running.state.root.volume("demo_data")
    address = running.containers()["demo-database-1"].container.address
    own = running.containers()["demo-web-1"].container.address

    assert run(running, "web", "echo", "/data/x") == f"{volume}/x\n"
    assert run(running, "web", "echo", "http://database:80/") == (
        f"http://{address}:80/\n"
    )
    assert run(running, "web", "echo", "http://localhost:8000/") == (
        f"http://{own}:8000/\n"
    )


def test_the_working_directory(running: Stack) -> None:
    volume = running.state.root.volume("demo_data")

    assert run(running, "-w", "/data", "web", "pwd") == f"{volume}\n"
    assert run(running, "web", "pwd") == f"{running.root}\n"


def test_a_replica_is_chosen_by_its_number(running: Stack) -> None:
    second = running.containers()["demo-web-2"].container

    output = run(running, "--index", "2", "web", "sh", "-c", "echo $HOST")

    assert output == f"{second.address}\n"


def test_in_the_background(running: Stack) -> None:
    run(running, "-d", "web", "sh", "-c", "sleep 0.1; touch done")

    running.eventually((running.root / "done").exists)


def test_what_it_leaves_running_ends_with_the_service(running: Stack) -> None:
    run(running, "-d", "web", "sleep", "1000001")
    running.yard("down", "-t", "0")

    assert running.processes() == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["stopped", "true"], 1, 'service "stopped" is not running'),
        (["--index", "3", "web", "true"], 1, "is not running"),
        (["nope", "true"], 1, "no such service: nope"),
        (["web", "not-a-program"], 127, "executable file not found"),
        (["web", "/"], 126, "permission denied"),
    ],
)
def test_errors(running: Stack, arguments: list[str], code: int, message: str) -> None:
    assert message in running.yard("exec", *arguments, code=code).stderr

"""`yard run`: one-off commands."""

from __future__ import annotations

import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process.cgroups import Cgroups
from stackyard.engine.process.client import Client

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture
def project(stack: Stack) -> Stack:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c 'echo as in the file'
            environment: {COLOUR: blue}
            depends_on: [database]
            volumes: ["data:/data"]
            ports: ["8000"]
          database:
            image: alpine
            command: sleep 1000000
        volumes: {data: }
        """
    )
    return stack


def test_dependencies_are_started_first(project: Stack) -> None:
    done = project.yard("run", "--rm", "web")

    assert done.stdout == "as in the file\n"
    assert project.states() == {"demo-database-1": "running"}


def test_or_not(project: Stack) -> None:
    project.yard("run", "--rm", "--no-deps", "web")

    assert project.states() == {}


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["web", "sh", "-c", "echo $COLOUR"], "blue\n"),
        (["-e", "COLOUR=red", "web", "sh", "-c", "echo $COLOUR"], "red\n"),
        (["--env-from-file", "my.env", "web", "sh", "-c", "echo $MINE"], "yes\n"),
        (["--entrypoint", "echo -n", "web", "hello"], "hello"),
        (["web", "echo", "--rm", "-e"], "--rm -e\n"),
        (["-w", "/", "web", "pwd"], "/\n"),
        (["-v", "./here:/there", "web", "cat", "/there/file"], "content\n"),
        (["web", "sh", "-c", "cd /data && touch x && ls"], "x\n"),
    ],
)
def test_what_is_run(project: Stack, arguments: list[str], output: str) -> None:
    project.write("MINE=yes\n", "my.env")
    project.write("content\n", "here/file")

    assert project.yard("run", "--rm", "--no-deps", *arguments).stdout == output


def test_the_exit_code_passes_through_and_nothing_is_left(project: Stack) -> None:
    project.yard(
        "run", "--no-deps", "web", "sh", "-c", "sleep 1000002 & exit 5", code=5
    )

    assert project.states() == {}
    assert not [pid for pid in project.processes() if b"1000002" in command_line(pid)]


def command_line(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""  # it has just ended


def test_input_passes_through(project: Stack) -> None:
    done = project.yard("run", "-T", "--no-deps", "web", "cat", stdin="typed")

    assert done.stdout == "typed"


def test_signals_pass_through(project: Stack) -> None:
    child = project.begin(
        *("run", "--no-deps", "web", "sh", "-c"),
        "trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 0.02; done",
    )
    project.lines_until(child, "ready")
    child.send_signal(signal.SIGTERM)

    assert child.wait(15) == 9
    project.eventually(lambda: project.states() == {})


WAITS = ("sh", "-c", "echo ready; read line; exit 3")


def test_in_the_foreground_it_is_shown_as_it_is(project: Stack) -> None:
    child = project.begin("run", "--name", "mine", "--no-deps", "web", *WAITS)
    project.lines_until(child, "ready")
    mine = project.containers()["mine"].container

    assert mine.state == "running"
    assert b"read line" in command_line(mine.pid)
    assert re.search(r"mine .* Up ", project.yard("ps", "-a").stdout)
    assert "mine" not in project.yard("ps").stdout
    child.communicate("\n", timeout=15)
    assert child.returncode == 3
    assert project.states() == {}


def test_down_ends_it_in_the_foreground(project: Stack) -> None:
    child = project.begin("run", "--name", "mine", "--no-deps", "web", *WAITS)
    project.lines_until(child, "ready")
    project.yard("down", "-t", "5")

    assert child.wait(15) == 128 + signal.SIGTERM


def test_a_new_supervisor_knows_what_runs_in_the_foreground(project: Stack) -> None:
    child = project.begin("run", "--name", "mine", "--no-deps", "web", *WAITS)
    project.lines_until(child, "ready")
    before = Client(project.state).snapshot()
    for pid in (before.keeper_pid, before.supervisor_pid):
        os.kill(pid, signal.SIGKILL)
    project.eventually(lambda: not os.path.exists(f"/proc/{before.keeper_pid}"))

    assert re.search(r"mine .* Up ", project.yard("ps", "-a").stdout)
    child.communicate("\n", timeout=15)
    assert child.returncode == 3
    assert "mine" not in project.yard("ps", "-a").stdout


def test_it_ends_with_the_terminal_it_had(project: Stack) -> None:
    child = project.begin("run", "--name", "mine", "--no-deps", "web", *WAITS)
    project.lines_until(child, "ready")
    child.kill()
    child.communicate()

    project.eventually(lambda: project.states() == {"mine": "exited"})


@pytest.mark.skipif(not Cgroups("").version, reason="no control group may be made")
def test_it_and_what_is_beside_it_share_the_limits(project: Stack) -> None:
    project.write(
        """
        services:
          web: {image: alpine, command: sleep 1000000, mem_limit: 64m, pids_limit: 50}
        """
    )
    project.yard("up", "-d")
    where = ("cat", "/proc/self/cgroup")
    service = project.containers()["demo-web-1"].container.id
    beside = project.yard("exec", "-T", "web", *where).stdout
    alone = project.yard("run", "--no-deps", "web", *where).stdout

    assert f"stackyard/{project.state.mark}{service}" in beside
    assert f"stackyard/{project.state.mark}" in alone
    assert service not in alone


def test_in_the_background_it_has_a_name_and_logs(project: Stack) -> None:
    done = project.yard("run", "-d", "--no-deps", "web", "sleep", "1000000")
    name = done.stdout.strip()

    assert re.fullmatch(r"demo-web-run-[0-9a-f]{12}", name)
    assert project.states() == {name: "running"}
    assert name in project.yard("ps", "-a").stdout


def test_the_name_can_be_given(project: Stack) -> None:
    project.yard("run", "-d", "--name", "mine", "--no-deps", "web", "sleep", "1000000")

    assert project.states() == {"mine": "running"}


def test_ports_are_published_on_request(project: Stack) -> None:
    port = project.free_port()
    project.yard(
        *("run", "-d", "--no-deps", "-p", f"{port}:8000", "web"),
        *("python3", "-c", SERVER),
    )

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                return connection.recv(2) == b"hi"
        except OSError:
            return False

    project.eventually(answers)


SERVER = """
import os, socket
server = socket.create_server((os.environ["HOST"], 8000))
while True:
    server.accept()[0].sendall(b"hi")
"""


def test_a_port_that_is_taken_is_told(project: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ports = f"{port}:8000"
        done = project.yard("run", "--no-deps", "-p", ports, "web", "true", code=1)

    assert f"Bind for 127.0.0.1:{port} failed: port is already allocated" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "no such service: nope"),
        (["-v", "nope:/x", "web"], "undefined volume nope"),
        (["-p", "99999999:1", "web"], "--publish 99999999:1"),
        (["--env-from-file", "missing", "web"], "cannot read missing"),
    ],
)
def test_errors(project: Stack, arguments: list[str], message: str) -> None:
    done = project.yard("run", "--no-deps", *arguments, code=1)

    assert message in done.stderr


def test_a_program_that_is_not_there_is_127(project: Stack) -> None:
    project.yard("run", "--no-deps", "web", "not-a-program", code=127)


def test_dry_run_does_nothing(project: Stack) -> None:
    done = project.yard("run", "--dry-run", "--no-deps", "web")

    assert "run container demo-web-run-" in done.stdout
    assert not project.state.path.exists()

"""`yard logs`: order, prefixes, limits, following."""

from __future__ import annotations

import ctypes
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

TWO = """
    services:
      web:
        image: alpine
        command: sh -c 'echo one; echo bad; echo two; exec sleep 1000000'
      database:
        image: alpine
        command: sh -c 'echo ready >&2; exec sleep 1000000'
    """


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(TWO)
    stack.yard("up", "-d")
    stack.eventually(lambda: stack.yard("logs").stdout.count("\n") == 4)
    return stack


def test_lines_have_the_name_without_the_project(running: Stack) -> None:
    done = running.yard("logs")

    assert sorted(done.stdout.splitlines()) == [
        "database-1  | ready",
        "web-1       | bad",
        "web-1       | one",
        "web-1       | two",
    ]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("database", "database-1  | ready\n"),
        ("--no-log-prefix database", "ready\n"),
        ("web --tail 1", "web-1  | two\n"),
        ("web -n 0", ""),
        ("web --tail all --no-log-prefix", "one\nbad\ntwo\n"),
        ("web --grep ^t", "web-1  | two\n"),
        ("web --index 2", ""),
        ("web --index 1 -n1", "web-1  | two\n"),
        ("web --since 10m -n1", "web-1  | two\n"),
        ("web --until 10m", ""),
        ("web --since 2100-01-01", ""),
        ("--until 2100-01-01T00:00:00Z database", "database-1  | ready\n"),
    ],
)
def test_choosing(running: Stack, arguments: str, output: str) -> None:
    assert running.yard("logs", *arguments.split()).stdout == output


def test_times(running: Stack) -> None:
    (line,) = running.yard("logs", "-t", "database").stdout.splitlines()

    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    assert re.fullmatch(rf"database-1  \| {stamp} ready", line)


def test_names_are_coloured_on_request(running: Stack) -> None:
    coloured = running.yard("--ansi", "always", "logs", "database").stdout
    plain = running.yard("--ansi", "always", "logs", "--no-color", "database").stdout

    assert coloured == "\x1b[36mdatabase-1  | \x1b[0mready\n"
    assert plain == "database-1  | ready\n"


def test_following_shows_what_comes_until_all_has_ended(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c 'echo one; while [ ! -e go ]; do sleep 0.02; done; echo two'
          late:
            image: alpine
            command: sh -c 'echo late; exec sleep 1000000'
        """
    )
    stack.yard("up", "-d", "web")
    following = stack.begin("logs", "-f")
    stack.lines_until(following, "one")

    stack.yard("up", "-d", "late")
    stack.lines_until(following, "late-1  | late")
    (stack.root / "go").touch()
    stack.lines_until(following, "web-1   | two")
    stack.yard("stop", "-t", "0")

    assert following.wait(15) == 0


def test_following_survives_rotation_and_a_new_supervisor(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: >
              sh -c 'while [ ! -e go ]; do sleep 0.02; done;
              i=0; while [ $$i -lt 5000 ]; do echo line $$i; i=$$((i+1)); done;
              echo end; exec sleep 1000000'
            logging: {options: {max-size: 8k, max-file: "50"}}
        """
    )
    stack.yard("up", "-d")
    following = stack.begin("logs", "-f", "--no-log-prefix")
    stack.yard("logs")
    (stack.root / "go").touch()
    output = stack.lines_until(following, "end")

    expected = [f"line {number}" for number in range(5000)]
    assert output.splitlines() == [*expected, "end"]


def test_interrupting_it_is_130(running: Stack) -> None:
    following = running.begin("logs", "-f", "database")
    running.lines_until(following, "ready")
    following.send_signal(signal.SIGINT)

    assert following.wait(15) == 130


def test_an_interrupt_that_another_thread_is_given_ends_it(running: Stack) -> None:
    following = running.begin("logs", "-f", "database")
    running.lines_until(following, "ready")
    main = following.pid
    running.eventually(lambda: len(os.listdir(f"/proc/{main}/task")) > 1)
    other = next(task for task in os.listdir(f"/proc/{main}/task") if int(task) != main)
    running.eventually(lambda: sleeps(main))
    ctypes.CDLL(None).tgkill(main, int(other), int(signal.SIGINT))

    assert following.wait(15) == 130


def sleeps(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nope", "no such service: nope"),
        ("--since soon", "invalid time 'soon'"),
        ("--grep (", "--grep '('"),
    ],
)
def test_errors(running: Stack, arguments: str, message: str) -> None:
    assert message in running.yard("logs", *arguments.split(), code=1).stderr

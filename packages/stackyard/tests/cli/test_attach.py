"""`yard attach`: output, input, signals, and how to leave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from stackyard.cli.attach import Keys, key_bytes

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(
        """
        services:
          echo:
            image: alpine
            stdin_open: true
            command: >
              sh -c 'trap "echo caught; exit 4" INT; echo ready; while read line; do
              echo got $$line; [ $$line = end ] && exit 6; done'
        """
    )
    stack.yard("up", "-d")
    return stack


def test_what_is_typed_reaches_the_service(running: Stack) -> None:
    child = running.begin("attach", "echo")
    assert child.stdin is not None
    child.stdin.write("one\n")
    child.stdin.flush()
    running.lines_until(child, "got one")
    child.stdin.write("end\n")
    child.stdin.flush()
    running.lines_until(child, "got end")

    assert child.wait(15) == 6


def test_the_detach_keys_leave_it_running(running: Stack) -> None:
    child = running.begin("attach", "echo")
    assert child.stdin is not None
    child.stdin.write("one\n\x10\x11")
    child.stdin.flush()

    assert child.wait(15) == 0
    assert running.states() == {"demo-echo-1": "running"}


def test_signals_are_passed_on(running: Stack) -> None:
    child = running.begin("attach", "echo")
    assert child.stdin is not None
    child.stdin.write("one\n")
    child.stdin.flush()
    running.lines_until(child, "got one")
    child.send_signal(signal.SIGINT)

    assert child.wait(15) == 4


def test_what_does_not_run(running: Stack) -> None:
    running.yard("stop", "-t", "0")

    assert "is not running" in running.yard("attach", "echo", code=1).stderr


@pytest.mark.parametrize(
    ("pieces", "passed", "detached"),
    [
        ([b"abc"], b"abc", False),
        ([b"a\x10b"], b"a\x10b", False),
        ([b"a\x10\x11b"], b"a", True),
        ([b"a\x10", b"\x11"], b"a", True),
        ([b"a\x10", b"b"], b"a\x10b", False),
    ],
)
def test_keys(pieces: list[bytes], passed: bytes, detached: bool) -> None:
    keys = Keys(key_bytes("ctrl-p,ctrl-q"))
    results = [keys.feed(piece) for piece in pieces]

    assert b"".join(text for text, _ in results) == passed
    assert results[-1][1] is detached

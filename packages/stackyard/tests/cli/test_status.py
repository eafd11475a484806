"""`yard status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Stack


def test_nothing_was_brought_up(stack: Stack) -> None:
    stack.write("services: {web: {image: alpine}}")
    told = stack.yard("status").stdout
    assert told == "demo: nothing was brought up (yard up -d)\n"
    assert stack.processes() == []


def test_services_with_their_state_and_addresses(stack: Stack) -> None:
    port = stack.free_port()
    stack.write(
        f"""\
        services:
          web: {{image: alpine, command: sleep 1000, ports: ["{port}:80"]}}
          job: {{image: alpine, command: sh -c 'exit 3'}}
        """
    )
    stack.yard("up", "-d")
    stack.eventually(lambda: stack.states()["demo-job-1"] == "exited")
    lines = stack.yard("status").stdout.splitlines()
    assert lines[0] == "○ demo-job-1  exited (3)"
    assert lines[1] == f"● demo-web-1  running      http://localhost:{port}"

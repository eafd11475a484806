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
    port, other = stack.free_port(), stack.free_port()
    stack.write(
        f"""\
        services:
          web: {{image: alpine, command: sleep 1000, ports: ["{port}:80"]}}
          db:
            image: alpine
            command: sleep 1000
            ports: [{{target: 55432, published: {other}, app_protocol: postgresql}}]
          job: {{image: alpine, command: sh -c 'exit 3'}}
        """
    )
    stack.yard("up", "-d")
    stack.eventually(lambda: stack.states()["demo-job-1"] == "exited")
    lines = stack.yard("status").stdout.splitlines()
    assert lines[0] == f"● demo-db-1   running      postgresql://localhost:{other}"
    assert lines[1] == "○ demo-job-1  exited (3)"
    assert lines[2] == f"● demo-web-1  running      http://localhost:{port}"

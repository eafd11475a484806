"""nc -z, as healthchecks call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Run, Web


def test_open_and_closed_ports(run: Run, web: Web, closed_port: int) -> None:
    assert run("nc", "-z", "127.0.0.1", str(web.port)).returncode == 0
    assert run("nc", "-z", "127.0.0.1", str(closed_port)).returncode == 1
    told = run("nc", "-zv", "-w", "2", "localhost", str(web.port))
    assert (told.returncode, "succeeded" in told.stderr) == (0, True)


def test_what_it_does_not_know(run: Run) -> None:
    for arguments in (["127.0.0.1", "80"], ["-z", "127.0.0.1", "http"], ["-l", "80"]):
        completed = run("nc", *arguments)
        assert completed.returncode == 1
        assert completed.stderr.startswith("nc: ")

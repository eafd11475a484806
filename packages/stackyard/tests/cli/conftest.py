"""Runs the command as a user does: a process in a directory with a Compose file."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process import tree
from stackyard.engine.process.client import Client
from stackyard.engine.process.state import ProjectState, StateRoot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stackyard.engine.process.protocol import Shown


@dataclass(frozen=True)
class Shell:
    """A directory called `demo`, to write files in and to run `yard` in."""

    root: Path

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def run(
        self, *arguments: str, stdin: str = "", cwd: str = ".", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *arguments],
            cwd=self.root / cwd,
            env={"PATH": os.defpath, "HOME": "/root", "LANG": "C.UTF-8", **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def output(self, *arguments: str, **options: str) -> str:
        """What a command that succeeds without a warning prints."""
        done = self.run(*arguments, **options)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.replace(str(self.root), "/demo")

    def error(self, *arguments: str, **options: str) -> str:
        """What a command that fails tells on standard error; it prints nothing."""
        done = self.run(*arguments, **options)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        return done.stderr.replace(str(self.root), "/demo")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    root = tmp_path / "demo"
    root.mkdir()
    return Shell(root)


@dataclass(frozen=True)
class Stack:
    """A project called `demo` with state of its own, which is gone after the test."""

    shell: Shell
    home: Path
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.shell.root

    @property
    def state(self) -> ProjectState:
        return StateRoot(self.home / "stackyard").project("demo")

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.home)}

    def write(self, text: str, name: str = "compose.yaml") -> None:
        self.shell.write(name, text)

    def yard(
        self, *arguments: str, code: int = 0, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that must end with this code."""
        environment = {**self.environment, **environment}
        done = self.shell.run(*arguments, stdin=stdin, **environment)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def begin(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start a command that goes on; it is killed after the test."""
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "stackyard", *arguments],
            cwd=self.root,
            env={"PATH": os.defpath, "HOME": "/root", "LANG": "C.UTF-8"}
            | self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )
        self.background.append(child)
        return child

    def containers(self) -> dict[str, Shown]:
        """All containers, by name, as the supervisor knows them."""
        found = Client(self.state).snapshot().containers
        return {item.container.name: item for item in found}

    def states(self) -> dict[str, str]:
        return {name: item.container.state for name, item in self.containers().items()}

    def processes(self) -> list[int]:
        """Pids of all that the project has started, its supervisor too."""
        return [identity.pid for identity, _ in tree.marked(self.state.mark)]

    def eventually(self, condition: Callable[[], object], limit: float = 15.0) -> None:
        """Return once a condition holds; fail if it does not in time."""
        pause = threading.Event()
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            pause.wait(0.02)

    def lines_until(self, child: subprocess.Popen[str], text: str) -> str:
        """Return what a command prints up to and including a line with this text."""
        assert child.stdout is not None
        alarm = threading.Timer(15.0, child.kill)
        alarm.start()
        read = ""
        try:
            for line in child.stdout:
                read += line
                if text in line:
                    return read
        finally:
            alarm.cancel()
        raise AssertionError(f"{text!r} did not come; there was: {read!r}")

    def free_port(self) -> int:
        """Return a TCP port that nobody listens on now."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])


@pytest.fixture
def stack(shell: Shell, tmp_path: Path) -> Iterator[Stack]:
    """A project directory; the project is brought down and must leave nothing."""
    stack = Stack(shell, tmp_path / "state")
    try:
        yield stack
    finally:
        for child in stack.background:
            # Not until the ends of its pipes: what it has started may hold them.
            child.kill()
            child.wait(15)
            for stream in filter(None, (child.stdin, child.stdout, child.stderr)):
                stream.close()
        if stack.state.path.exists():
            stack.yard("-p", "demo", "down", "-t", "0", "--remove-orphans")
        left = stack.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert not left, f"processes are left: {left}"

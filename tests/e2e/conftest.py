"""A stack that ships with Stackyard, brought up as a user does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stack_processes import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STACKS = Path(__file__).parents[2] / "stacks"


@dataclass(frozen=True)
class Checkout:
    """A copy of one stack's folder."""

    name: str
    root: Path
    home: Path
    port: int

    def yard(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run `yard` in the copy; return what it prints."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *arguments],
            cwd=self.root,
            env={
                "PATH": os.defpath,
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "XDG_STATE_HOME": str(self.home),
                "POSTGRES_PORT": str(self.port),
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        """What its .env says."""
        lines = (self.root / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def processes(self) -> Mapping[int, bytes]:
        """All that runs of it: ids and command lines."""
        return processes(self.home, self.name)


@pytest.fixture(scope="module")
def syncstation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The stack `syncstation`, up and healthy; it is down after the module's tests."""
    folder = tmp_path_factory.mktemp("syncstation")
    folder.chmod(0o755)
    shutil.copytree(STACKS / "syncstation", folder / "stack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    checkout = Checkout("syncstation", folder / "stack", folder / "state", port)
    try:
        checkout.yard("up", "-d", "--wait")
        yield checkout
    finally:
        checkout.yard("down", "-v", "-y")
    assert not checkout.processes()

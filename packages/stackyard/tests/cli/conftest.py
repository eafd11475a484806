"""Runs the command as a user does: a process in a directory with a Compose file."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


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

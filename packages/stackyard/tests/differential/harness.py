"""Runs one Compose project through docker compose and through yard, side by side.

Both programs run in a directory of the same name, one after the other, so that
project names and absolute paths agree and outputs can be compared as they are.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from verdicts import Run, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cases import Case

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Comparison:
    case: Case
    oracle: Run
    yard: Run
    verdict: Verdict


def oracle_command() -> list[str] | None:
    """The docker compose to compare with, or None where none is installed."""
    configured = os.environ.get("COMPOSE_ORACLE")
    if configured:
        return [configured]
    package = importlib.util.find_spec("compose")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).with_name("docker-compose")
    return [str(program)] if program.exists() else None


def yard_command() -> list[str]:
    # -P: the case's directory must not be searched for Python modules.
    return [sys.executable, "-P", "-m", "stackyard"]


def lay_out(case: Case, directory: Path) -> None:
    """Write the case's project into `directory`, replacing whatever is there."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in case.directories:
        (directory / name).mkdir(parents=True, exist_ok=True)
    for name, content in case.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    for name, target in case.links.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def run(case: Case, command: Sequence[str], scratch: Path) -> Run:
    directory = scratch / "case"
    home = scratch / "home"
    home.mkdir(parents=True, exist_ok=True)
    lay_out(case, directory)
    before = dict(_contents(directory))
    done = subprocess.run(
        [*command, *case.args],
        cwd=directory / case.cwd,
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            **case.environment,
        },
        input=b"" if case.stdin is None else case.files[case.stdin].encode(),
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Run(
        exit_code=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
        written={
            name: content
            for name, content in _contents(directory)
            if before.get(name) != content
        },
    )


def _contents(directory: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(directory).as_posix()
            yield name, path.read_bytes().decode(errors="replace")


def compare(case: Case, oracle: Sequence[str], scratch: Path) -> Comparison:
    theirs = run(case, oracle, scratch)
    ours = run(case, yard_command(), scratch)
    return Comparison(case, theirs, ours, judge(case.args, theirs, ours))

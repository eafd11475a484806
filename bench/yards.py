"""A project run by `yard` with a state of its own, gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Command
from processes import argv, kill, pids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

YARD = str(Path(sys.executable).with_name("yard"))
_DAEMONS = "stackyard.engine.process."


@dataclass(frozen=True)
class Yard:
    """A project directory, and where its state lies."""

    directory: Path
    state: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of yard."""
        return subprocess.Popen(
            [YARD, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> None:
        """Run a command of yard to its end; a failure is an error."""
        process = self.start(*arguments)
        _, told = process.communicate()
        if process.returncode:
            raise RuntimeError(f"yard {' '.join(arguments)}: {told.decode()}")

    def command(self, name: str, *arguments: str) -> Command:
        """Return a command for `measure.in_turn`."""
        return Command(name, (YARD, *arguments), self.directory, self.environment)

    def daemons(self) -> dict[str, int]:
        """Return the pids of supervisor, keeper and edge, as far as they run."""
        found = {}
        for pid in pids():
            words = argv(pid)
            module = next((word for word in words if word.startswith(_DAEMONS)), "")
            if module and any(word.startswith(str(self.state)) for word in words):
                found[module.removeprefix(_DAEMONS)] = pid
        return found


@contextmanager
def project(directory: Path, state: Path, **variables: str) -> Iterator[Yard]:
    """Give a project an empty state; on the way out, nothing of it runs any more."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # PYTHONDONTWRITEBYTECODE would have every command compile its modules.
        if not name.startswith(("COMPOSE_", "YARD_", "DOCKER_", "PYTHON"))
    }
    own = {"XDG_STATE_HOME": str(state), **variables}
    yard = Yard(directory, state, {**kept, **own})
    try:
        yield yard
    finally:
        if (state / "stackyard").exists():
            with suppress(RuntimeError):
                yard.run("down", "-v", "-t", "1")
        kill(list(yard.daemons().values()))


def write_sleepers(directory: Path, services: int, seconds: int, port: int = 0) -> Path:
    """Write a project of services that sleep; the first one may publish a port."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = ["services:"]
    for number in range(services):
        lines.append(f"  s{number}:")
        lines.append(f"    {{image: alpine, command: sleep {seconds}}}")
    if port:
        lines[2] = (
            f"    {{image: alpine, command: sleep {seconds}, "
            f'ports: ["127.0.0.1:{port}:80"]}}'
        )
    (directory / "compose.yaml").write_text("\n".join([*lines, ""]))
    return directory

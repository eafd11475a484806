"""One service of the image postgres, started as the engine starts it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import until

import stackyard
from stackyard.images import registry
from stackyard.images.adapter import Host
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWORD = "s3kret:with\\signs"
DATA = "/var/lib/postgresql/data"
SOURCES = str(Path(stackyard.__file__).parents[1])
INIT = "/docker-entrypoint-initdb.d"


def interpreter_for(uid: int) -> str:
    """Return an interpreter another user can run: ours may lie in root's home."""
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 20))]
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = (shutil.which(name, path=place) for place in places for name in names)
    check = "import sys, stackyard.images; sys.exit(sys.version_info < (3, 11))"
    for python in [sys.executable, *filter(None, found)]:
        command = [python, "-P", "-c", check]
        environment = {"PYTHONPATH": SOURCES}
        with contextlib.suppress(OSError):
            if not subprocess.run(
                command,
                env=environment,
                stderr=subprocess.DEVNULL,
                check=False,
                user=uid,
                group=uid,
                extra_groups=[],
            ).returncode:
                return python
    pytest.skip("no Python that another user can run")


@dataclass
class Service:
    """A data directory, an address, and the server that runs there if one does."""

    room: Path
    address: str
    uid: int | None = None
    name: str = "postgres:17-alpine"
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.data = self.room / "data"
        self.init = self.room / "init"
        self.run = self.room / "run"
        self.log = self.room / "log"
        for directory in (self.data, self.init, self.run):
            directory.mkdir(exist_ok=True)
            self.own(directory)
        self.cache = self.room / "cache"
        self.cache.mkdir(exist_ok=True)
        self.cache.chmod(0o711)  # as the engine does
        self.own(self.cache)
        python = sys.executable if self.uid is None else interpreter_for(self.uid)
        host = Host(
            environment={"PATH": os.defpath}, cache=str(self.cache), python=python
        )
        adapter = registry.find(parse(self.name), host)
        assert adapter
        self.adapter = adapter
        self.image = adapter.image()

    def own(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)

    def write(self, name: str, text: str | bytes, mode: int = 0o644) -> Path:
        path = self.init / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def variables(self, **changes: str) -> dict[str, str]:
        """Return the replica's environment, as substitution leaves it."""
        mounts = {DATA: str(self.data), INIT: str(self.init)}
        image = {
            name: value.replace(DATA, str(self.data))
            for name, value in self.image.environment.items()
        }
        return {
            **image,
            "PATH": os.pathsep.join([*self.image.tools, os.defpath]),
            "YARD_ADDRESS": self.address,
            "YARD_RUN_DIR": str(self.run),
            "YARD_MOUNTS": json.dumps(mounts),
            "YARD_TOOLS_DIR": str(self.room / "tools"),
            "POSTGRES_PASSWORD": PASSWORD,
            **({} if self.uid is None else {"PYTHONPATH": SOURCES}),
            **self.environment,
            **changes,
        }

    def argv(self, *arguments: str) -> tuple[str, ...]:
        command = arguments or self.image.command
        return self.adapter.launch((*self.image.entrypoint, *command))

    def start(
        self, *arguments: str, driver: Sequence[str] = (), **changes: str
    ) -> subprocess.Popen[bytes]:
        argv = self.argv(*arguments)
        if driver:
            argv = (sys.executable, *driver, *argv[argv.index("--bin") :])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                env=self.variables(**changes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self.uid,
                group=self.uid,
                extra_groups=None if self.uid is None else [],
                start_new_session=True,
            )
        return self.process

    def serve(self, *arguments: str, **changes: str) -> Service:
        """Start, and wait until the server answers at its address."""
        process = self.start(*arguments, **changes)
        ask = [f"{self.bin}/pg_isready", "-q", "-h", self.address, "-p", self.port]

        def answers() -> bool:
            assert process.poll() is None, self.text()
            try:  # first what costs nothing
                socket.create_connection((self.address, int(self.port)), 1).close()
            except OSError:
                return False
            return subprocess.run(ask, check=False).returncode == 0

        until(answers)
        return self

    def fails(self, *arguments: str, **changes: str) -> str:
        """Start, and return what a start says that ends by itself with an error."""
        self.log.unlink(missing_ok=True)
        process = self.start(*arguments, **changes)
        assert process.wait(30) > 0
        self.process = None
        return self.text()

    @property
    def bin(self) -> str:
        return self.image.tools[-1]

    @property
    def port(self) -> str:
        return self.environment.get("PGPORT", "5432")

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def client(self, *argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a client as `yard exec` does."""
        variables = self.variables()
        variables |= self.adapter.client(("postgres",), variables)
        # As the engine does: a link left in the run directory is followed.
        variables["PGHOST"] = os.path.realpath(variables["PGHOST"])
        return subprocess.run(
            argv,
            env={**variables, "PGCONNECT_TIMEOUT": "10", **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
        )

    def query(self, sql: str, *options: str) -> str:
        command = ("psql", "-X", "-w", "-At", *options, "-c", sql)
        completed = self.client(*command)
        assert completed.returncode == 0, completed.stderr
        return completed.stdout.strip()

    def from_a_neighbour(self, sql: str, password: str) -> str:
        """Ask by TCP from another service, which has the password or has not."""
        completed = subprocess.run(
            [f"{self.bin}/psql", "-X", "-w", "-At", "-c", sql],
            env={
                "PGHOST": self.address,
                "PGPORT": self.port,
                "PGUSER": "postgres",
                "PGPASSWORD": password,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return completed.stdout.strip() or completed.stderr

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        assert self.process
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code

    def kill(self) -> None:
        """Kill what this test has started and still runs; used by the fixture."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def processes(self) -> list[int]:
        """Return every process that names this service's directory."""
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                text = (directory / "cmdline").read_bytes()
                text += os.fsencode(os.readlink(directory / "cwd"))
            except OSError:
                continue
            if os.fsencode(self.room) in text:
                found.append(int(directory.name))
        return found

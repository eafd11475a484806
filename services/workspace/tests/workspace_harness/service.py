"""Services: in a thread for most tests, as a process where its life is the subject."""

from __future__ import annotations

import asyncio
import io
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

import uvloop

from servicekit import logs
from servicekit.settings import load
from workspace_api.life import live
from workspace_api.settings import Settings
from workspace_harness.client import DEADLINE, Client, Listener, wait_for
from workspace_harness.postgres import Postgres, free_port


class Running:
    """A service on a port."""

    port: int

    def client(self, **headers: str) -> Client:
        return Client(self.port, **headers)

    def listen(self, path: str = "/api/v1/events", **headers: str) -> Listener:
        return Listener(self.port, path, **headers)

    def wait_until_ready(self) -> None:
        client = self.client()
        try:
            wait_for(lambda: _status(client, "//ready") == 200, "the service is ready")
        finally:
            client.close()


def _status(client: Client, path: str) -> int:
    try:
        return client.get(path).status
    except OSError:
        return 0


class ServiceThread(Running):
    """A service in a thread of this process, with what it logs."""

    def __init__(self, **settings: Any) -> None:
        self.output = io.BytesIO()
        logs.configure("workspace-api", "info", output=self.output)
        self.settings = load(Settings, **settings)
        self._ports: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.port = self._ports.get(timeout=DEADLINE)

    def _run(self) -> None:
        async def main() -> None:
            self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
            await live(self.settings, self._told, on_listen=self._ports.put)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._told.set)
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what was logged under a name."""
        lines = self.output.getvalue().splitlines()
        told = [json.loads(line) for line in lines]
        return [one for one in told if one["event"] == name]


class ServiceProcess(Running):
    """A service as it is started by whoever runs it."""

    def __init__(self, postgres: Postgres, database: str, **settings: str) -> None:
        self.port = free_port()
        self.log = tempfile.NamedTemporaryFile(prefix="ws-", suffix=".log")  # noqa: SIM115
        given = {
            "PORT": str(self.port),
            "LIBRARY_DB_STRATEGY": "postgresql",
            "POSTGRES_PORT": str(postgres.port),
            "POSTGRES_DATABASE": database,
            "RATE_LIMIT_MAX": "0",
            **settings,
        }
        self.child = subprocess.Popen(
            [sys.executable, "-m", "workspace_api"],
            env={**os.environ, **given},
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
        )

    def words(self) -> str:
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def terminate(self) -> None:
        self.child.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.terminate()
            try:
                self.child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise
        self.log.close()

"""Runs Prometheus, and keeps what it knows of the project's replicas true."""

from __future__ import annotations

import os
import posixpath
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stackyard.images import console, spawn
from stackyard.images.mounts import Mounts
from stackyard.images.prometheus import discovery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

_CONFIG: Final = "--config.file="
_LOOK_SECONDS: Final = 1.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the server to its end and return its exit code."""
    _, program, *options = arguments
    try:
        watch = _Watch(environment, _given(options))
        own = [f"{_CONFIG}{watch.config}", *_others(options)]
    except (OSError, ValueError) as error:
        console.warn(f"error: {error}")
        return 1
    child = spawn.start(
        (program, *own),
        spawn.Surroundings(environment=environment, directory=os.curdir),
    )
    for number in _SIGNALS:
        signal.signal(number, lambda given, _: child.send_signal(given))
    while (code := spawn.exit_code(child, within=_LOOK_SECONDS)) is None:
        watch.look()
    return code if code >= 0 else 128 - code


def _given(options: Sequence[str]) -> str:
    found = [item for item in options if item.startswith(_CONFIG)]
    return found[-1].removeprefix(_CONFIG) if found else "prometheus.yml"


def _others(options: Sequence[str]) -> list[str]:
    return [item for item in options if not item.startswith(_CONFIG)]


class _Watch:
    """The files of targets, written anew when the project's state changes."""

    def __init__(self, environment: Mapping[str, str], config: str) -> None:
        import yaml  # once, at the start

        tools = Path(environment["YARD_TOOLS_DIR"])
        self._state = (
            tools.parent / "projects" / environment["YARD_PROJECT"] / "containers.json"
        )
        self._run = Path(environment["YARD_RUN_DIR"])
        self._run.mkdir(parents=True, exist_ok=True)
        self._mounts = Mounts.read(environment)
        self._seen: tuple[int, int] | None = None
        self._written: dict[str, bytes] = {}
        with open(config, "rb") as file:
            content: Any = yaml.safe_load(file)
        if not isinstance(content, dict):
            raise ValueError(f'"{config}" is no configuration of Prometheus')
        self._translated = discovery.translated(
            content,
            file=lambda name: str(self._run / name),
            path=lambda path: self._path(path, posixpath.dirname(config)),
        )
        self.config = str(self._run / "prometheus.yml")
        self._write("prometheus.yml", yaml.safe_dump(self._translated.content).encode())
        self.look()

    def look(self) -> None:
        """Write the files whose content is another one by now."""
        try:
            found = self._state.stat()
            mark = (found.st_mtime_ns, found.st_ino)
            if mark == self._seen:
                return
            replicas = discovery.replicas_of(self._state.read_bytes())
        except (OSError, ValueError):
            return  # replaced just now; the next look finds it
        self._seen = mark
        for name, (service, port, labels) in self._translated.files.items():
            self._write(name, discovery.targets(replicas, service, port, labels))

    def _path(self, path: str, directory: str) -> str:
        whole = discovery.absolute(path, directory)
        return self._mounts.host_path(whole) or whole

    def _write(self, name: str, content: bytes) -> None:
        if self._written.get(name) == content:
            return
        path = self._run / name
        staging = path.with_name(f".{name}.new")
        staging.write_bytes(content)
        os.replace(staging, path)
        self._written[name] = content

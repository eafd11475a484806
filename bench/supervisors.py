"""Other supervisors in their native configuration: supervisord, circus, honcho.

They come from the package index into a virtual environment of their own, kept in the
system's directory of temporary files for the next run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = ("supervisor==4.3.0", "circus==0.19.0", "honcho==2.0.0")
NAMES = ("supervisord", "circus", "honcho", "sketch")

_SUPERVISORD = """\
[unix_http_server]
file={folder}/rpc
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
nodaemon=true
user={user}
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/pid
childlogdir={folder}
minfds={files}
[supervisorctl]
serverurl=unix://{folder}/rpc
"""
_CIRCUS = """\
[circus]
endpoint=ipc://{folder}/endpoint
pubsub_endpoint=ipc://{folder}/pubsub
"""


@dataclass(frozen=True)
class Peer:
    """A supervisor: how it is started, and how its list of processes is asked for."""

    name: str
    arguments: tuple[str, ...]
    listing: tuple[str, ...] = ()

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start it in the foreground, away from the terminal's signals."""
        return subprocess.Popen(
            self.arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def cache() -> Path:
    """Return our directory for what the next run can use again.

    Raises:
        PermissionError: it is somebody else's.
    """
    path = Path(tempfile.gettempdir()) / f"stackyard-bench-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} is not ours")
    return path


def install() -> Path:
    """Return the directory of the peers' programs; install them if need be."""
    digest = hashlib.sha256(repr((PACKAGES, sys.version)).encode()).hexdigest()[:12]
    folder = cache() / f"supervisors-{digest}"
    if not (folder / "complete").exists():
        print("installing", *PACKAGES)
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check"]
        try:
            subprocess.run([*pip, "-q", "install", *PACKAGES], check=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                "the benchmark needs peers that cannot be installed\n"
                "hint: see what pip says above"
            ) from error
        (folder / "complete").touch()
    return folder / "bin"


def peer(name: str, services: int, seconds: int, folder: Path) -> Peer:
    """Write a supervisor's configuration of services that sleep."""
    folder.mkdir(parents=True)
    sleep = f"sleep {seconds}"
    names = [f"s{number}" for number in range(services)]
    if name == "supervisord":
        head = _SUPERVISORD.format(
            folder=folder, files=max(1024, 4 * services), user=os.getuid()
        )
        parts = (f"[program:{each}]\ncommand={sleep}\n" for each in names)
        config = _written(folder / "supervisord.conf", head, parts)
        listing = _program("supervisorctl", "-c", config, "status")
        return Peer(name, _program("supervisord", "-n", "-c", config), listing)
    if name == "circus":
        head = _CIRCUS.format(folder=folder)
        parts = (f"[watcher:{each}]\ncmd={sleep}\n" for each in names)
        config = _written(folder / "circus.ini", head, parts)
        endpoint = f"ipc://{folder}/endpoint"
        listing = _program("circusctl", "--endpoint", endpoint, "status")
        return Peer(name, _program("circusd", config), listing)
    if name == "honcho":
        parts = (f"{each}: exec {sleep}\n" for each in names)
        config = _written(folder / "Procfile", "", parts)
        return Peer(name, _program("honcho", "-f", config, "start"))
    sketch = str(Path(__file__).with_name("sketch.py"))
    return Peer(name, (sys.executable, sketch, str(services), str(seconds)))


def _program(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(install() / name), *arguments)


def _written(path: Path, head: str, parts: Iterable[str]) -> str:
    path.write_text(head + "".join(parts))
    return str(path)

"""A private Docker Engine for the duration of a block, and images without a registry.

It runs in namespaces of its own for processes, mounts and the network: its bridges,
firewall rules, mounts and containers are gone with its first process, and that one ends
when this one does, whatever ends it. Only control groups lie outside; they are below
one directory of our own, and are removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import compose
from processes import children, kill
from supervisors import cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPOSE = str(Path(compose.__file__).with_name("docker-compose"))
BASE = "bench-base"
RELEASE = "bookworm"
PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}
_TOOLS = ("unshare", "setpriv", "ip")
_WITHIN = 60.0
_ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid")
_ALONE += ("--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True)
class Engine:
    """A running engine: its socket, and the environment by which clients find it."""

    environment: Mapping[str, str]
    version: str = ""

    def docker(self, *arguments: str, **streams: object) -> str:
        """Run the docker client, and return what it prints.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            **streams,
        )
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]}: {done.stderr}")
        return done.stdout.strip()


def unavailable() -> str:
    """Install what is missing, if that is possible; else return the reason."""
    if os.geteuid() != 0:
        return "only root can start a Docker Engine"
    needed = {
        package for tool, package in PACKAGES.items() if shutil.which(tool) is None
    }
    if needed:
        print("installing", *sorted(needed))
        command = ["apt-get", "install", "-yqq", "--no-install-recommends"]
        with suppress(OSError):
            subprocess.run(
                [*command, *sorted(needed)], check=False, stdout=subprocess.DEVNULL
            )
    lacking = [tool for tool in (*PACKAGES, *_TOOLS) if shutil.which(tool) is None]
    return f"no {', '.join(lacking)}" if lacking else ""


@contextmanager
def engine() -> Iterator[Engine]:
    """Run an engine; nothing is left of it afterwards.

    Raises:
        RuntimeError: it does not start; the end of its log is told.
    """
    folder = Path(tempfile.mkdtemp(prefix="stackyard-docker-"))
    group = f"/{folder.name}"
    log = folder / "log"
    process = _start(folder, group, log)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
    config = {"DOCKER_CONFIG": str(folder / "config"), "DOCKER_BUILDKIT": "0"}
    environment = {**kept, **config, "DOCKER_HOST": f"unix://{folder}/docker.sock"}
    try:
        yield Engine(environment, _version(Engine(environment), process, log))
    finally:
        _stop(process)
        _remove_groups(group)
        shutil.rmtree(folder)


def import_base(found: Engine) -> None:
    """Give the engine a minimal Debian as the image `bench-base`."""
    archive = cache() / f"{RELEASE}.tar"
    if not archive.exists():
        print("making a base image with debootstrap")
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            command = ["debootstrap", "--variant=minbase", RELEASE, f"{folder}/root"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            part = f"{folder}/part.tar"
            skipped = [f"--exclude=./{p}" for p in ("var/cache/apt/*", "var/lib/apt/*")]
            command = ["tar", "-C", f"{folder}/root", *skipped, "-cf", part, "."]
            subprocess.run(command, check=True)
            Path(part).rename(archive)
    found.docker("import", str(archive), BASE)


def _start(folder: Path, group: str, log: Path) -> subprocess.Popen[bytes]:
    own = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    own += ["--host", f"unix://{folder}/docker.sock", "--pidfile", f"{folder}/pid"]
    own += ["--cgroup-parent", group]
    with open(log, "wb") as output:
        return subprocess.Popen(
            [*_ALONE, "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *own],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _version(found: Engine, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(RuntimeError):
            return found.docker("version", "--format", "{{.Server.Version}}")
        time.sleep(0.1)
    told = log.read_text(errors="replace").splitlines()[-5:]
    raise RuntimeError("\n".join(["dockerd does not start", *told]))


def _stop(process: subprocess.Popen[bytes]) -> None:
    for child in children(process.pid):  # unshare itself takes no SIGTERM
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
    try:
        process.wait(_WITHIN)
    except subprocess.TimeoutExpired:
        kill([*children(process.pid)])  # with the first, all of the namespace end
        process.wait()


def _remove_groups(group: str) -> None:
    for place in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*")):
        top = place / group.lstrip("/")
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)

"""What the process engine needs of a machine, looked at one thing at a time."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.engine.errors import EngineError
from stackyard.engine.process import tree
from stackyard.engine.process.cgroups import Cgroups
from stackyard.engine.process.sockets import connect
from stackyard.images import binaries
from stackyard.images.adapter import Host, ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stackyard.engine.process.state import StateRoot

_LITTLE_ROOM = 1024**3
_FEW_FILES = 4096
_ADDRESS = "127.1.0.1"


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "error"


@dataclass(frozen=True)
class Finding:
    """What a check found, and what would help."""

    name: str
    verdict: Verdict
    told: str
    remedy: str = ""


def run_checks(root: StateRoot, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what every check finds."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _system,
        lambda: _state(root),
        lambda: _room(root),
        _addresses,
        _low_ports,
        _open_files,
        _limits,
        lambda: _postgres(root, environment),
        lambda: _redis(root, environment),
        lambda: _strays(root),
    )
    for check in checks:
        yield check()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", Verdict.GOOD, f"Python {version}, {sys.executable}")


def _system() -> Finding:
    kernel = os.uname().release
    if sys.platform != "linux":
        return Finding(
            "system",
            Verdict.BAD,
            f"{sys.platform} is not supported by the process engine",
            "use Linux, or a container engine",
        )
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return Finding(
            "system",
            Verdict.BAD,
            f"Linux {kernel} has no pidfd_open",
            "use Linux 5.4 or newer",
        )
    if not Path("/proc/self/task").is_dir():
        return Finding("system", Verdict.BAD, "/proc is not mounted", "mount it")
    return Finding("system", Verdict.GOOD, f"Linux {kernel}")


def _state(root: StateRoot) -> Finding:
    try:
        root.prepare()
    except EngineError as error:
        return Finding("state", Verdict.BAD, error.message, error.hint)
    return Finding("state", Verdict.GOOD, f"{root.path} can be written")


def _room(root: StateRoot) -> Finding:
    place = root.path if root.path.exists() else Path("/")
    free = shutil.disk_usage(place).free
    told = f"{free / 1024**3:.1f} GiB free in {place}"
    if free < _LITTLE_ROOM:
        return Finding("disk", Verdict.WARNING, told, "make room for volumes and logs")
    return Finding("disk", Verdict.GOOD, told)


def _addresses() -> Finding:
    with socket.socket() as probe:
        try:
            probe.bind((_ADDRESS, 0))
        except OSError as error:
            return Finding(
                "addresses",
                Verdict.BAD,
                f"cannot listen on {_ADDRESS}: {error.strerror}",
                "let the loopback interface have all of 127.0.0.0/8: "
                "ip address add 127.0.0.1/8 dev lo",
            )
    return Finding(
        "addresses", Verdict.GOOD, "every replica can have its own 127.x.y.z"
    )


def _low_ports() -> Finding:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        first = 1024
    if os.geteuid() == 0 or first <= 80:
        return Finding("ports", Verdict.GOOD, "any port can be published")
    return Finding(
        "ports",
        Verdict.WARNING,
        f"ports below {first} cannot be published",
        "publish others, or: sysctl net.ipv4.ip_unprivileged_port_start=80",
    )


def _open_files() -> Finding:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    told = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    if told != "unlimited" and hard < _FEW_FILES:
        remedy = f"raise the hard limit of open files to {_FEW_FILES} or more"
        return Finding("open files", Verdict.WARNING, f"at most {told}", remedy)
    return Finding("open files", Verdict.GOOD, f"at most {told}")


def _limits() -> Finding:
    version = Cgroups("doctor").version
    if version:
        told = f"by control groups, version {version}: memory, CPUs and processes"
        return Finding("limits", Verdict.GOOD, told)
    return Finding(
        "limits",
        Verdict.WARNING,
        "no control group may be made: memory is limited by RLIMIT_DATA for each "
        "process, CPUs by affinity, processes not at all",
        "run as root where limits matter",
    )


def _host(root: StateRoot, environment: Mapping[str, str]) -> Host:
    return Host(environment=environment, cache=str(root.path / "tools"))


def _postgres(root: StateRoot, environment: Mapping[str, str]) -> Finding:
    try:
        found = binaries.postgres(_host(root, environment), "")
    except ImageError as error:
        return Finding("postgres", Verdict.WARNING, error.message, error.hint)
    told = f"PostgreSQL {found.version} in {found.directory}"
    return Finding("postgres", Verdict.GOOD, told)


def _redis(root: StateRoot, environment: Mapping[str, str]) -> Finding:
    try:
        found = binaries.redis(_host(root, environment))
    except ImageError as error:
        return Finding("redis", Verdict.WARNING, error.message, error.hint)
    return Finding("redis", Verdict.GOOD, str(getattr(found, "server", found)))


def _strays(root: StateRoot) -> Finding:
    """Look for processes of projects whose supervisor and keeper are gone."""
    lost = [
        state.name
        for state in root.projects()
        if connect(state.socket("keeper")) is None and any(tree.marked(state.mark))
    ]
    if not lost:
        return Finding("strays", Verdict.GOOD, "no process is without its keeper")
    return Finding(
        "strays",
        Verdict.WARNING,
        f"processes of {', '.join(lost)} run without their keeper",
        f"any command takes them over: yard -p {lost[0]} ps",
    )

"""Why a port could not be listened on, and what may be done about it."""

from __future__ import annotations

import errno
import ipaddress
import os
import shlex
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTENING = "0A"  # the state of a TCP socket, as /proc/net/tcp writes it
_COMMAND_LENGTH = 120


@dataclass(frozen=True)
class Holder:
    """A process that has a port."""

    pid: int
    name: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name}): {self.command}"


@dataclass(frozen=True)
class Explanation:
    """Why an address cannot be listened on, and one thing to do."""

    reason: str
    hint: str
    holders: tuple[Holder, ...] = ()

    def __str__(self) -> str:
        return f"{self.reason}\nhint: {self.hint}"


@dataclass(frozen=True)
class _Entry:
    """A line of /proc/net/tcp and the like."""

    host: str
    port: int
    listening: bool
    user: int
    inode: str


def explain(
    number: int,
    host: str,
    port: int,
    *,
    protocol: str = "tcp",
    proc: Path = Path("/proc"),
) -> Explanation:
    """Explain the error number of a failed bind in words for a user."""
    place = f"port {port}/{protocol} of {host}"
    if number == errno.EADDRINUSE:
        return _taken(place, _entries(host, port, protocol, proc), proc)
    if number == errno.EACCES and port < 1024:
        return Explanation(
            f"{place} is reserved for root",
            "publish a port from 1024 up, or have root allow it: "
            f"sysctl net.ipv4.ip_unprivileged_port_start={port}",
        )
    if number == errno.EADDRNOTAVAIL:
        return Explanation(
            f"{host} is not an address of this machine",
            "publish the port on an address which `ip address` lists, or on 127.0.0.1",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return Explanation(
            f"{place} cannot be opened: too many open files",
            "raise the limit of open files (ulimit -n)",
        )
    return Explanation(
        f"{place} cannot be listened on: {os.strerror(number)}",
        "publish another port or address",
    )


def _taken(place: str, entries: list[_Entry], proc: Path) -> Explanation:
    holders = _holders({entry.inode for entry in entries}, proc)
    if holders:
        names = "; ".join(map(str, holders))
        hint = f"stop it (kill {holders[0].pid}), or publish another port"
        return Explanation(f"{place} is taken by {names}", hint, holders)
    if entries:
        return Explanation(
            f"{place} is taken by a process of another user (uid {entries[0].user})",
            "publish another port, or let root look: ss -lptn",
        )
    return Explanation(
        f"{place} was taken, and is free now", "try again, or publish another port"
    )


def _entries(host: str, port: int, protocol: str, proc: Path) -> list[_Entry]:
    """Find the sockets that stand in the way: those that listen, else any."""
    wanted = ipaddress.ip_address(host)
    found = [
        entry
        for table in (protocol, f"{protocol}6")
        for entry in _read(proc / "net" / table)
        if entry.port == port and _conflict(wanted, ipaddress.ip_address(entry.host))
    ]
    return [entry for entry in found if entry.listening] or found


def _conflict(
    wanted: ipaddress.IPv4Address | ipaddress.IPv6Address,
    taken: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> bool:
    if isinstance(taken, ipaddress.IPv6Address) and taken.ipv4_mapped is not None:
        taken = taken.ipv4_mapped
    if wanted == taken:
        return True
    if wanted.version == taken.version:
        return wanted.is_unspecified or taken.is_unspecified
    # "::" takes IPv4 too, unless its socket says otherwise, which /proc does not tell.
    return taken.version == 6 and taken.is_unspecified


def _read(table: Path) -> Iterator[_Entry]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return  # e.g. a kernel without IPv6
    for line in lines:
        fields = line.split()
        address, _, port = fields[1].partition(":")
        listening = fields[3] == _LISTENING
        yield _Entry(
            _host(address), int(port, 16), listening, int(fields[7]), fields[9]
        )


def _host(text: str) -> str:
    # Words of 32 bits in the machine's own order.
    words = [int(text[index : index + 8], 16) for index in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _holders(inodes: set[str], proc: Path) -> tuple[Holder, ...]:
    wanted = {f"socket:[{inode}]" for inode in inodes if inode != "0"}
    processes = sorted(
        (path for path in proc.iterdir() if path.name.isdigit()),
        key=lambda path: int(path.name),
    )
    return tuple(_describe(path) for path in processes if _holds(path, wanted))


def _holds(process: Path, wanted: set[str]) -> bool:
    try:
        names = os.listdir(process / "fd")
    except OSError:
        return False  # another user's, or gone
    return any(_link(process / "fd" / name) in wanted for name in names)


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _describe(process: Path) -> Holder:
    try:
        name = (process / "comm").read_text().strip()
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return Holder(int(process.name), "?", "ended meanwhile")
    command = shlex.join(word.decode(errors="replace") for word in words)
    if len(command) > _COMMAND_LENGTH:
        command = command[: _COMMAND_LENGTH - 3] + "..."
    return Holder(int(process.name), name, command or name)

"""What the edge and its client say to each other: JSON, a line for each message.

A request is an object with one of the keys below, and is answered with one line, in
order. File descriptors come with the bytes of the message they belong to.

    {"routes": [{"listen": [HOST, PORT], "protocol": "tcp"|"udp",
                 "targets": [[HOST, PORT], ...]}, ...],
     "drain": SECONDS?, "handover": BOOL?}    with listeners the client holds, if any
        -> {"failed": [{"listen": ..., "protocol": ..., "errno": NUMBER}, ...]}
           with "handover", also the listeners bound by this request
    {"handover": true}                        -> {"listeners": COUNT}, and all listeners
    {"drain": [HOST, PORT], "timeout": SECONDS?}
        -> {"drained": BOOL, "active": COUNT}
    {"status": true}                          -> {"routes": [...], ...}
    {"stop": true}                            -> {"stopped": true}

Anything else is answered with {"error": MESSAGE}.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, TypeAlias, TypeVar

    Address: TypeAlias = tuple[str, int]
    Key: TypeAlias = tuple[str, str, int]
    """Protocol, host and port: what is listened on."""
    Table: TypeAlias = dict[Key, list[Address]]
    Passed = TypeVar("Passed")

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest message."""

MOST_DESCRIPTORS = 253
"""The kernel's limit for one message of a Unix socket (SCM_MAX_FD)."""

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class WireError(Exception):
    """A message that is not understood."""


def encode(message: dict[str, Any]) -> bytes:
    """Write a message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read a line as a message."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise WireError("not an object")
    return message


def parse_table(routes: object) -> Table:
    """Return the targets of each listening address."""
    if not isinstance(routes, list):
        raise WireError("'routes' is not a list")
    table: Table = {}
    for index, route in enumerate(routes):
        try:
            host, port = parse_address(route["listen"])
            protocol = route.get("protocol", "tcp")
            targets = [parse_address(target) for target in route["targets"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise WireError(f"routes[{index}] is not a route: {error!r}") from error
        except WireError as error:
            raise WireError(f"routes[{index}]: {error}") from error
        if protocol not in ("tcp", "udp"):
            raise WireError(f"routes[{index}]: {protocol!r} is not a protocol")
        if (protocol, host, port) in table:
            raise WireError(f"routes[{index}]: {host} port {port} is listed twice")
        table[protocol, host, port] = list(dict.fromkeys(targets))
    return table


def parse_address(value: object) -> Address:
    """Read an IP address and a port, and write the address in the usual form."""
    if not isinstance(value, list) or len(value) != 2:
        raise WireError(f"{value!r} is not an address and a port")
    host, port = value
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise WireError(f"{port!r} is not a port")
    try:
        packed = socket.inet_pton(family_of(host), host)
    except (OSError, TypeError, ValueError) as error:
        raise WireError(f"{host!r} is not an IP address") from error
    return socket.inet_ntop(family_of(host), packed), port


def parse_seconds(value: object) -> float:
    """Read a length of time."""
    if not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise WireError(f"{value!r} is not a number of seconds")
    return float(value)


def family_of(host: str) -> socket.AddressFamily:
    """Return the family an IP address belongs to."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def key_of(sock: socket.socket) -> Key:
    """Return what a listening socket listens on."""
    protocol = "udp" if sock.type == socket.SOCK_DGRAM else "tcp"
    host, port = sock.getsockname()[:2]
    return protocol, host, port


def send(
    sock: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()
) -> None:
    """Send a message over a blocking socket."""
    data = encode(message)
    for part, passed in parcels(data, descriptors):
        sent = socket.send_fds(sock, [part], passed) if passed else 0
        if sent < len(part):
            sock.sendall(part[sent:])


def parcels(
    data: bytes, descriptors: Sequence[Passed]
) -> Iterator[tuple[bytes, Sequence[Passed]]]:
    """Divide a message so that each part carries as many descriptors as it may."""
    start = 0
    while start * MOST_DESCRIPTORS + MOST_DESCRIPTORS < len(descriptors):
        first = start * MOST_DESCRIPTORS
        yield data[start : start + 1], descriptors[first : first + MOST_DESCRIPTORS]
        start += 1
    yield data[start:], descriptors[start * MOST_DESCRIPTORS :]


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Receive what has come, bytes and descriptors."""
    data, descriptors, flags, _address = socket.recv_fds(
        sock, 65536, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    if flags & socket.MSG_CTRUNC:
        close_all(descriptors)
        raise OSError("descriptors were lost: the limit of open files is reached")
    return data, descriptors


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors nobody wants."""
    for descriptor in descriptors:
        os.close(descriptor)


@contextmanager
def short_path(path: str) -> Iterator[str]:
    """Name a Unix socket in 107 bytes, however long its directory's name is."""
    directory = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)

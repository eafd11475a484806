"""The short syntax of service ports: `[[IP:][PUBLISHED]:]TARGET[/PROTOCOL]`.

TARGET and PUBLISHED are ports or ranges `FIRST-LAST`. Ranges on both sides pair up
and must be of one length; a published range before a single target stays a range,
out of which the engine takes what is free.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from stackyard.compose.errors import InvalidValueError

__all__ = ["Port", "parse"]

Port: TypeAlias = dict[str, "str | int"]

_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
# The reference ignores what follows a second hyphen, as in "8000-8002-x".
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?:-.*)?)?", re.DOTALL)
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_MAX_PORT = 65535
_HINT = 'write "PUBLISHED:TARGET", such as "8080:80" or "127.0.0.1:8080:80/tcp"'


def parse(value: str | int) -> list[Port]:
    """Turn the short syntax into the long one, an entry for each target port.

    The entries are in the order Compose prints them: that of their text, by which
    port 10 comes before port 9.
    """
    spec = str(value)
    host, published, target = _split(spec)
    target, _, protocol = target.partition("/")
    protocol = protocol.lower() or "tcp"
    if not target:
        raise _invalid(spec, "it has no target port")
    if protocol not in _PROTOCOLS:
        raise _invalid(spec, f'unknown protocol "{protocol}"')
    host_ip = _host_ip(spec, host)
    first, last = _range(spec, target)
    if not first:
        raise _invalid(spec, "a target port cannot be 0")
    ports = _published(spec, published, first, last)
    return [
        _port(host_ip, number, ports[number], protocol)
        for number in sorted(ports, key=str)
    ]


def _port(host_ip: str, target: int, published: str, protocol: str) -> Port:
    port: Port = {"mode": "ingress"}
    if host_ip:
        port["host_ip"] = host_ip
    port["target"] = target
    if published:
        port["published"] = published
    port["protocol"] = protocol
    return port


def _split(spec: str) -> tuple[str, str, str]:
    """Part address, published and target; only an address may contain colons."""
    rest, _, target = spec.rpartition(":")
    host, _, published = rest.rpartition(":")
    return host, published, target


def _published(spec: str, text: str, first: int, last: int) -> dict[int, str]:
    """Say for each target port from `first` to `last` where it is published."""
    if not text:
        return dict.fromkeys(range(first, last + 1), "")
    first_published, last_published = _range(spec, text)
    if first == last:
        whole = f"{first_published}-{last_published}"
        return {
            first: whole if last_published > first_published else str(first_published)
        }
    if last_published - first_published != last - first:
        raise _invalid(spec, "published and target range differ in length")
    return {
        target: str(first_published + offset)
        for offset, target in enumerate(range(first, last + 1))
    }


def _range(spec: str, text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise _invalid(spec, f'"{text}" is not a port')
    first = _number(spec, match[1])
    last = _number(spec, match[2]) if match[2] else first
    if last < first:
        raise _invalid(spec, f'the range "{text}" ends before it begins')
    return first, last


def _number(spec: str, digits: str) -> int:
    significant = digits.lstrip("0")
    number = int(significant or "0") if len(significant) <= 5 else _MAX_PORT + 1
    if number > _MAX_PORT:
        raise _invalid(spec, f"port {digits} is above {_MAX_PORT}")
    return number


def _host_ip(spec: str, host: str) -> str:
    if not host:
        return host
    if host[0] == "[":
        match = _BRACKETS.fullmatch(host)
        address = match[1] if match else host
        if not address:
            return address
    else:
        address = host
    if not _IPV4.fullmatch(address) and not _is_ipv6(address):
        raise _invalid(spec, f'"{host}" is not an IP address')
    return address


def _is_ipv6(address: str) -> bool:
    if ":" not in address or "%" in address:
        return False
    # Imported here: few files need it, and it takes longer than all of this module.
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    return True


def _invalid(spec: str, reason: str) -> InvalidValueError:
    return InvalidValueError(f'invalid port "{spec}": {reason}', hint=_HINT)

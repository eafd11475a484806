"""`extra_hosts`: `HOST=ADDRESS` or `HOST:ADDRESS`, or a mapping of the same.

The first `=` separates, in its absence the first `:`; brackets around an IPv6
address are optional. Several addresses of a host are separated by commas in the
short syntax, and are a list in the mapping. Addresses are not checked, for
`host-gateway` is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stackyard.compose.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Hosts = Mapping[str, str | Sequence[str]]

__all__ = ["entries", "parse"]

_HINT = 'write "HOST=ADDRESS", such as "db=10.0.0.7" or "db=::1"'


def parse(value: Hosts | Iterable[str]) -> dict[str, list[str]]:
    """Read either syntax; in the short one, entries for one host add up."""
    hosts = _from_mapping(value) if isinstance(value, Mapping) else _from_lines(value)
    for host, addresses in hosts.items():
        if not host or ":" in host or "=" in host:
            raise InvalidValueError(f'invalid host name "{host}"', hint=_HINT)
        hosts[host] = [_without_brackets(address) for address in addresses]
    return hosts


def entries(hosts: Mapping[str, Sequence[str]]) -> list[str]:
    """List `HOST=ADDRESS`, sorted, as Compose prints them."""
    return sorted(
        f"{host}={address}"
        for host, addresses in hosts.items()
        for address in addresses
    )


def _from_mapping(mapping: Hosts) -> dict[str, list[str]]:
    return {
        host: [addresses] if isinstance(addresses, str) else list(addresses)
        for host, addresses in mapping.items()
    }


def _from_lines(lines: Iterable[str]) -> dict[str, list[str]]:
    hosts: dict[str, list[str]] = {}
    for line in lines:
        host, separator, addresses = line.partition("=")
        if not separator:
            host, separator, addresses = line.partition(":")
        if not separator:
            raise InvalidValueError(f'host "{line}" has no address', hint=_HINT)
        hosts.setdefault(host, []).extend(addresses.split(","))
    return hosts


def _without_brackets(address: str) -> str:
    if len(address) > 2 and address[0] == "[" and address[-1] == "]":
        return address[1:-1]
    return address

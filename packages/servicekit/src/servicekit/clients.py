"""Who a client is: its address, which a trusted proxy may tell."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicekit.settings import Network

__all__ = ["Clients"]

_CACHED: Final = 4096
_LONGEST: Final = 2048  # of X-Forwarded-For


class Clients:
    """Finds the address of a client, and says whether it may come in.

    X-Forwarded-For counts only where it comes from a trusted proxy, and only from the
    right up to the first address that is not one: what is left of it, anybody wrote.
    """

    def __init__(
        self, *, trusted: Sequence[Network] = (), allowed: Sequence[Network] = ()
    ) -> None:
        self._trusted = tuple(trusted)
        self._allowed = tuple(allowed)
        self._verdicts: dict[str, bool] = {}

    def address(self, peer: str, forwarded: bytes | None) -> str:
        """Return the client's address; `peer` is the other end of the connection."""
        if forwarded is None or not self._trusted or not _within(peer, self._trusted):
            return peer
        for word in reversed(forwarded[-_LONGEST:].decode("latin-1").split(",")):
            found = _parsed(word)
            if found is None:
                break
            peer = found
            if not _within(found, self._trusted):
                break
        return peer

    def may_enter(self, address: str) -> bool:
        """Return whether the allow-list has this address; an empty list has all."""
        if not self._allowed:
            return True
        verdict = self._verdicts.get(address)
        if verdict is None:
            verdict = _within(address, self._allowed)
            if len(self._verdicts) >= _CACHED:
                self._verdicts.clear()
            self._verdicts[address] = verdict
        return verdict


def _parsed(word: str) -> str | None:
    bare = word.strip().strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)

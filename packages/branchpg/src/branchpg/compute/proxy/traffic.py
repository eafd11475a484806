"""How many bytes have gone through, of sessions that are over and of those open."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from branchpg.compute.proxy.pumps import Moved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.compute.proxy.bridge import Bridge

__all__ = ["Traffic"]


class Traffic:
    """The sums that this process knows of itself."""

    def __init__(self) -> None:
        self._past = Moved()
        self._bridges: set[Bridge] = set()

    def add(self, moved: Moved) -> None:
        """Count a session that is over."""
        self._past += moved

    @contextlib.contextmanager
    def bridged(self, bridge: Bridge) -> Iterator[None]:
        """Count a session while it is open, and after."""
        self._bridges.add(bridge)
        try:
            yield
        finally:
            self._bridges.discard(bridge)
            self.add(bridge.moved)

    @property
    def total(self) -> Moved:
        """All but what open sessions have moved in the pumps."""
        return sum((bridge.moved for bridge in self._bridges), self._past)

"""Followers, as the pageserver asks the compute for them that runs their leader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from branchpg.errors import TryLater
from branchpg.http.client import HttpClient, address, path
from branchpg.postgres.follower import Stopped
from branchpg.postgres.server import postmaster
from branchpg.promotions import Promotion

if TYPE_CHECKING:
    from branchpg.store.catalog import Attachment

__all__ = ["Follower"]

_START_SECONDS: Final = 900.0  # recovery from a distant snapshot, then what came since
_SECONDS: Final = 30.0


class Follower:
    """A server in a compute that follows one of that compute's endpoints.

    Everything but `runs` blocks.
    """

    def __init__(
        self, name: str, data: str, leader: Attachment, *, token: str | None
    ) -> None:
        self.name = name
        self.leader = leader
        self._data = data
        if leader.compute is None:
            raise TryLater("the compute does not tell where it is reached")
        self._client = HttpClient(address(leader.compute), token=token)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return postmaster(self._data) is not None

    def start(self) -> None:
        """Start it on its directory, made for a standby; it has caught up then."""
        content = {
            "name": self.name,
            "pgdata": self._data,
            "endpoint_id": self.leader.endpoint_id,
            "generation": self.leader.generation,
        }
        where = path("follower")
        self._client.send("POST", where, content, Any, within=_START_SECONDS)

    def promote(self) -> Promotion:
        """Let it go on by itself, after what its leader has written up to now."""
        where = path("follower", self.name, "promote")
        return self._client.send("POST", where, {}, Promotion, within=_SECONDS)

    def settle(self) -> Stopped:
        """End it between two records, after what its leader has written up to now."""
        where = path("follower", self.name, "settle")
        return self._client.send("POST", where, {}, Stopped, within=_SECONDS)

    def end(self) -> None:
        """End it at once."""
        self._client.raw("DELETE", path("follower", self.name), within=_SECONDS)

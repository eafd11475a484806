"""The pageserver, as a compute speaks to it."""

from __future__ import annotations

from typing import Any

import msgspec

from branchpg.errors import BranchpgError
from branchpg.http.client import Address, HttpClient, path
from branchpg.lsn import Lsn
from branchpg.store.catalog import Catalog, Generation

__all__ = ["Attached", "Storage"]

_LONG: float = 3600.0  # a full copy of a large cluster, and its WAL


class Attached(msgspec.Struct, frozen=True):
    """A timeline that was given to this compute; see pageserver.attachments."""

    generation: int
    start_lsn: Lsn
    end_lsn: Lsn
    history: tuple[Generation, ...]
    was_kept: bool
    follower: str | None = None


class _Materialised(msgspec.Struct):
    lsn: Lsn


class _Moment(msgspec.Struct):
    lsn: Lsn
    kind: str


class _Tenant(msgspec.Struct):
    id: str


class Storage:
    """One tenant at the pageserver. Everything blocks."""

    def __init__(
        self, to: Address, tenant_id: str, token: str | None, *, compute: Address
    ) -> None:
        self._client = HttpClient(to, token=token)
        self._compute = compute
        self.tenant_id = tenant_id

    @staticmethod
    def only_tenant(to: Address, token: str | None) -> str:
        """Return the id of the only tenant.

        Raises:
            BranchpgError: there are none, or several.
        """
        found = HttpClient(to, token=token).get(path("tenant"), list[_Tenant])
        if len(found) != 1:
            raise BranchpgError(
                f"the pageserver has {len(found)} tenants",
                hint="branchpg init makes one; --tenant names one of several",
            )
        return found[0].id

    def catalog(self) -> Catalog:
        """Return the tenant as it is now."""
        return self._client.get(path("tenant", self.tenant_id, "catalog"), Catalog)

    def watch(self, watcher: str, after: int, seconds: float) -> Catalog:
        """Wait for a catalog newer than a version, which this compute acts on now."""
        where = path(
            "tenant",
            self.tenant_id,
            "catalog",
            after=after,
            watcher=watcher,
            wait=seconds,
        )
        return self._client.get(where, Catalog, within=seconds + 10)

    def attach(
        self, timeline_id: str, endpoint_id: str, pgdata: str, held: int | None
    ) -> Attached:
        """Ask for a timeline, in a data directory that may be good still."""
        content = {
            "endpoint_id": endpoint_id,
            "pgdata": pgdata,
            "held": held,
            "compute": str(self._compute),
        }
        where = self._path(timeline_id, "attach")
        return self._client.send("POST", where, content, Attached, within=_LONG)

    def ready(self, timeline_id: str, generation: int, dsn: str) -> None:
        """Tell where the server answers."""
        content = {"generation": generation, "dsn": dsn}
        self._client.send("PUT", self._path(timeline_id, "attach"), content, Any)

    def detach(self, timeline_id: str, generation: int) -> None:
        """Give a timeline back."""
        content = {"generation": generation}
        self._client.send("DELETE", self._path(timeline_id, "attach"), content, Any)

    def ask_for_snapshot(self, timeline_id: str) -> None:
        """Let a snapshot be taken soon."""
        where = self._path(timeline_id, "checkpoint") + "?wait=false"
        self._client.send("PUT", where, {}, Any)

    def materialise(self, timeline_id: str, pgdata: str, lsn: Lsn | None) -> Lsn:
        """Have a data directory made for who only reads; return where it stands."""
        content = {"pgdata": pgdata, "lsn": lsn}
        where = self._path(timeline_id, "materialise")
        return self._client.send(
            "POST", where, content, _Materialised, within=_LONG
        ).lsn

    def lsn_of(self, timeline_id: str, timestamp: str) -> tuple[Lsn, str]:
        """Return the LSN of a time, and which kind it is."""
        where = path(
            "tenant",
            self.tenant_id,
            "timeline",
            timeline_id,
            "get_lsn_by_timestamp",
            timestamp=timestamp,
        )
        found = self._client.get(where, _Moment)
        return found.lsn, found.kind

    def _path(self, timeline_id: str, what: str) -> str:
        return path("tenant", self.tenant_id, "timeline", timeline_id, what)

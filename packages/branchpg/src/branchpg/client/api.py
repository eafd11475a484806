"""The interface of branches over HTTP, called by whoever is not one of the services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from branchpg.client.answers import (
    BranchInfo,
    EndpointInfo,
    EndpointUse,
    GcInfo,
    Sizes,
    StoreInfo,
)
from branchpg.errors import NotFound
from branchpg.http.client import path
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from branchpg.client.points import Point
    from branchpg.http.client import HttpClient

__all__ = ["Api", "NewBranch", "branch_named"]

T = TypeVar("T")

_PROJECT: Final = "/api/v2/projects/-"
_LONG: Final = 3600.0
"""Seconds that a copy of a large cluster may take."""


class _Branches(msgspec.Struct):
    branches: list[BranchInfo]


class _Branch(msgspec.Struct):
    branch: BranchInfo


class _Endpoint(msgspec.Struct):
    endpoint: EndpointInfo


class _Project(msgspec.Struct):
    project: StoreInfo


class _Moment(msgspec.Struct):
    lsn: Lsn
    kind: str


@dataclass(frozen=True, kw_only=True)
class NewBranch:
    """A branch to be made.

    Attributes:
        parent_id: an id; None is the default branch.
        compute: the type of its first endpoint; None is no endpoint.
        suspend_timeout: seconds; 0 is the project's, -1 never.
    """

    name: str
    parent_id: str | None = None
    point: Point | None = None
    protected: bool = False
    expires_at: datetime | None = None
    compute: str | None = "read_write"
    suspend_timeout: int = 0


def branch_named(branches: Iterable[BranchInfo], name: str | None) -> BranchInfo:
    """Return a branch by its name or id; None is the default one.

    Raises:
        NotFound: there is none, with the names that there are.
    """
    found = list(branches)
    for branch in found:
        if branch.default if name is None else name in {branch.name, branch.id}:
            return branch
    raise NotFound(
        f'branch "{name}" was not found',
        hint=f"there are: {', '.join(branch.name for branch in found)}",
    )


class Api:
    """A project's pageserver and compute. Everything blocks.

    Every method raises BranchpgError, of the class that says what to do about it.
    """

    def __init__(
        self, pageserver: HttpClient, compute: Callable[[], HttpClient]
    ) -> None:
        self._pageserver = pageserver
        self._compute = compute

    def branches(self) -> list[BranchInfo]:
        """Return all branches, the oldest first."""
        return self._pageserver.get(f"{_PROJECT}/branches", _Branches).branches

    def branch(self, name: str | None) -> BranchInfo:
        """Return a branch by its name or id; None is the default one."""
        return branch_named(self.branches(), name)

    def create(self, wanted: NewBranch) -> BranchInfo:
        """Make a branch."""
        branch = {
            "name": wanted.name,
            "parent_id": wanted.parent_id,
            "protected": wanted.protected,
            "expires_at": _time(wanted.expires_at),
            **_point("parent", wanted.point),
        }
        endpoints = []
        if wanted.compute:
            timeout = wanted.suspend_timeout
            endpoints = [{"type": wanted.compute, "suspend_timeout_seconds": timeout}]
        content = {"branch": branch, "endpoints": endpoints}
        return self._send("POST", "/branches", content, _Branch).branch

    def delete(self, branch_id: str) -> None:
        """Delete a branch and what only it has."""
        self._send("DELETE", _of(branch_id), {}, dict[str, Any])

    def update(self, branch_id: str, **changes: object) -> BranchInfo:
        """Change the name, `protected` or `expires_at` of a branch."""
        return self._send("PATCH", _of(branch_id), {"branch": changes}, _Branch).branch

    def reset(self, branch_id: str, *, preserve_under: str | None = None) -> BranchInfo:
        """Give a branch the head of its parent."""
        content = {"preserve_under_name": preserve_under}
        where = _of(branch_id, "/reset")
        return self._send("POST", where, content, _Branch).branch

    def restore(
        self,
        branch_id: str,
        source: str,
        point: Point,
        *,
        preserve_under: str | None = None,
    ) -> BranchInfo:
        """Give a branch what another one, or `^self`, was at a point."""
        content = {
            "source_branch_id": source,
            "preserve_under_name": preserve_under,
            **_point("source", point),
        }
        where = _of(branch_id, "/restore")
        return self._send("POST", where, content, _Branch).branch

    def set_default(self, branch_id: str) -> BranchInfo:
        """Make a branch the one that stands where none is named."""
        where = _of(branch_id, "/set_as_default")
        return self._send("POST", where, {}, _Branch).branch

    def add_endpoint(
        self, branch_id: str, kind: str, *, suspend_timeout: int = 0
    ) -> EndpointInfo:
        """Give a branch another endpoint."""
        content = {"type": kind, "suspend_timeout_seconds": suspend_timeout}
        where = _of(branch_id, "/endpoints")
        return self._send("POST", where, content, _Endpoint).endpoint

    def set_alias(self, alias: str, branch_id: str) -> None:
        """Let a name lead to a branch, besides the branch's own."""
        where = f"/aliases/{quote(alias, safe='')}"
        self._send("PUT", where, {"branch_id": branch_id}, dict[str, Any])

    def aliases(self) -> dict[str, str]:
        """Return the names of branches by the aliases that lead to them."""
        where = f"{_PROJECT}/aliases"
        return self._pageserver.get(where, dict[str, dict[str, str]])["aliases"]

    def endpoints(self) -> list[EndpointUse]:
        """Return all endpoints, as the compute has them."""
        return self._compute().get("/endpoints", list[EndpointUse])

    def suspend(self, endpoint_id: str) -> list[EndpointUse]:
        """Suspend an endpoint: its sessions end."""
        return self._endpoint(endpoint_id, "suspend")

    def start(self, endpoint_id: str) -> list[EndpointUse]:
        """Start an endpoint, as a connection would."""
        return self._endpoint(endpoint_id, "start")

    def store(self) -> StoreInfo:
        """Return what the project is."""
        return self._pageserver.get(_PROJECT, _Project).project

    def sizes(self, tenant_id: str) -> list[Sizes]:
        """Return how large timelines are; it looks at every file."""
        flag = {"include-non-incremental-logical-size": "true"}
        where = path("tenant", tenant_id, "timeline", **flag)
        return self._pageserver.get(where, list[Sizes], within=_LONG)

    def collect(self, branch: BranchInfo, *, dry_run: bool) -> GcInfo:
        """Remove what a branch's history no longer needs, or say what that would be."""
        where = _timeline(branch, "do_gc")
        content = {"dry_run": dry_run}
        return self._pageserver.send("PUT", where, content, GcInfo, within=_LONG)

    def lsn_of(self, branch: BranchInfo, time: datetime) -> tuple[Lsn, str]:
        """Return the LSN of a time, and `present`, `future`, `past` or `nodata`."""
        where = _timeline(branch, "get_lsn_by_timestamp", timestamp=_time(time))
        found = self._pageserver.get(where, _Moment)
        return found.lsn, found.kind

    def time_of(self, branch: BranchInfo, lsn: Lsn) -> str:
        """Return the time of the last commit before an LSN."""
        where = _timeline(branch, "get_timestamp_of_lsn", lsn=lsn)
        return self._pageserver.get(where, str)

    def import_cluster(self, branch: str, directory: str) -> None:
        """Make the project of a cluster's directory, which was shut down."""
        content = {"branch": branch, "pgdata": directory}
        self._pageserver.send(
            "POST", "/api/v2/projects", content, dict[str, Any], within=_LONG
        )

    def _endpoint(self, endpoint_id: str, what: str) -> list[EndpointUse]:
        where = f"/endpoints/{quote(endpoint_id, safe='')}/{what}"
        return self._compute().send("POST", where, {}, list[EndpointUse], within=_LONG)

    def _send(self, method: str, where: str, content: object, wanted: type[T]) -> T:
        url = f"{_PROJECT}{where}"
        return self._pageserver.send(method, url, content, wanted, within=_LONG)


def _of(branch_id: str, what: str = "") -> str:
    return f"/branches/{quote(branch_id, safe='')}{what}"


def _timeline(branch: BranchInfo, what: str, **query: object) -> str:
    tenant, timeline = branch.project_id, branch.timeline_id
    return path("tenant", tenant, "timeline", timeline, what, **query)


def _point(prefix: str, point: Point | None) -> dict[str, str]:
    if not point:
        return {}
    if point.lsn is not None:
        return {f"{prefix}_lsn": str(point.lsn)}
    return {f"{prefix}_timestamp": _time(point.time) or ""}


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None

"""The HTTP interface of branches, as Neon's console has it: `/api/v2/projects/…`.

A project is a tenant; `-` stands for the only one there is.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest
from branchpg.http.app import Call, call, json
from branchpg.lsn import Lsn
from branchpg.pageserver import info
from branchpg.pageserver.branch_rules import Point, Wanted
from branchpg.store.catalog import EndpointType
from branchpg.store.layout import check_id

if TYPE_CHECKING:
    from starlette.routing import Route

    from branchpg.pageserver.pageserver import Pageserver
    from branchpg.pageserver.tenants import Tenant
    from branchpg.store.catalog import Branch

__all__ = ["routes"]

_PROJECT: Final = "/api/v2/projects/{project}"
_BRANCHES: Final = f"{_PROJECT}/branches"
_BRANCH: Final = _BRANCHES + "/{branch:path}"


class _Project(msgspec.Struct, forbid_unknown_fields=True):
    branch: str = "main"
    pgdata: str | None = None


class _Alias(msgspec.Struct, forbid_unknown_fields=True):
    branch_id: str


class _BranchWanted(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parent_id: str | None = None
    parent_lsn: Lsn | None = None
    parent_timestamp: datetime | None = None
    protected: bool = False
    expires_at: datetime | None = None


class _EndpointWanted(msgspec.Struct, forbid_unknown_fields=True):
    type: EndpointType = "read_write"
    suspend_timeout_seconds: int = 0
    lsn: Lsn | None = None


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    branch: _BranchWanted
    endpoints: tuple[_EndpointWanted, ...] = (_EndpointWanted(),)


class _Restore(msgspec.Struct, forbid_unknown_fields=True):
    source_branch_id: str
    source_lsn: Lsn | None = None
    source_timestamp: datetime | None = None
    preserve_under_name: str | None = None


class _Reset(msgspec.Struct, forbid_unknown_fields=True):
    preserve_under_name: str | None = None


class _Changes(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    name: str | msgspec.UnsetType = msgspec.UNSET
    protected: bool | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | None | msgspec.UnsetType = msgspec.UNSET


class _Update(msgspec.Struct, forbid_unknown_fields=True):
    branch: _Changes


def routes(service: Pageserver) -> list[Route]:
    """Return the routes of branches; names with slashes are written as they are."""
    branches = _Branches(service)
    return [
        call("/api/v2/projects", "POST", branches.create_project),
        call(_PROJECT, "GET", branches.project),
        call(f"{_PROJECT}/aliases", "GET", branches.aliases),
        call(f"{_PROJECT}/aliases/{{alias}}", "PUT", branches.set_alias),
        call(_BRANCHES, "GET", branches.all),
        call(_BRANCHES, "POST", branches.create),
        call(f"{_BRANCH}/restore", "POST", branches.restore),
        call(f"{_BRANCH}/reset", "POST", branches.reset),
        call(f"{_BRANCH}/set_as_default", "POST", branches.set_default),
        call(f"{_BRANCH}/endpoints", "POST", branches.add_endpoint),
        call(_BRANCH, "GET", branches.one),
        call(_BRANCH, "PATCH", branches.update),
        call(_BRANCH, "DELETE", branches.delete),
    ]


class _Branches:
    def __init__(self, service: Pageserver) -> None:
        self._service = service
        self._work = service.branches

    def create_project(self, told: Call) -> object:
        wanted = told.read(_Project)
        tenant = self._service.create_project(wanted.branch, pgdata=wanted.pgdata)
        return json({"project": {"id": tenant.id}}, HTTPStatus.CREATED)

    def project(self, told: Call) -> object:
        return {"project": info.project(self._service, self._project(told).catalog)}

    def aliases(self, told: Call) -> object:
        catalog = self._project(told).catalog
        names = {a: catalog.branches[b].name for a, b in catalog.aliases.items()}
        return {"aliases": names}

    def set_alias(self, told: Call) -> object:
        tenant, wanted = self._project(told), told.read(_Alias).branch_id
        branch = self._work.set_alias(tenant, told.parts["alias"], wanted)
        return _told(tenant, branch)

    def all(self, told: Call) -> object:
        catalog = self._project(told).catalog
        found = sorted(catalog.branches.values(), key=lambda one: one.created_at)
        return {"branches": [info.branch(catalog, one) for one in found]}

    def one(self, told: Call) -> object:
        tenant = self._project(told)
        return _told(tenant, tenant.catalog.branch(told.parts["branch"]))

    def create(self, told: Call) -> object:
        content, tenant = told.read(_Create), self._project(told)
        wanted = content.branch
        if len(content.endpoints) > 1:
            raise BadRequest("a branch begins with one endpoint at most")
        endpoint = content.endpoints[0] if content.endpoints else None
        branch = self._work.create(
            tenant,
            Wanted(
                name=wanted.name,
                parent=wanted.parent_id,
                point=_point(wanted.parent_lsn, wanted.parent_timestamp),
                protected=wanted.protected,
                expires_at=wanted.expires_at,
                endpoint=endpoint.type if endpoint else None,
                suspend_timeout_seconds=(
                    endpoint.suspend_timeout_seconds if endpoint else 0
                ),
            ),
        )
        return json(_told(tenant, branch), HTTPStatus.CREATED)

    def update(self, told: Call) -> object:
        changes, tenant = told.read(_Update).branch, self._project(told)
        branch = tenant.catalog.branch(told.parts["branch"])
        if changes.protected is not msgspec.UNSET:
            self._work.protect(tenant, branch.id, protected=changes.protected)
        if changes.expires_at is not msgspec.UNSET:
            self._work.expire(tenant, branch.id, changes.expires_at)
        if changes.name is not msgspec.UNSET:
            self._work.rename(tenant, branch.id, changes.name)
        return _told(tenant, tenant.catalog.branch(branch.id))

    def delete(self, told: Call) -> object:
        tenant = self._project(told)
        branch = self._work.delete(tenant, told.parts["branch"])
        return {"branch": {"id": branch.id, "name": branch.name}}

    def reset(self, told: Call) -> object:
        tenant, content = self._project(told), told.read(_Reset)
        branch = self._work.reset(
            tenant, told.parts["branch"], preserve_under=content.preserve_under_name
        )
        return _told(tenant, branch)

    def restore(self, told: Call) -> object:
        tenant, content = self._project(told), told.read(_Restore)
        branch = self._work.restore(
            tenant,
            told.parts["branch"],
            content.source_branch_id,
            _point(content.source_lsn, content.source_timestamp),
            preserve_under=content.preserve_under_name,
        )
        return _told(tenant, branch)

    def set_default(self, told: Call) -> object:
        tenant = self._project(told)
        return _told(tenant, self._work.set_default(tenant, told.parts["branch"]))

    def add_endpoint(self, told: Call) -> object:
        tenant, wanted = self._project(told), told.read(_EndpointWanted)
        endpoint = self._work.add_endpoint(
            tenant,
            told.parts["branch"],
            wanted.type,
            lsn=wanted.lsn,
            suspend_timeout_seconds=wanted.suspend_timeout_seconds,
        )
        about = {"endpoint": info.endpoint(tenant.catalog, endpoint)}
        return json(about, HTTPStatus.CREATED)

    def _project(self, told: Call) -> Tenant:
        project = told.parts["project"]
        if project == "-":
            return self._service.tenants.only()
        return self._service.tenants.get(check_id(project))


def _told(tenant: Tenant, branch: Branch) -> dict[str, object]:
    return {"branch": info.branch(tenant.catalog, branch)}


def _point(lsn: Lsn | None, time: datetime | None) -> Point:
    if lsn is not None and time is not None:
        raise BadRequest("give an LSN or a time, not both")
    if time is not None and time.tzinfo is None:
        raise BadRequest(f"{time.isoformat()} has no time zone", hint="add Z")
    return Point(lsn, time)

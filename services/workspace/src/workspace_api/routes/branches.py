"""The routes of branches."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.types import Receive, Scope

from servicekit.plain import documented_as, query
from servicekit.responses import Answer, encode, json_answer
from workspace_api import requests
from workspace_api.branches import difference
from workspace_api.models import (
    Branch,
    BranchCreate,
    BranchDiff,
    Branched,
    Counted,
    DiffQuery,
    Done,
    One,
)
from workspace_api.routes.declare import failures, router
from workspace_api.service import Service

__all__ = ["routes"]


class _Branches:
    """The endpoints."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self, scope: Scope, _receive: Receive) -> Answer:
        found = await self._service.branches.all(self._current(scope))
        told = {"success": True, "count": len(found), "total": len(found)}
        return json_answer(200, encode({**told, "data": found}))

    async def create(self, scope: Scope, receive: Receive) -> Answer:
        wanted = await requests.body(receive, BranchCreate)
        made = await self._service.branches.create(
            wanted.name, wanted.parent, self._current(scope)
        )
        return json_answer(201, encode({"success": True, "data": made}))

    async def reset(self, scope: Scope, _receive: Receive) -> Answer:
        name = self._service.databases.name_of(scope["path_params"]["name"])
        done = await self._service.branches.reset(name, self._current(scope))
        return json_answer(200, encode({"success": True, "data": done}))

    async def delete(self, scope: Scope, _receive: Receive) -> Answer:
        name = self._service.databases.name_of(scope["path_params"]["name"])
        self._current(scope)
        await self._service.branches.delete(name)
        told = {"success": True, "message": "Branch deleted successfully"}
        return json_answer(200, encode(told))

    async def diff(self, scope: Scope, _receive: Receive) -> Answer:
        wanted = requests.parsed(DiffQuery, query(scope))
        databases = self._service.databases
        name = databases.name_of(scope["path_params"]["name"])
        against = databases.name_of(wanted.against)
        found = await difference(
            await databases.get(name), await databases.get(against)
        )
        changed = ",".join(
            f'{{"id":"{item}","here":{here},"there":{there}}}'
            for item, here, there in found.changed
        )
        body = (
            f'{{"success":true,"data":{{"branch":"{name}","against":"{against}",'
            f'"added":[{",".join(found.added)}],'
            f'"removed":[{",".join(found.removed)}],"changed":[{changed}],'
            f'"truncated":{"true" if found.truncated else "false"}}}}}'
        )
        return json_answer(200, body.encode())

    def _current(self, scope: Scope) -> str:
        given = query(scope)
        if given:
            requests.parsed(Branched, given)
        return self._service.databases.name_of(requests.branch(scope, given))


def routes(service: Service, base: str) -> APIRouter:
    """Return the routes of branches, as the OpenAPI document has them."""
    do, made = _Branches(service), router(base, "branches")
    unsupported = failures(501)

    @made.get("/branches", response_model=Counted[Branch], responses=unsupported)
    @documented_as(do.list)
    def list_branches(query: Annotated[Branched, Query()]) -> None:
        """All branches; `is_current` is the one that X-Branch names."""

    @made.post(
        "/branches",
        status_code=201,
        response_model=One[Branch],
        responses=unsupported,
    )
    @documented_as(do.create)
    def create_branch(body: BranchCreate, query: Annotated[Branched, Query()]) -> None:
        """Make a branch from the head of its parent."""

    @made.get(
        "/branches/{name:path}/diff",
        response_model=One[BranchDiff],
        responses=unsupported,
    )
    @documented_as(do.diff)
    def branch_diff(name: str, query: Annotated[DiffQuery, Query()]) -> None:
        """What items a branch has that another one has not, and the other way round."""

    @made.post(
        "/branches/{name:path}/reset",
        response_model=One[Branch],
        responses=unsupported,
    )
    @documented_as(do.reset)
    def reset_branch(name: str, query: Annotated[Branched, Query()]) -> None:
        """Give a branch what its parent has now."""

    @made.delete("/branches/{name:path}", response_model=Done, responses=unsupported)
    @documented_as(do.delete)
    def delete_branch(name: str, query: Annotated[Branched, Query()]) -> None:
        """Delete a branch."""

    return made

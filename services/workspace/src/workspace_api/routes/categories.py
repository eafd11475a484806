"""The routes of categories."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.types import Receive, Scope

from servicekit.plain import documented_as, query
from servicekit.responses import Answer, json_answer
from workspace_api import requests
from workspace_api.categories import Categories
from workspace_api.models import (
    Branched,
    Category,
    CategoryCreate,
    CategoryPatch,
    CategoryQuery,
    CategoryStats,
    Counted,
    Done,
    One,
    Reorder,
)
from workspace_api.routes.declare import router
from workspace_api.service import Service

__all__ = ["routes"]


class _Categories:
    """The endpoints."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self, scope: Scope, _receive: Receive) -> Answer:
        given = query(scope)
        wanted = requests.parsed(CategoryQuery, given)
        found = await (await self._service.categories(scope, given)).list(wanted)
        return _listed(found.json, found.count)

    async def stats(self, scope: Scope, _receive: Receive) -> Answer:
        found = await (await self._of(scope)).stats()
        return _listed(found.json, found.count)

    async def one(self, scope: Scope, _receive: Receive) -> Answer:
        return _told(200, await (await self._of(scope)).one(_name(scope)))

    async def create(self, scope: Scope, receive: Receive) -> Answer:
        wanted = await requests.body(receive, CategoryCreate)
        made = await (await self._of(scope)).create(wanted)
        where = f"{scope['path'].rstrip('/')}/{wanted.name}".encode("latin-1")
        answer = _told(201, made, "Category created successfully")
        answer.headers.append((b"location", where))
        return answer

    async def update(self, scope: Scope, receive: Receive) -> Answer:
        changes = await requests.body(receive, CategoryPatch)
        done = await (await self._of(scope)).update(_name(scope), changes)
        return _told(200, done, "Category updated successfully")

    async def toggle(self, scope: Scope, _receive: Receive) -> Answer:
        done = await (await self._of(scope)).toggle(_name(scope))
        return _told(200, done, "Category updated successfully")

    async def reorder(self, scope: Scope, receive: Receive) -> Answer:
        wanted = await requests.body(receive, Reorder)
        categories = await self._of(scope)
        await categories.reorder(wanted)
        found = await categories.list(CategoryQuery())
        return _listed(found.json, found.count)

    async def delete(self, scope: Scope, _receive: Receive) -> Answer:
        await (await self._of(scope)).delete(_name(scope))
        body = b'{"success":true,"message":"Category deleted successfully"}'
        return json_answer(200, body)

    async def _of(self, scope: Scope) -> Categories:
        given = query(scope)
        if given:
            requests.parsed(Branched, given)
        return await self._service.categories(scope, given)


def _name(scope: Scope) -> str:
    return requests.text(scope["path_params"]["name"], "name")


def _told(status: int, json: str, message: str = "") -> Answer:
    told: Any = f',"message":"{message}"' if message else ""
    return json_answer(status, f'{{"success":true,"data":{json}{told}}}'.encode())


def _listed(json: str, count: int) -> Answer:
    body = f'{{"success":true,"count":{count},"total":{count},"data":{json}}}'
    return json_answer(200, body.encode())


def routes(service: Service, base: str) -> APIRouter:
    """Return the routes of categories, as the OpenAPI document has them."""
    do, made = _Categories(service), router(base, "categories")

    @made.get("/categories", response_model=Counted[Category])
    @documented_as(do.list)
    def list_categories(query: Annotated[CategoryQuery, Query()]) -> None:
        """All categories, or the active ones."""

    @made.get("/categories/stats", response_model=Counted[CategoryStats])
    @documented_as(do.stats)
    def category_stats(query: Annotated[Branched, Query()]) -> None:
        """How many items each category has, by status."""

    @made.get("/categories/{name}", response_model=One[Category])
    @documented_as(do.one)
    def get_category(name: str, query: Annotated[Branched, Query()]) -> None:
        """One category."""

    @made.post("/categories", status_code=201, response_model=One[Category])
    @documented_as(do.create)
    def create_category(
        body: CategoryCreate, query: Annotated[Branched, Query()]
    ) -> None:
        """Make a category; without `sort_order`, at the end."""

    @made.post("/categories/reorder", response_model=Counted[Category])
    @documented_as(do.reorder)
    def reorder_categories(body: Reorder, query: Annotated[Branched, Query()]) -> None:
        """Give all categories their places."""

    for method in ("PUT", "PATCH"):

        @made.api_route(
            "/categories/{name}",
            methods=[method],
            response_model=One[Category],
            name=f"{method.lower()}_category",
        )
        @documented_as(do.update)
        def update_category(
            name: str, body: CategoryPatch, query: Annotated[Branched, Query()]
        ) -> None:
            """Change what the body names; a new name goes to its items as well."""

    @made.patch("/categories/{name}/toggle", response_model=One[Category])
    @documented_as(do.toggle)
    def toggle_category(name: str, query: Annotated[Branched, Query()]) -> None:
        """Make an active category inactive, and the other way round."""

    @made.delete("/categories/{name}", response_model=Done)
    @documented_as(do.delete)
    def delete_category(name: str, query: Annotated[Branched, Query()]) -> None:
        """Delete a category that no item has; else 409 CATEGORY_IN_USE."""

    return made

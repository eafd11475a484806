"""The routes of items."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.types import Receive, Scope

from servicekit.errors import Problem, validation
from servicekit.plain import documented_as, query
from servicekit.responses import Answer, empty, json_answer
from workspace_api import requests
from workspace_api.item_values import Stored, number
from workspace_api.listing import COUNT_LIMIT
from workspace_api.models import (
    Branched,
    Bulk,
    BulkDone,
    Done,
    Item,
    ItemCreate,
    ItemPatch,
    Listed,
    ListQuery,
    Move,
    One,
    Stats,
)
from workspace_api.routes.declare import IF_MATCH, etag, failures, router
from workspace_api.service import Service

__all__ = ["routes"]

_REPEATABLE: Final = ("category", "status", "priority", "tag")
_LONGEST_KEY: Final = 255
ItemId = Annotated[str, Path(pattern=r"^[0-9]{1,19}$")]


class _Items:
    """The endpoints."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self, scope: Scope, _receive: Receive) -> Answer:
        given = query(scope, _REPEATABLE)
        wanted = requests.parsed(ListQuery, given)
        items = await self._service.items(scope, given)
        page = await items.list(wanted)
        cursor = f'"{page.next_cursor}"' if page.next_cursor else "null"
        exact = page.exact or page.total <= COUNT_LIMIT
        head = (
            f'{{"success":true,"count":{page.count},'
            f'"total":{min(page.total, COUNT_LIMIT) if not exact else page.total},'
            f'"total_exact":{"true" if exact else "false"},'
            f'"next_cursor":{cursor},"data":'
        )
        return json_answer(200, b"".join((head.encode(), page.json, b"}")))

    async def one(self, scope: Scope, _receive: Receive) -> Answer:
        items = await self._service.items(scope, self._query(scope))
        found = await items.one(_id(scope))
        if requests.if_none_match(scope, found.version):
            return empty(304, _etag(found))
        return _told(200, found)

    async def stats(self, scope: Scope, _receive: Receive) -> Answer:
        items = await self._service.items(scope, self._query(scope))
        return json_answer(200, _data(await items.stats()))

    async def create(self, scope: Scope, receive: Receive) -> Answer:
        wanted = await requests.body(receive, ItemCreate)
        items = await self._service.items(scope, self._query(scope))
        made = await items.create(wanted, key=_key(scope))
        path = f"{scope['path'].rstrip('/')}/{made.id}"
        where = (b"location", path.encode("latin-1"))
        return _told(201, made, where, message="Item created successfully")

    async def update(self, scope: Scope, receive: Receive) -> Answer:
        item, match = _id(scope), requests.if_match(scope)
        changes = await requests.body(receive, ItemPatch)
        items = await self._service.items(scope, self._query(scope))
        done = await items.update(item, changes, match)
        return _told(200, done, message="Item updated successfully")

    async def move(self, scope: Scope, receive: Receive) -> Answer:
        item, match = _id(scope), requests.if_match(scope)
        wanted = await requests.body(receive, Move)
        items = await self._service.items(scope, self._query(scope))
        return _told(
            200,
            await items.move(item, wanted, match),
            message="Item moved successfully",
        )

    async def bulk(self, scope: Scope, receive: Receive) -> Answer:
        wanted = await requests.body(receive, Bulk)
        if not wanted.set.model_fields_set:
            raise validation(Problem("set", "names nothing to change", "empty"))
        items = await self._service.items(scope, self._query(scope))
        done = await items.bulk(wanted)
        body = f'{{"success":true,"count":{len(done)},"data":[{",".join(done)}]}}'
        return json_answer(200, body.encode())

    async def delete(self, scope: Scope, _receive: Receive) -> Answer:
        item, match = _id(scope), requests.if_match(scope)
        items = await self._service.items(scope, self._query(scope))
        await items.delete(item, match)
        body = b'{"success":true,"message":"Item deleted successfully"}'
        return json_answer(200, body)

    async def restore(self, scope: Scope, _receive: Receive) -> Answer:
        items = await self._service.items(scope, self._query(scope))
        done = await items.restore(_id(scope))
        return _told(200, done, message="Item restored successfully")

    def _query(self, scope: Scope) -> Any:
        given = query(scope)
        if given:
            requests.parsed(Branched, given)
        return given


def _id(scope: Scope) -> int:
    return number(scope["path_params"]["id"], "id")


def _key(scope: Scope) -> str | None:
    key = requests.header(scope, b"idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise validation(
            Problem("Idempotency-Key", "is not 1 to 255 visible characters", "invalid")
        )
    return key


def _etag(item: Stored) -> tuple[bytes, bytes]:
    return (b"etag", b'"%d"' % item.version)


def _data(json: str, message: str = "") -> bytes:
    told = f',"message":"{message}"' if message else ""
    return f'{{"success":true,"data":{json}{told}}}'.encode()


def _told(
    status: int, item: Stored, *headers: tuple[bytes, bytes], message: str = ""
) -> Answer:
    return json_answer(status, _data(item.json, message), _etag(item), *headers)


def routes(service: Service, base: str) -> APIRouter:
    """Return the routes of items, as the OpenAPI document has them."""
    do, made = _Items(service), router(base, "items")
    conditional = {"openapi_extra": {"parameters": [IF_MATCH]}}

    @made.get("/items", response_model=Listed[Item])
    @documented_as(do.list)
    def list_items(query: Annotated[ListQuery, Query()]) -> None:
        """A page of items. `total` counts all that match.

        For a text or a tag it counts up to 1,000, and `total_exact` is false beyond.
        """

    @made.get("/items/stats", response_model=One[Stats])
    @documented_as(do.stats)
    def item_stats(query: Annotated[Branched, Query()]) -> None:
        """How many items there are, by status, priority and category."""

    @made.get(
        "/items/{id}",
        response_model=One[Item],
        responses={200: etag("The item"), 304: {"description": "It has this version"}},
        openapi_extra={
            "parameters": [{**IF_MATCH, "name": "If-None-Match", "description": ""}]
        },
    )
    @documented_as(do.one)
    def get_item(id: ItemId, query: Annotated[Branched, Query()]) -> None:
        """One item."""

    @made.post(
        "/items",
        status_code=201,
        response_model=One[Item],
        responses={201: etag("The item that was made")},
        openapi_extra={
            "parameters": [
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": False,
                    "description": "The same key again answers the first item",
                    "schema": {"type": "string", "maxLength": _LONGEST_KEY},
                }
            ]
        },
    )
    @documented_as(do.create)
    def create_item(body: ItemCreate, query: Annotated[Branched, Query()]) -> None:
        """Make an item, at the end of its column."""

    for method in ("PUT", "PATCH"):

        @made.api_route(
            "/items/{id}",
            methods=[method],
            response_model=One[Item],
            responses={200: etag("The item as it is now"), **failures(412)},
            name=f"{method.lower()}_item",
            **conditional,  # type: ignore[arg-type]
        )
        @documented_as(do.update)
        def update_item(
            id: ItemId, body: ItemPatch, query: Annotated[Branched, Query()]
        ) -> None:
            """Change what the body names."""

    @made.post("/items/bulk", response_model=BulkDone, responses=failures(404))
    @documented_as(do.bulk)
    def change_items(body: Bulk, query: Annotated[Branched, Query()]) -> None:
        """Change many items, all of them or none."""

    @made.post(
        "/items/{id}/move",
        response_model=One[Item],
        responses={200: etag("The item as it is now"), **failures(412)},
        **conditional,  # type: ignore[arg-type]
    )
    @documented_as(do.move)
    def move_item(id: ItemId, body: Move, query: Annotated[Branched, Query()]) -> None:
        """Put an item before or after another one, or at the end of a column."""

    @made.post("/items/{id}/restore", response_model=One[Item])
    @documented_as(do.restore)
    def restore_item(id: ItemId, query: Annotated[Branched, Query()]) -> None:
        """Bring a deleted item back."""

    @made.delete(
        "/items/{id}",
        response_model=Done,
        responses=failures(412),
        **conditional,  # type: ignore[arg-type]
    )
    @documented_as(do.delete)
    def delete_item(id: ItemId, query: Annotated[Branched, Query()]) -> None:
        """Delete an item; `restore` brings it back."""

    return made

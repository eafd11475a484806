"""The route of events, and the one of the audit."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.types import Receive, Scope

from servicekit.plain import documented_as, query
from servicekit.responses import Answer, json_answer
from workspace_api import audit, requests
from workspace_api.events import Stream
from workspace_api.models import AuditEntry, AuditQuery, EventsQuery, Listed
from workspace_api.routes.declare import router
from workspace_api.service import Service

__all__ = ["routes"]

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, for as long as the client listens",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class _Events:
    """The endpoints."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def stream(self, scope: Scope, _receive: Receive) -> Stream:
        given = query(scope)
        wanted = requests.parsed(EventsQuery, given)
        database = await self._service.database(scope, given)
        name = self._service.databases.name_of(requests.branch(scope, given))
        last = requests.header(scope, b"last-event-id")
        events = self._service.events
        return await events.subscribe(database, name, last or wanted.last_event_id)

    async def audit(self, scope: Scope, _receive: Receive) -> Answer:
        given = query(scope)
        wanted = requests.parsed(AuditQuery, given)
        database = await self._service.database(scope, given)
        return json_answer(200, await audit.page(database, wanted))


def routes(service: Service, base: str) -> APIRouter:
    """Return the routes of events, as the OpenAPI document has them."""
    do, made = _Events(service), router(base, "events")

    @made.get("/events", responses=_STREAM)
    @documented_as(do.stream)
    def stream_events(
        query: Annotated[EventsQuery, Query()],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> None:
        """What changes, as it changes; `resync` says that some was missed."""

    @made.get("/audit", response_model=Listed[AuditEntry])
    @documented_as(do.audit)
    def list_audit(query: Annotated[AuditQuery, Query()]) -> None:
        """Who changed what, the newest first, with what was before and after."""

    return made

"""An HTTP interface: routes, typed bodies, errors as Neon words them, a bearer token.

Errors are `{"msg": ...}`, with `hint` where one is known.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

import prometheus_client
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from branchpg.errors import BadRequest, BranchpgError
from branchpg.http import codec
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "LONGEST_BODY",
    "Call",
    "application",
    "body",
    "call",
    "json",
    "lsn_query",
    "metrics_route",
]

LONGEST_BODY: Final = 1024 * 1024

_OPEN: Final = frozenset({"/v1/status", "/metrics", "/status"})
_JSON: Final = "application/json"

T = TypeVar("T")


def application(routes: Sequence[Route], *, token: str | None = None) -> ASGIApp:
    """Return the interface; with a token, all but status and metrics ask for it."""
    handlers = {
        BranchpgError: _known,
        HTTPException: _routing,
        Exception: _unknown,
    }
    app = Starlette(routes=list(routes), exception_handlers=handlers)  # type: ignore[arg-type]
    return _Guard(app, token) if token else app


async def body(request: Request, wanted: type[T]) -> T:
    """Read a request's JSON body as a type.

    Raises:
        BadRequest: it is something else, or too long.
    """
    return codec.decode(await _content(request), wanted)


def json(value: object, status: int = HTTPStatus.OK) -> Response:
    """Return a response that holds a value as JSON."""
    return Response(codec.encode(value), status, media_type=_JSON)


@dataclass(frozen=True)
class Call:
    """A request to a function that runs in a thread."""

    parts: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes

    def read(self, wanted: type[T]) -> T:
        """Return the JSON body as a type."""
        return codec.decode(self.content or b"{}", wanted)

    def lsn(self, name: str) -> Lsn | None:
        """Return a query parameter that is an LSN."""
        text = self.query.get(name)
        return Lsn.parse(text) if text is not None else None

    def time(self, name: str) -> datetime:
        """Return a query parameter that is a time, as RFC 3339 writes it."""
        text = self.query.get(name, "").replace(" ", "+")  # a plus that was not quoted
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadRequest(
                f'"{name}" is no time: "{text}"', hint="write 2026-11-21T10:15:00Z"
            ) from error
        if moment.tzinfo is None:
            raise BadRequest(f'"{name}" has no time zone: "{text}"')
        return moment

    def flag(self, name: str) -> bool:
        """Return a query parameter that is true or false."""
        return self.query.get(name, "false").lower() in {"true", "1", ""}


def call(
    path: str, method: str, function: Callable[[Call], Response | object]
) -> Route:
    """Return a route to a function that may block; what it returns becomes JSON."""

    async def endpoint(request: Request) -> Response:
        content = await _content(request)
        told = Call(request.path_params, request.query_params, content)
        answer = await run_in_threadpool(function, told)
        return answer if isinstance(answer, Response) else json(answer)

    return Route(path, endpoint, methods=[method])


def lsn_query(request: Request, name: str) -> Lsn | None:
    """Return a query parameter that is an LSN."""
    text = request.query_params.get(name)
    return Lsn.parse(text) if text is not None else None


def metrics_route(registry: prometheus_client.CollectorRegistry) -> Route:
    """Return the route that answers with the metrics of a registry."""

    def metrics(_request: Request) -> Response:
        text = prometheus_client.generate_latest(registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)


async def _content(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LONGEST_BODY:
            raise BadRequest(f"the body has more than {LONGEST_BODY} bytes")
    return bytes(data)


def failure(error: BranchpgError) -> Response:
    """Return the response that tells an error."""
    told = {"msg": error.prefix + error.message}
    if error.hint:
        told["hint"] = error.hint
    return json(told, error.status)


def _known(_request: Request, error: BranchpgError) -> Response:
    return failure(error)


def _routing(_request: Request, error: HTTPException) -> Response:
    return json({"msg": error.detail}, error.status_code)


def _unknown(_request: Request, error: Exception) -> Response:
    # The traceback is in the log; a client learns only that it is our fault.
    told = {"msg": f"Internal Server Error: {type(error).__name__}"}
    return json(told, HTTPStatus.INTERNAL_SERVER_ERROR)


class _Guard:
    """Lets nobody in without the token, but to what says how the service is."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                told = {"msg": "Unauthorized: no valid bearer token"}
                refusal = json(told, HTTPStatus.UNAUTHORIZED)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

"""Hot routes: FastAPI documents them, and does not run them.

A `PlainRoute` is declared like any other route, so that the OpenAPI document has its
parameters, body and answers. Its endpoint is the only thing that runs: it gets ASGI's
scope and receive, checks what it takes itself, and returns what answers. `Front` finds
it by the method and the path, before FastAPI's layers.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute

from servicekit.errors import Problem, validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send


__all__ = ["Alias", "Endpoint", "Front", "PlainRoute", "documented_as", "query"]

Endpoint: TypeAlias = Callable[["Scope", "Receive"], Awaitable["ASGIApp"]]

_MOST_PARAMETERS: Final = 100
_PARAMETER: Final = re.compile(r"\{[^}]*\}")


def documented_as(endpoint: Endpoint) -> Callable[[Callable[..., Any]], Any]:
    """Let a declaration, whose signature FastAPI documents, stand for an endpoint."""

    def declare(declaration: Callable[..., Any]) -> Callable[..., Any]:
        declaration.plain_endpoint = endpoint  # type: ignore[attr-defined]
        return declaration

    return declare


class PlainRoute(APIRoute):
    """A route whose declaration may stand for a plain endpoint."""

    @property
    def plain_endpoint(self) -> Endpoint | None:
        """The endpoint that the declaration stands for."""
        return getattr(self.endpoint, "plain_endpoint", None)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what FastAPI runs, where a request reaches it through FastAPI."""
        endpoint = self.plain_endpoint
        if endpoint is None:
            return super().get_route_handler()

        async def handle(request: Request) -> Response:
            answer: Any = await endpoint(request.scope, request.receive)
            return answer  # type: ignore[no-any-return]

        return handle


class Front:
    """Leads requests to the plain routes, and all others to the application.

    A route that it can lead to has a fixed path, or one parameter that is the last part
    of the path or the one before it. Fixed paths come first.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[PlainRoute]) -> None:
        self._app = app
        self._fixed: dict[tuple[str, str], tuple[Endpoint, str]] = {}
        self._variable: dict[tuple[str, str, str], tuple[Endpoint, str, str]] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: PlainRoute) -> None:
        endpoint, path = route.plain_endpoint, route.path
        found = _PARAMETER.findall(path)
        if endpoint is None or len(found) > 1 or ":" in path:
            return
        for method in route.methods or ():
            if not found:
                self._fixed[method, path] = (endpoint, path)
                continue
            before, after = path.split(found[0])
            self._variable[method, before, after] = (endpoint, path, found[0][1:-1])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        found = self._find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        endpoint, scope["route_template"] = found
        answer = await endpoint(scope, receive)
        await answer(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Endpoint, str] | None:
        if scope["type"] != "http":
            return None
        method, path = scope["method"], scope["path"]
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed
        last = path.rfind("/")
        for start, end in ((last, len(path)), (path.rfind("/", 0, last), last)):
            given = path[start + 1 : end]
            key = (method, path[: start + 1], path[end:])
            variable = self._variable.get(key) if given else None
            if variable is not None:
                scope["path_params"] = {variable[2]: given}
                return variable[:2]
        return None


class Alias:
    """Leads requests to paths with one beginning to those with another one."""

    def __init__(self, app: ASGIApp, alias: str, base: str) -> None:
        self._app = app
        self._alias = f"{alias}/"
        self._base = base
        self._own = f"{base}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path: str = scope.get("path", "")
        if path.startswith(self._alias) and not path.startswith(self._own):
            scope["path"] = self._base + path[len(self._alias) - 1 :]
        await self._app(scope, receive, send)


def query(scope: Scope, repeatable: Sequence[str] = ()) -> Mapping[str, Any]:
    """Return the parameters of the query; those that may be repeated are lists.

    Raises:
        ServiceError: one that may not be repeated is, or there are far too many.
    """
    text: bytes = scope["query_string"]
    if not text:
        return {}
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise validation(
            Problem("query", "is not URL-encoded UTF-8 text", "invalid")
        ) from error
    for name, value in pairs:
        if name in repeatable:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise validation(Problem(name, "may be given once", "repeated"))
        else:
            found[name] = value
    return found

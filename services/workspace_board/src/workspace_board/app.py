"""The routes: the page, its files, its settings, and the probes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.routing import Route

from servicekit.health import Check, Health
from servicekit.metrics import UNMATCHED, Metrics
from workspace_board.files import built
from workspace_board.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from servicekit.headers import RawHeaders
    from workspace_board.files import File
    from workspace_board.settings import Settings

__all__ = ["Assembly", "assemble", "policy"]

_PAGE: Final = "index.html"
_CONFIG: Final = "config.json"
_NOT_BUILT: Final = "the pages are not built; run: make web"


@dataclass(frozen=True)
class Assembly:
    """The service, and what its life has to know of it."""

    app: ASGIApp
    health: Health


def assemble(settings: Settings, files: Mapping[str, File]) -> Assembly:
    """Put the service together; `files` are by their paths."""
    metrics = Metrics("workspace_board")
    health = Health(NAME, version(NAME), metrics)
    health.checks.append(Check("files", _FilesProbe(files)))
    config = json.dumps({"api_url": settings.api_url}).encode()
    early = f"<{settings.api_origin}>; rel=preconnect; crossorigin"
    site = _Site({**files, _CONFIG: built(config, ".json")}, early.encode())
    routes = [
        *health.routes(),
        Route("/", site, methods=["GET"]),
        Route("/{path:path}", site, methods=["GET"]),
    ]
    app = _Outer(Starlette(routes=routes), policy(settings), metrics)
    return Assembly(app, health)


def policy(settings: Settings) -> bytes:
    """Return the content security policy: our own files, and the API to talk to."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {settings.api_origin}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items()).encode()


class _FilesProbe:
    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files

    async def __call__(self) -> str:
        if _PAGE not in self._files:
            raise RuntimeError(_NOT_BUILT)
        return f"{len(self._files)} files"


class _Site:
    """The files, as an ASGI application."""

    def __init__(self, files: Mapping[str, File], early: bytes) -> None:
        self._files = files
        self._early = (b"link", early)
        """Lets a browser connect to the API before the page's program asks it to."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        path = scope["path_params"].get("path") or _PAGE
        headers = dict(scope["headers"])
        file = self._files.get(path)
        if file is None:
            await _say(send, *self._missing(path))
            return
        body = file.choose(headers.get(b"accept-encoding", b"").decode("latin-1"))
        found = file.headers(body)
        if path == _PAGE:
            found.append(self._early)
        known = headers.get(b"if-none-match", b"").split(b",")
        if body.etag in (tag.strip().removeprefix(b"W/") for tag in known):
            await _answer(send, 304, found)
            return
        length = (b"content-length", b"%d" % len(body.content))
        head = scope["method"] == "HEAD"
        await _answer(send, 200, [*found, length], b"" if head else body.content)

    def _missing(self, path: str) -> tuple[int, str]:
        return (503, _NOT_BUILT) if path == _PAGE else (404, "there is no such file")


class _Outer:
    """What every answer has: headers that keep a browser strict, and a count."""

    def __init__(self, app: ASGIApp, rules: bytes, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._headers: RawHeaders = [
            (b"content-security-policy", rules),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started, status = perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = (*message.get("headers", ()), *self._headers)
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            seconds = perf_counter() - started
            self._metrics.observe(scope["method"], route, status, seconds)


async def _say(send: Send, status: int, text: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
    ]
    await _answer(send, status, headers, text.encode())


async def _answer(
    send: Send,
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    content: bytes = b"",
) -> None:
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": content})

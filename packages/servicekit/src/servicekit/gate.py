"""What every request passes before it reaches a route, and every answer after it.

One layer, not seven: correlation id, address and allow-list, rate limit, who asks,
size of the body, headers of the answer, errors, metrics and the log. Each of them is a
module of its own; here is only their order.
"""

from __future__ import annotations

import contextvars
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from servicekit import responses
from servicekit.auth import ANYBODY, Role
from servicekit.correlation import HEADER, correlation_id
from servicekit.errors import (
    ServiceError,
    forbidden,
    internal,
    too_large,
    too_many,
)
from servicekit.headers import DOCUMENTS_POLICY, SECURITY
from servicekit.logs import logger
from servicekit.metrics import UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from servicekit.auth import Authenticator, Principal, Rule
    from servicekit.clients import Clients
    from servicekit.headers import CrossOrigin, RawHeaders
    from servicekit.metrics import Metrics
    from servicekit.ratelimit import RateLimit

__all__ = ["CORRELATION", "PROBES", "Gate", "Policy"]

PROBES: Final = frozenset(("/health", "/ready", "/healthz", "/metrics"))
_DOCUMENTS: Final = frozenset(("/docs", "/redoc"))
_OWN: Final = PROBES | _DOCUMENTS | {"/openapi.json"}
_READS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH", "DELETE"))
_DOCUMENT_HEADERS: Final[RawHeaders] = [
    *(pair for pair in SECURITY if pair[0] != b"content-security-policy"),
    (b"content-security-policy", DOCUMENTS_POLICY),
]

CORRELATION: Final[contextvars.ContextVar[str]] = contextvars.ContextVar(
    "correlation_id", default=""
)


@dataclass(frozen=True)
class Policy:
    """What the gate asks of a request.

    Attributes:
        rules: the first whose path begins the request's says the role; without one,
            reading needs a viewer and anything else an editor.
        public: paths that anybody may read.
    """

    clients: Clients
    limit: RateLimit
    cross_origin: CrossOrigin
    authenticator: Authenticator
    max_body: int
    rules: Sequence[Rule] = ()
    public: frozenset[str] = frozenset(("/openapi.json", "/docs", "/redoc"))


@dataclass(slots=True)
class _Exchange:
    """A request on its way, and what becomes its answer."""

    scope: Scope
    headers: dict[bytes, bytes]
    correlation: bytes
    client: str
    started: float
    principal: Principal = ANYBODY
    status: int = 0
    begun: bool = False
    extra: RawHeaders = field(default_factory=list)


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, policy: Policy, metrics: Metrics) -> None:
        self._app = app
        self._policy = policy
        self._metrics = metrics
        self._log = logger()
        self.draining = False
        """Whether clients are told to leave: every answer closes its connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = self._open(scope)
        self._metrics.active += 1

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._finish_headers(exchange, message)
            await send(message)

        try:
            await self._pass(exchange, receive, answer)
        finally:
            self._metrics.active -= 1
            self._close(exchange)

    def _open(self, scope: Scope) -> _Exchange:
        headers = dict(scope["headers"])
        correlation = correlation_id(headers.get(HEADER))
        peer = scope["client"][0] if scope["client"] else ""
        client = self._policy.clients.address(peer, headers.get(b"x-forwarded-for"))
        CORRELATION.set(correlation.decode())
        return _Exchange(scope, headers, correlation, client, time.perf_counter())

    async def _pass(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        scope = exchange.scope
        try:
            if scope["path"] not in PROBES:
                if self._is_preflight(exchange):
                    await self._preflight(exchange, receive, send)
                    return
                self._check(exchange)
            receive = await self._bounded(exchange, receive)
            await self._app(scope, receive, send)
        except ServiceError as error:
            if exchange.begun:
                raise
            await responses.from_error(error)(scope, receive, send)
        except ConnectionResetError:
            exchange.status = exchange.status or 499
        except Exception:  # noqa: BLE001 - the boundary: log it, tell the client
            self._log.exception(
                "unhandled_error",
                path=scope["path"],
                method=scope["method"],
                correlation_id=exchange.correlation.decode(),
            )
            if not exchange.begun:
                await responses.from_error(internal())(scope, receive, send)

    def _check(self, exchange: _Exchange) -> None:
        policy, scope = self._policy, exchange.scope
        if not policy.clients.may_enter(exchange.client):
            raise forbidden("this address may not use the service")
        if policy.limit.maximum:
            self._count(exchange)
        path: str = scope["path"]
        if path not in policy.public:
            principal = policy.authenticator.identify(exchange.headers)
            exchange.principal = principal
            scope["principal"] = principal
            needed = self._needed(path, scope["method"])
            if principal.role < needed:
                raise forbidden(f"this needs the role {needed.name}")

    def _count(self, exchange: _Exchange) -> None:
        limit = self._policy.limit
        verdict = limit.take(exchange.client)
        exchange.extra = [
            (b"ratelimit-policy", limit.policy),
            (b"ratelimit-limit", b"%d" % limit.maximum),
            (b"ratelimit-remaining", b"%d" % verdict.remaining),
            (b"ratelimit-reset", b"%d" % verdict.reset),
        ]
        if not verdict.passes:
            self._metrics.rate_limited()
            raise too_many(verdict.reset)

    def _needed(self, path: str, method: str) -> Role:
        for rule in self._policy.rules:
            if path.startswith(rule.path) and method in (rule.methods or (method,)):
                return rule.role
        return Role.viewer if method in _READS else Role.editor

    async def _bounded(self, exchange: _Exchange, receive: Receive) -> Receive:
        if exchange.scope["method"] not in _WITH_BODY:
            return receive
        limit, length = self._policy.max_body, exchange.headers.get(b"content-length")
        if length is not None and length.isdigit():
            if len(length) > 12 or int(length) > limit:
                raise too_large(limit)
            return receive
        if b"transfer-encoding" not in exchange.headers:
            return receive
        return _replay(await responses.read_body(receive, limit), receive)

    def _is_preflight(self, exchange: _Exchange) -> bool:
        return (
            exchange.scope["method"] == "OPTIONS"
            and b"access-control-request-method" in exchange.headers
            and b"origin" in exchange.headers
        )

    async def _preflight(
        self, exchange: _Exchange, receive: Receive, send: Send
    ) -> None:
        found = self._policy.cross_origin.preflight(exchange.headers[b"origin"])
        exchange.scope["route_template"] = "preflight"
        await responses.empty(204, *found)(exchange.scope, receive, send)

    def _finish_headers(self, exchange: _Exchange, message: Message) -> None:
        exchange.begun = True
        exchange.status = message["status"]
        path = exchange.scope["path"]
        added = [
            *message.get("headers", ()),
            *(_DOCUMENT_HEADERS if path in _DOCUMENTS else SECURITY),
            (HEADER, exchange.correlation),
            *exchange.extra,
        ]
        origin = exchange.headers.get(b"origin")
        if origin is not None and exchange.scope["method"] != "OPTIONS":
            added += self._policy.cross_origin.answer(origin)
        if self.draining:
            added.append((b"connection", b"close"))
        message["headers"] = added

    def _close(self, exchange: _Exchange) -> None:
        scope = exchange.scope
        seconds = time.perf_counter() - exchange.started
        route = _template(scope)
        method, status = scope["method"], exchange.status or 499
        self._metrics.observe(method, route, status, seconds)
        probe = scope["path"] in PROBES
        (self._log.debug if probe else self._log.info)(
            "http_request",
            method=method,
            path=scope["path"][:500],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            client=exchange.client,
            principal=exchange.principal.name,
            correlation_id=exchange.correlation.decode(),
        )


def _template(scope: Scope) -> str:
    found: str | None = scope.get("route_template")
    if found is None:
        found = getattr(scope.get("route"), "path", None)
    if found is None and scope["path"] in _OWN:
        found = scope["path"]
    return found or UNMATCHED


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        told: dict[str, Any] = {"type": "http.request", "body": body}
        return told | {"more_body": False}

    return again

"""One HTTP exchange for curl and wget, with redirects, proxies aside."""

from __future__ import annotations

import base64
import http.client
import socket
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Request", "UnusableURLError", "exchange", "split"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BECOME_GET: Final = frozenset({301, 302, 303})


class UnusableURLError(ValueError):
    """It is no URL of HTTP."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for, and how."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    connect_seconds: float | None = None
    verifies: bool = True
    redirects: int = 0
    unix_socket: str | None = None


def split(url: str) -> SplitResult:
    """Read a URL; without a scheme it is one of HTTP."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        is_usable = parts.scheme in {"http", "https"} and parts.hostname
        _ = parts.port
    except ValueError as error:
        raise UnusableURLError(str(error)) from error
    if not is_usable:
        raise UnusableURLError(f'"{url}" is not a URL of HTTP')
    return parts


def exchange(request: Request) -> http.client.HTTPResponse:
    """Send a request, follow redirects, and return the response with its body unread.

    Raises:
        UnusableURLError: the URL, or one it leads to, is none.
        OSError, http.client.HTTPException: the network, or what came over it.
    """
    response = _send(request)
    for _ in range(request.redirects):
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or not location:
            break
        response.read()
        becomes_get = response.status in _BECOME_GET and request.method != "HEAD"
        url = urljoin(split(request.url).geturl(), location)
        request = replace(_without_secrets(request, url), url=url)
        if becomes_get:
            request = replace(request, method="GET", body=None)
        response = _send(request)
    return response


def _send(request: Request) -> http.client.HTTPResponse:
    parts = split(request.url)
    connection = _connection(parts, request)
    connection.connect()
    if connection.sock:
        connection.sock.settimeout(None)  # only connecting has a limit of its own
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {**_authorization(parts), **request.headers}
    connection.request(request.method, path, request.body, headers)
    return connection.getresponse()


def _connection(parts: SplitResult, request: Request) -> http.client.HTTPConnection:
    host, timeout = parts.hostname or "", request.connect_seconds
    if request.unix_socket:
        return _UnixConnection(host, request.unix_socket, timeout)
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)
    import ssl  # takes longer than all else here

    context = ssl.create_default_context()
    if not request.verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(
        host, parts.port, timeout=timeout, context=context
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, host: str, path: str, timeout: float | None) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _authorization(parts: SplitResult) -> dict[str, str]:
    if not parts.username:
        return {}
    return basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def basic(credentials: str) -> dict[str, str]:
    """Return the header for `USER:PASSWORD`."""
    text = base64.b64encode(credentials.encode()).decode()
    return {"Authorization": f"Basic {text}"}


def _without_secrets(request: Request, url: str) -> Request:
    """Keep credentials from another host."""
    if split(request.url).netloc == split(url).netloc:
        return request
    kept = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in {"authorization", "cookie", "host"}
    }
    return replace(request, headers=kept)

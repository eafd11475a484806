"""Requests from one service to another, and from the command line to any of them.

Blocking, on the standard library: they are few, and a client loads quickly. A service
makes them in a thread.
"""

from __future__ import annotations

import contextlib
import http.client
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from branchpg.errors import (
    BadRequest,
    BranchpgError,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    TryLater,
    Unsatisfiable,
)
from branchpg.http import codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Address", "HttpClient", "address", "http_address", "path"]

T = TypeVar("T")

_SECONDS: Final = 60.0
_PIECE: Final = 256 * 1024
_ERRORS: Final[Mapping[int, type[BranchpgError]]] = {
    error.status: error
    for error in (
        BadRequest,
        Forbidden,
        NotFound,
        Unsatisfiable,
        Conflict,
        PreconditionFailed,
        TryLater,
    )
}


class Address(msgspec.Struct, frozen=True):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address(text: str, *, default_port: int | None = None) -> Address:
    """Read `host:port`, `:port`, `[::1]:port` or `http://host:port`."""
    bare = text.removeprefix("http://").rstrip("/")
    host, colon, port = bare.rpartition(":")
    if not colon or bare.endswith("]"):
        host, port = bare, str(default_port or "")
    if not port.isdecimal() or int(port) > 65535:
        raise BadRequest(f'"{text}" is no address', hint="write host:port")
    return Address(host.strip("[]") or "127.0.0.1", int(port))


def http_address(text: str, *, http_port: int, pg_port: int) -> Address:
    """Read the address of a service's HTTP interface.

    Compose files made for Neon name the port of the other protocol; by its usual number
    it stands for the usual one of HTTP.
    """
    found = address(text, default_port=http_port)
    return Address(found.host, http_port) if found.port == pg_port else found


class HttpClient:
    """The HTTP interface of one service."""

    def __init__(self, to: Address, *, token: str | None = None) -> None:
        self.address = to
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, wanted: type[T], *, within: float = _SECONDS) -> T:
        """Return what a resource is."""
        return codec.decode(self.raw("GET", path, within=within), wanted)

    def send(
        self,
        method: str,
        path: str,
        content: object,
        wanted: type[T],
        *,
        within: float = _SECONDS,
    ) -> T:
        """Send a JSON body, and return the answer."""
        data = codec.encode(content)
        return codec.decode(self.raw(method, path, data, within=within), wanted)

    def save(self, path: str, target: str, *, size: int) -> None:
        """Write the first bytes of a resource to a new file, piece by piece.

        Raises:
            BranchpgError: as for `raw`; TryLater also where it breaks off.
        """
        with self._asked("GET", path, None, {"Range": f"bytes=0-{size - 1}"}) as answer:
            written = 0
            with open(target, "xb") as file:
                while piece := answer.read(_PIECE):
                    written += file.write(piece)
        if written != size:
            raise TryLater(f"{self.address} broke off after {written} of {size} bytes")

    def raw(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        *,
        within: float = _SECONDS,
    ) -> bytes:
        """Make one request, and return the bytes of the answer.

        Raises:
            BranchpgError: of the class that the status stands for; TryLater where
                nobody answers.
        """
        with self._asked(method, path, data, {}, within=within) as response:
            return response.read()

    @contextlib.contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        *,
        within: float = _SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        host, port = self.address.host, self.address.port
        connection = http.client.HTTPConnection(host, port, timeout=within)
        try:
            connection.request(method, path, data, {**self._headers, **headers})
            response = connection.getresponse()
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise _failure(response.status, response.read())
            yield response
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            raise TryLater(
                f"no answer from {self.address}: {error!r}",
                hint="is the service running?",
            ) from error
        finally:
            connection.close()


def path(*parts: str, **query: object) -> str:
    """Return `/v1/a/b?query`, quoted; what is None is left out."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    joined = "/v1/" + "/".join(quote(part, safe="") for part in parts)
    return f"{joined}?{urlencode(given)}" if given else joined


class _Told(msgspec.Struct):
    msg: str = ""
    hint: str | None = None


def _failure(status: int, content: bytes) -> BranchpgError:
    try:
        told = codec.decode(content, _Told)
    except BadRequest:
        told = _Told(content.decode(errors="replace")[:1000])
    kind = _ERRORS.get(status, BranchpgError)
    return kind(told.msg.removeprefix(kind.prefix), hint=told.hint)

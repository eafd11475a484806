"""A client that keeps its connection, and answers without opinions."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchpg_harness import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60.0

wait_for = functools.partial(stack.wait_for, within=DEADLINE)


@dataclass(frozen=True)
class Answer:
    """What a service answered; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.json["success"] is True, self.body
        return self.json["data"]

    @property
    def error(self) -> str:
        assert self.json["success"] is False, self.body
        assert isinstance(self.json["message"], str)
        return str(self.json["error"])

    @property
    def fields(self) -> list[str]:
        return [one["field"] for one in self.json.get("errors", [])]


class Client:
    """Requests to one service. Not to be shared between threads."""

    def __init__(self, port: int, base: str = "/api/v1", **headers: str) -> None:
        self.port = port
        self.base = base
        self.headers = {key.replace("_", "-"): value for key, value in headers.items()}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> Answer:
        """Make a request; a path that begins with // is a whole one."""
        where = path[1:] if path.startswith("//") else self.base + path
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        told = {"content-type": "application/json", **self.headers, **given}
        try:
            self._connection.request(method, where, data, told)
            found = self._connection.getresponse()
        except OSError:
            self._connection.close()
            raise
        names = {key.lower(): value for key, value in found.getheaders()}
        return Answer(found.status, names, found.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self("DELETE", path, **headers)

    def item(self, **given: Any) -> dict[str, Any]:
        """Make an item, and return it."""
        wanted = {"title": "A title", "description": "Words", "category": "dashboard"}
        answer = self.post("/items", wanted | given)
        assert answer.status == 201, answer
        return answer.data

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Told:
    """An event as it came."""

    id: str
    kind: str
    data: Any


class Listener:
    """A stream of events, read as it comes."""

    def __init__(self, port: int, path: str = "/api/v1/events", **headers: str) -> None:
        self.last = headers.get("Last_Event_ID", "")
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        lines = [f"GET {path} HTTP/1.1", "Host: test"]
        lines += [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        if self.status == 200:
            self.next_id()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._socket.close()

    def _lines(self) -> Iterator[str]:
        while True:
            size = self._file.readline().strip()
            if not size or int(size, 16) == 0:
                return
            piece = self._file.read(int(size, 16))
            self._file.readline()
            yield from piece.decode().split("\n")

    def blocks(self) -> Iterator[dict[str, str]]:
        """Yield what stands between empty lines, comments too."""
        found: dict[str, str] = {}
        if not hasattr(self, "_source"):
            self._source = self._lines()
        for line in self._source:
            if line:
                name, _, value = line.partition(": " if line[0] != ":" else "\0")
                found[name] = value
            elif found:
                yield found
                found = {}

    def next_id(self) -> None:
        """Read as far as the first id."""
        for block in self.blocks():
            if "id" in block:
                self._first = block
                self.last = block["id"]
                return

    def next(self) -> Told | None:
        """Return the next event; None where the stream ends."""
        pending, self._first = getattr(self, "_first", None), None
        for block in itertools_chain(pending, self.blocks()):
            if "event" in block:
                self.last = block["id"]
                return Told(block["id"], block["event"], json.loads(block["data"]))
        return None

    def take(self, count: int) -> list[Told]:
        """Return this many events."""
        found = [self.next() for _ in range(count)]
        assert None not in found, found
        return found  # type: ignore[return-value]


def itertools_chain(
    first: dict[str, str] | None, rest: Iterator[dict[str, str]]
) -> Iterator[dict[str, str]]:
    if first is not None:
        yield first
    yield from rest

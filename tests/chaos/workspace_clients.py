"""Clients of the workspace API that write down what was acknowledged, and what was not.

Each keeps one connection, as a browser does. What ends a request:

acknowledged   201: the item is there, once, from then on
refused        503 with Retry-After: nothing is known to have been done
lost           the connection ended before an answer: it may or may not have been done
wrong          anything else; there must be none of it

A connection ends with the process behind it, and no proxy can say whether a request
that was on its way was carried out: such a POST is sent again with the same
Idempotency-Key, which makes it one item, whatever happened.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Client", "Record", "run_clients"]

_SECONDS = 20.0
_PAUSE = 0.05


@dataclass
class Record:
    """What the clients saw.

    Attributes:
        acknowledged: titles of items whose creation was acknowledged -> their ids.
        sent: titles of all items that were ever sent.
        outcomes: how requests ended.
        wrong: what must not be, in words.
        successes: when requests succeeded, in seconds of the monotonic clock.
    """

    acknowledged: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)

    def recovered_after(self, moment: float) -> float | None:
        """Return how long after a moment the next request succeeded, if one did."""
        later = [one for one in self.successes if one >= moment]
        return later[0] - moment if later else None


class _Lost(Exception):
    """The connection ended without an answer."""


class Client:
    """One client: it writes an item, reads it back, and so on."""

    def __init__(self, number: int, port: int, record: Record) -> None:
        self._number = number
        self._port = port
        self._record = record
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, done: asyncio.Event) -> None:
        """Write and read until the end is told."""
        for round_number in itertools.count():
            if done.is_set():
                break
            title = f"client {self._number} round {round_number}"
            self._record.sent.add(title)
            number = await self._create(title, done)
            if number is not None:
                await self._read(number, title)
        self._close()

    async def _create(self, title: str, done: asyncio.Event) -> str | None:
        content = {"title": title, "description": "x", "category": "dashboard"}
        key = {"Idempotency-Key": title.replace(" ", "-")}
        while True:
            answer = await self._request("POST", "/api/v1/items", content, key)
            if answer is not None:
                number = str(answer["id"])
                known = self._record.acknowledged.setdefault(title, number)
                if known != number:
                    self._record.wrong.append(f"{title}: {known}, then {number}")
                return number
            if done.is_set():
                return None
            await asyncio.sleep(_PAUSE)

    async def _read(self, number: str, title: str) -> None:
        answer = await self._request("GET", f"/api/v1/items/{number}")
        if answer is not None and answer["title"] != title:
            self._record.wrong.append(f"{number} is {answer['title']!r}, not {title!r}")

    async def _request(
        self,
        method: str,
        path: str,
        content: object = None,
        more: dict[str, str] | None = None,
    ) -> dict[str, str] | None:
        """Return the data of a request that succeeded, None of one that did not."""
        record = self._record
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._exchange(method, path, content, more)
        except (_Lost, OSError):
            record.outcomes["lost"] += 1
            self._close()
            return None
        except TimeoutError:
            record.wrong.append(f"{method} {path}: no answer within {_SECONDS} s")
            self._close()
            return None
        status, headers, body = answer
        record.outcomes[str(status)] += 1
        if status in {200, 201}:
            record.successes.append(time.monotonic())
            found: dict[str, str] = json.loads(body)["data"]
            return found
        if status != 503 or "retry-after" not in headers:
            record.wrong.append(f"{method} {path}: {status} {headers} {body[:200]!r}")
        return None

    async def _exchange(
        self,
        method: str,
        path: str,
        content: object,
        more: dict[str, str] | None,
    ) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        body = b"" if content is None else json.dumps(content).encode()
        head = {
            "Host": "localhost",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(more or {}),
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        try:
            await writer.drain()
            first = await reader.readline()
            if not first.endswith(b"\n"):
                raise _Lost
            headers = {}
            while (line := await reader.readline()) not in {b"\r\n", b""}:
                name, _, value = line.decode().partition(":")
                headers[name.strip().lower()] = value.strip()
            answer = await reader.readexactly(int(headers.get("content-length", "0")))
        except asyncio.IncompleteReadError as error:
            raise _Lost from error
        if headers.get("connection", "").lower() == "close":
            self._close()
        return int(first.split()[1]), headers, answer

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def run_clients(
    count: int, port: int, record: Record, done: asyncio.Event
) -> None:
    """Run so many clients beside each other until the end is told."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(Client(number, port, record).run(done))

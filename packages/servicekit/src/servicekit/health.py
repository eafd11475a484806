"""Probes: is the process alive, may it get requests, and how is what it leans on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from servicekit.responses import encode, json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from servicekit.metrics import Metrics
    from servicekit.responses import Answer

__all__ = ["Check", "Health"]

_SECONDS: Final = 2.0
"""How long a check may take."""


@dataclass(frozen=True)
class Check:
    """Something that the service leans on.

    Attributes:
        probe: says in a few words how it is, or raises.
        critical: without it the service does not work; otherwise it works less well.
    """

    name: str
    probe: Callable[[], Awaitable[str]]
    critical: bool = True


class Health:
    """Answers the probes of one service."""

    def __init__(self, service: str, version: str, metrics: Metrics) -> None:
        self._about = {"service": service, "version": version}
        self._started = time.monotonic()
        self._metrics = metrics
        self.checks: list[Check] = []
        self.draining = False

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the probes and of the metrics."""
        return [
            Route("/health", self._health),
            Route("/ready", self._ready),
            Route("/healthz", self._alive),
            Route("/metrics", self._show_metrics),
        ]

    async def _health(self, _request: Request) -> Answer:
        return await self._report(self.checks)

    async def _ready(self, _request: Request) -> Answer:
        return await self._report([one for one in self.checks if one.critical])

    async def _alive(self, _request: Request) -> Answer:
        told = {
            "status": "healthy",
            "service": self._about["service"],
            "uptime": self._uptime,
        }
        return json_answer(200, encode(told))

    async def _show_metrics(self, _request: Request) -> Answer:
        answer = json_answer(200, self._metrics.text())
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        answer.headers[0] = kind
        return answer

    @property
    def _uptime(self) -> float:
        return round(time.monotonic() - self._started, 3)

    async def _report(self, checks: list[Check]) -> Answer:
        started = time.perf_counter()
        results = await asyncio.gather(*(_look(check) for check in checks))
        found = dict(zip((check.name for check in checks), results, strict=True))
        bad = [check for check in checks if found[check.name]["status"] != "healthy"]
        status = "healthy"
        if self.draining or any(check.critical for check in bad):
            status = "unhealthy"
        elif bad:
            status = "degraded"
        told = {
            "status": status,
            **self._about,
            "timestamp": datetime.now(UTC).isoformat(),
            "uptime": self._uptime,
            "checks": found,
            "responseTime": _milliseconds(started),
        }
        if self.draining:
            told["message"] = "the service is shutting down"
        return json_answer(503 if status == "unhealthy" else 200, encode(told))


async def _look(check: Check) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_SECONDS):
            message, status = await check.probe(), "healthy"
    except TimeoutError:
        message, status = f"no answer within {_SECONDS:.0f} s", "unhealthy"
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the probe tells it
        message, status = str(error) or type(error).__name__, "unhealthy"
    return {
        "status": status,
        "message": message,
        "responseTime": _milliseconds(started),
    }


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 3)

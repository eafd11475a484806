"""Health checks with the timing of Docker's engine.

The first probe comes one interval after the start, each next one an interval after the
end of the one before. Failures within `start_period` do not count, and until a first
success the interval is `start_interval` there.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stackyard.engine.process.containers import Health

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stackyard.engine.process.spec import Probe


@dataclass(frozen=True)
class Streak:
    """What the probes said so far: the health, and failures in a row."""

    health: Health = Health.STARTING
    failures: int = 0

    def after(self, probe: Probe, *, passed: bool, uptime: float) -> Streak:
        """Return the streak after one more probe, `uptime` seconds after the start."""
        if passed:
            return Streak(Health.HEALTHY)
        if self.health is Health.STARTING and uptime < probe.start_period:
            return self
        failures = self.failures + 1
        if failures >= probe.retries:
            return Streak(Health.UNHEALTHY, failures)
        return replace(self, failures=failures)

    def interval(self, probe: Probe, *, uptime: float) -> float:
        """Return the seconds until the next probe."""
        starting = self.health is Health.STARTING and uptime < probe.start_period
        return probe.start_interval if starting else probe.interval


@dataclass(frozen=True)
class Result:
    """What one probe said."""

    code: int
    output: str = ""
    timed_out: bool = False

    @property
    def passed(self) -> bool:
        """Whether it says the service is healthy."""
        return self.code == 0 and not self.timed_out


async def watch(
    probe: Probe,
    run: Callable[[], Awaitable[Result]],
    report: Callable[[Streak, Result], None],
    *,
    streak: Streak,
    started_at: float,
    at_once: bool,
) -> None:
    """Probe forever.

    Args:
        probe: the check.
        run: runs it once.
        report: is told of every result.
        streak: where it stands; not the beginning after a supervisor took over.
        started_at: `time.monotonic()` of the service's start.
        at_once: whether the first probe does not wait for an interval.
    """
    if not at_once:
        await asyncio.sleep(streak.interval(probe, uptime=0.0))
    while True:
        result = await run()
        uptime = time.monotonic() - started_at
        streak = streak.after(probe, passed=result.passed, uptime=uptime)
        report(streak, result)
        await asyncio.sleep(streak.interval(probe, uptime=uptime))

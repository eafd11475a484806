"""Health: what probes in a row mean, and when they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from stackyard.engine.process.containers import Health
from stackyard.engine.process.spec import Command, Probe
from stackyard.engine.process.supervisor import health
from stackyard.engine.process.supervisor.health import Result, Streak, watch

_COMMAND = Command(argv=("check",))


def after(probe: Probe, *results: tuple[float, bool]) -> list[str]:
    """The health after each probe, given as (uptime, passed)."""
    streak = Streak()
    shown = []
    for uptime, passed in results:
        streak = streak.after(probe, passed=passed, uptime=uptime)
        shown.append(f"{streak.health} {streak.failures}")
    return shown


def test_one_success_is_enough():
    assert after(Probe(command=_COMMAND), (30, True)) == ["healthy 0"]


def test_failures_in_a_row():
    probe = Probe(command=_COMMAND, retries=2)
    assert after(probe, (1, False), (2, False), (3, True), (4, False)) == [
        "starting 1",
        "unhealthy 2",
        "healthy 0",
        "healthy 1",
    ]


def test_failures_in_the_start_period_do_not_count():
    probe = Probe(command=_COMMAND, retries=1, start_period=10)
    assert after(probe, (1, False), (9, False), (10, False)) == [
        "starting 0",
        "starting 0",
        "unhealthy 1",
    ]


def test_a_success_ends_the_start_period():
    probe = Probe(command=_COMMAND, retries=1, start_period=10)
    assert after(probe, (1, True), (2, False)) == ["healthy 0", "unhealthy 1"]


@pytest.mark.parametrize(
    ("streak", "uptime", "expected"),
    [
        (Streak(), 0.0, 5.0),
        (Streak(), 9.9, 5.0),
        (Streak(), 10.0, 30.0),
        (Streak(Health.HEALTHY), 1.0, 30.0),
        (Streak(Health.UNHEALTHY), 1.0, 30.0),
    ],
)
def test_intervals(streak: Streak, uptime: float, expected: float):
    probe = Probe(command=_COMMAND, start_period=10.0)
    assert streak.interval(probe, uptime=uptime) == expected


@dataclass
class Clock:
    """Time that passes only when somebody sleeps; it ends after a while."""

    end: float
    now: float = 100.0
    probes: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self.end:
            raise asyncio.CancelledError

    def moments(self, probe: Probe, takes: float = 0.0, **options: bool) -> list[float]:
        async def run() -> Result:
            self.probes.append(self.now - 100.0)
            self.now += takes
            return Result(code=1)

        async def main() -> None:
            await watch(
                probe,
                run,
                lambda *_: None,
                streak=Streak(),
                started_at=100.0,
                at_once=options.get("at_once", False),
            )

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())
        return self.probes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(end=200.0)
    monkeypatch.setattr(health.asyncio, "sleep", clock.sleep)
    monkeypatch.setattr(health.time, "monotonic", clock.monotonic)
    return clock


def test_the_first_probe_comes_after_an_interval(clock: Clock):
    assert clock.moments(Probe(command=_COMMAND)) == [30, 60, 90]


def test_an_interval_begins_when_a_probe_ends(clock: Clock):
    assert clock.moments(Probe(command=_COMMAND), takes=10.0) == [30, 70]


def test_the_start_interval(clock: Clock):
    probe = Probe(command=_COMMAND, start_period=12.0)
    assert clock.moments(probe) == [5, 10, 15, 45, 75]


def test_after_a_take_over_the_first_probe_comes_at_once(clock: Clock):
    assert clock.moments(Probe(command=_COMMAND), at_once=True) == [0, 30, 60, 90]


def test_too_long_is_a_failure():
    assert not Result(code=0, timed_out=True).passed
    assert Result(code=0).passed

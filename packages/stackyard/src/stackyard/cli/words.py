"""How Docker words what lists of containers show: ages, states, ports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from stackyard.engine.process.containers import Container, Health, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.protocol import Publisher, Shown

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_PREFIXES: Final = "kMGTPEZY"


def duration(seconds: float) -> str:
    """Return how long something is, in the one unit that says most."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < _MINUTE:
        return "1 second" if whole == 1 else f"{whole} seconds"
    minutes = whole // _MINUTE
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = int(whole / _HOUR + 0.5)
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    for limit, size, unit in ((14, 1, "days"), (60, 7, "weeks"), (730, 30, "months")):
        if days < limit:
            return f"{days // size} {unit}"
    return f"{days // 365} years"


def ago(then: int, now: int | None = None) -> str:
    """Return how long ago a time in nanoseconds was."""
    return f"{duration(_since(then, now))} ago"


def _since(then: int, now: int | None) -> float:
    return max(0, (time.time_ns() if now is None else now) - then) / _SECOND


def status(container: Container, now: int | None = None) -> str:
    """Return the state as `docker ps` words it."""
    state = container.state
    if state is State.CREATED:
        return "Created"
    if state is State.DEAD:
        return "Dead"
    if state is State.RESTARTING:
        return f"Restarting ({container.exit_code}) {ago(container.finished_at, now)}"
    if state is State.EXITED:
        return f"Exited ({container.exit_code}) {ago(container.finished_at, now)}"
    text = f"Up {duration(_since(container.started_at, now))}"
    if state is State.PAUSED:
        return f"{text} (Paused)"
    if container.health is Health.STARTING:
        return f"{text} (health: starting)"
    return f"{text} ({container.health})" if container.health else text


def publishers(shown: Shown) -> list[dict[str, object]]:
    """Return the ports of a container that runs, those that are not published too."""
    if not shown.container.up:
        return []
    published = {(item.target, item.protocol) for item in shown.ports}
    found = [
        _publisher(item.host, item.target, item.port, item.protocol)
        for item in shown.ports
    ]
    found += [
        _publisher("", port, 0, "tcp")
        for port in shown.exposed
        if (port, "tcp") not in published
    ]
    return sorted(
        found,
        key=lambda item: (
            str(item["URL"]),
            item["TargetPort"],
            item["PublishedPort"],
            str(item["Protocol"]),
        ),
    )


def _publisher(host: str, target: int, port: int, protocol: str) -> dict[str, object]:
    return {
        "URL": host,
        "TargetPort": target,
        "PublishedPort": port,
        "Protocol": protocol,
    }


def ports(shown: Shown) -> str:
    """Return the ports as `docker ps` prints them, neighbours as one range."""
    ranges: list[list[tuple[str, int, int, str]]] = []
    for item in publishers(shown):
        one = (
            str(item["URL"]),
            int(str(item["TargetPort"])),
            int(str(item["PublishedPort"])),
            str(item["Protocol"]),
        )
        if ranges and _follows(ranges[-1][-1], one):
            ranges[-1].append(one)
        else:
            ranges.append([one])
    return ", ".join(_range(group) for group in ranges)


def _follows(before: tuple[str, int, int, str], one: tuple[str, int, int, str]) -> bool:
    host, target, port, protocol = before
    following = port + 1 if port else 0
    return one == (host, target + 1, following, protocol)


def _range(group: list[tuple[str, int, int, str]]) -> str:
    host, target, port, protocol = group[0]
    _, last, last_port, _ = group[-1]
    text = f"{target}-{last}" if last != target else str(target)
    if not port:
        return f"{text}/{protocol}"
    outer = f"{port}-{last_port}" if last_port != port else str(port)
    return f"{address(host)}:{outer}->{text}/{protocol}"


def address(host: str) -> str:
    """Return a host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def endpoint(publisher: Publisher) -> str:
    """Return `HOST:PORT`."""
    return f"{address(publisher.host)}:{publisher.port}"


def size(count: float, *, binary: bool = False) -> str:
    """Return a number of bytes as Docker prints it: `1.5kB`, or `1.5KiB`."""
    base = 1024.0 if binary else 1000.0
    unit = ""
    for prefix in _PREFIXES:
        if count < base:
            break
        count /= base
        unit = f"{prefix.upper()}i" if binary else prefix
    return f"{count:.4g}{unit}B"


def ellipsis(text: str, width: int) -> str:
    """Return a text that is no longer than this; an ellipsis ends one that was."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def moment(nanoseconds: int) -> str:
    """Return a time as Go prints it: `2006-01-02 15:04:05 +0000 UTC`."""
    seconds = nanoseconds // _SECOND
    return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(seconds))


def joined(labels: dict[str, str]) -> str:
    """Return labels as `k=v,k=v`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def without_project(name: str, project: str) -> str:
    """Return a container's name as logs show it: `web-1` for `demo-web-1`."""
    return name.removeprefix(f"{project}-")


def unique(items: Iterable[str]) -> list[str]:
    """Return items once, in order."""
    return list(dict.fromkeys(items))

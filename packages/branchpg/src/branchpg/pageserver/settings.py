"""Settings of tenants, by Neon's names, and durations as Neon writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULTS", "check", "duration", "effective", "seconds"]

DEFAULTS: Final[Mapping[str, Any]] = {
    "pitr_interval": "7 days",
    "gc_horizon": 64 * 1024 * 1024,
    "gc_period": "1 hr",
    "checkpoint_distance": 256 * 1024 * 1024,
    "checkpoint_timeout": "10 m",
    "lsn_lease_length": "10 m",
    "lsn_lease_length_for_ts": "1 m",
    "spares": 1,
}
"""What applies where a tenant says nothing else; sizes are bytes."""

_DURATION: Final = re.compile(
    r"(\d+)\s*(ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> timedelta:
    """Read `7 days`, `1 hr`, `90s`, `1h 30m`; raise BadRequest for anything else."""
    found = list(_DURATION.finditer(text))
    rest = _DURATION.sub("", text).strip()
    if rest or not found:
        raise BadRequest(
            f'invalid duration "{text}"', hint='it looks like "7 days" or "1 hr"'
        )
    total = 0.0
    for match in found:
        unit = match[2] if match[2] == "ms" else match[2][0]
        total += int(match[1]) * _UNITS[unit]
    return timedelta(seconds=total)


def seconds(config: Mapping[str, Any], name: str) -> float:
    """Return a setting that is a duration, in seconds."""
    return duration(str(effective(config)[name])).total_seconds()


def effective(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings, a tenant's own before the defaults."""
    return {**DEFAULTS, **config}


def check(config: Mapping[str, Any]) -> None:
    """Raise BadRequest for a setting that is unknown or of the wrong kind."""
    for name, value in config.items():
        if name not in DEFAULTS:
            raise BadRequest(
                f'unknown setting "{name}"', hint=f"there are {', '.join(DEFAULTS)}"
            )
        if isinstance(DEFAULTS[name], str):
            duration(str(value))
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise BadRequest(f'"{name}" is a number, not {value!r}')

"""When a container that ended is started again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackyard.engine.process.spec import Restart

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 60.0


def restart_delay(
    policy: Restart, *, code: int, ran_for: float, restarts: int
) -> float | None:
    """Return the seconds until a container is restarted, or None if it is not.

    Args:
        policy: of its service.
        code: its exit code.
        ran_for: seconds it ran.
        restarts: how often the policy restarted it in a row. A run of `policy.window`
            seconds ends the row (the engine's back-off: 100 ms, doubling to one
            minute, reset after a run of ten seconds).
    """
    if policy.policy == "no" or (policy.policy == "on-failure" and code == 0):
        return None
    row = 0 if ran_for >= policy.window else restarts
    if policy.attempts and row >= policy.attempts:
        return None
    if policy.delay:
        return policy.delay
    return min(_FIRST_DELAY * 2.0 ** min(row, 32), _LONGEST_DELAY)

"""When a container that ended is started again."""

from __future__ import annotations

import pytest

from stackyard.engine.process.spec import Restart
from stackyard.engine.process.supervisor.policy import restart_delay


@pytest.mark.parametrize(
    ("policy", "code", "ran_for", "restarts", "expected"),
    [
        (Restart(), 1, 0.0, 0, None),
        (Restart(policy="no"), 0, 0.0, 0, None),
        (Restart(policy="always"), 0, 0.0, 0, 0.1),
        (Restart(policy="unless-stopped"), 0, 0.0, 0, 0.1),
        (Restart(policy="on-failure"), 0, 0.0, 0, None),
        (Restart(policy="on-failure"), 1, 0.0, 0, 0.1),
        (Restart(policy="always"), 1, 0.0, 1, 0.2),
        (Restart(policy="always"), 1, 0.0, 9, 51.2),
        (Restart(policy="always"), 1, 0.0, 10, 60.0),
        (Restart(policy="always"), 1, 0.0, 10**9, 60.0),
        (Restart(policy="always"), 1, 9.9, 3, 0.8),
        (Restart(policy="always"), 1, 10.0, 3, 0.1),
        (Restart(policy="on-failure", attempts=3), 1, 0.0, 2, 0.4),
        (Restart(policy="on-failure", attempts=3), 1, 0.0, 3, None),
        (Restart(policy="on-failure", attempts=3), 1, 10.0, 3, 0.1),
        (Restart(policy="always", delay=7.0), 1, 0.0, 5, 7.0),
        (Restart(policy="always", delay=7.0, attempts=1), 1, 0.0, 1, None),
        (Restart(policy="always", window=60.0), 1, 59.0, 2, 0.4),
    ],
)
def test_delays(
    policy: Restart, code: int, ran_for: float, restarts: int, expected: float | None
):
    delay = restart_delay(policy, code=code, ran_for=ran_for, restarts=restarts)
    assert delay == expected

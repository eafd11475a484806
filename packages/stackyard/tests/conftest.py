"""What all tests share: profiles, signals, and the way to the helpers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# In pytest's importlib mode a test module does not see its neighbours by itself.
sys.path.insert(0, str(Path(__file__).parent / "compose"))

# What a shell starts in the background ignores it, and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_COMMON = settings(
    deadline=None,  # pytest's timeout bounds a test, whatever one example takes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
# The same examples each time: a change is not blamed for what another run finds.
settings.register_profile(
    "ci", _COMMON, max_examples=60, derandomize=True, database=None
)
settings.register_profile("thorough", _COMMON, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

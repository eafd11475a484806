"""Logs: what they cost a process that writes JSON only."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
import servicekit.logs
assert "rich" not in sys.modules, "4 MB for nothing"
import rich
servicekit.logs.configure("test", "info")
servicekit.logs.logger().info("it_works", number=1)
"""


def test_what_renders_for_terminals_is_not_loaded_and_can_be_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert '"it_works"' in done.stdout

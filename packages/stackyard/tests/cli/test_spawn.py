"""What the command runs on its own terminal gets the signals that were meant for it."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent


def test_a_signal_that_a_program_asks_for_at_once_reaches_it() -> None:
    """It runs before the command does: on the same processor, and preferred."""
    command = """
        import os
        from stackyard.cli.spawn import Program

        script = (
            "trap 'exit 9' TERM; kill -TERM $PPID;"
            "while kill -0 $PPID; do sleep 0.02; done"
        )
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        child = Program(
            ("sh", "-c", script),
            environment={"PATH": os.defpath},
            directory="/",
            account=None,
            umask=0o022,
        ).fork()
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        raise SystemExit(child.run())
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", dedent(command)], timeout=30, check=False
    )

    assert done.returncode == 9

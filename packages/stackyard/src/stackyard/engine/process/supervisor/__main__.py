"""`python -m stackyard.engine.process.supervisor ROOT NAME READY`.

ROOT is the state root, NAME the project, READY a descriptor that gets one byte: a line
feed once the supervisor answers, `HELD` if there is a supervisor already.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Run until the project is down."""
    gc.disable()  # until it serves: nothing that is imported is garbage
    # asyncio does without TLS if it cannot be imported. We use none, and save 4 MB.
    sys.modules["ssl"] = None  # type: ignore[assignment]
    from stackyard.engine.process.lock import HELD, take_lock
    from stackyard.engine.process.state import StateRoot
    from stackyard.engine.process.supervisor.keeper_process import begin_if_none

    state = StateRoot(Path(arguments[0])).project(arguments[1])
    lock = take_lock(state.path / "supervisor.lock")
    if lock is None:
        os.write(int(arguments[2]), HELD)
        return
    keeper = begin_if_none(state)
    # Imported while the keeper starts.
    from stackyard.engine.process.supervisor.serve import serve

    serve(state, int(arguments[2]), keeper)


if __name__ == "__main__":
    main(sys.argv[1:])

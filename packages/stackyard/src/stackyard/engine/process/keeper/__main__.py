"""`python -m stackyard.engine.process.keeper DIRECTORY PREFIX READY`.

DIRECTORY is the project's state, PREFIX what the marks of its processes begin with,
READY a descriptor that gets one byte once the keeper answers.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

from stackyard.engine.process.keeper.loop import Loop
from stackyard.engine.process.keeper.server import Server
from stackyard.engine.process.lock import take_lock
from stackyard.engine.process.sockets import listen

_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> None:
    """Run until told to shut down."""
    directory, prefix, ready = Path(arguments[0]), arguments[1], int(arguments[2])
    lock = take_lock(directory / "keeper.lock")
    if lock is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when nothing runs any more
    loop = Loop()
    path = directory / "sockets" / "keeper"
    server = Server(listen(path), directory, loop)
    server.keeper.adopt(prefix)
    os.write(ready, b"\n")
    os.close(ready)
    gc.freeze()
    loop.run(after_round=server.keeper.commit)
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The entrypoint, killed right before the nth of its steps of one kind.

    dying.py EVENT NUMBER ARGUMENT...

EVENT is one of Python's audit events; those on files count below PGDATA only.
"""

from __future__ import annotations

import os
import signal
import sys

_WITHOUT_PATH = ("subprocess.Popen", "os.exec", "ctypes.dlsym")


def install(wanted: str, number: int, data: str) -> None:
    left = number

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event != wanted:
            return
        path = str(arguments[0])
        # A relative one is of a tree that is being removed, by descriptors.
        is_ours = path.startswith(data) or not path.startswith("/")
        if event not in _WITHOUT_PATH and not is_ours:
            return
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    from stackyard.images.postgres.entrypoint import main

    install(sys.argv[1], int(sys.argv[2]), os.environ["PGDATA"])
    raise SystemExit(main(sys.argv[3:], os.environ))

"""Running a supervisor until its project is down."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from stackyard.engine.process.blocks import block_of
from stackyard.engine.process.sockets import listen
from stackyard.engine.process.supervisor.api import Api
from stackyard.engine.process.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from stackyard.engine.process.spawn import Beginning
    from stackyard.engine.process.state import ProjectState


def serve(state: ProjectState, ready: int, keeper: Beginning | None) -> None:
    """Serve a project; who calls holds its lock, and has begun a keeper if none ran."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _reap()
    asyncio.run(_serve(state, ready, keeper))


def _reap() -> None:
    """Collect the keeper whose end was the reason to begin anew."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _begin_anew(state: ProjectState) -> None:
    """Become a new supervisor: one that starts a keeper and takes over what runs."""
    ready = os.open(os.devnull, os.O_WRONLY)
    os.set_inheritable(ready, True)
    module = ("-P", "-m", "stackyard.engine.process.supervisor")
    arguments = (str(state.root.path), state.name, str(ready))
    os.execv(sys.executable, (sys.executable, *module, *arguments))


async def _serve(state: ProjectState, ready: int, keeper: Beginning | None) -> None:
    supervisor = Supervisor(
        state, block_of(state), lambda: _begin_anew(state), keeper=keeper
    )

    async def open_door() -> None:
        await Api(supervisor).serve(listen(state.socket("supervisor")))
        os.write(ready, b"\n")
        os.close(ready)
        gc.freeze()
        gc.enable()

    await supervisor.run(open_door)

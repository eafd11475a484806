"""The life of a service: one per directory, on its ports, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import logging
import os
import resource
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

from branchpg.errors import BranchpgError
from branchpg.http import codec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping

    from starlette.types import ASGIApp

    from branchpg.http.client import Address

__all__ = ["bind", "locked", "port_of", "run", "serving", "tell_ports"]

_THREADS: Final = 64  # of calls that block, long polls among them
_M_ARENA_MAX: Final = -8  # malloc.h
_BACKLOG: Final = 1024
_CLOSE_SECONDS: Final = 3


def run(main: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    """Run a service's coroutine; the event it gets is set by SIGTERM and SIGINT."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    _keep_small()
    _allow_many_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(main))


def _keep_small() -> None:
    """Let all threads share one arena: each of their own keeps what it once had."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _allow_many_files() -> None:
    """Take as many descriptors as the system gives: each session costs one or two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _until_told(
    main: Callable[[asyncio.Event], Coroutine[None, None, None]],
) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "call"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await main(told)


def bind(to: Address) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        BranchpgError: the address is in use, or not ours.
    """
    family = socket.AF_INET6 if ":" in to.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((to.host, to.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise BranchpgError(
            f"cannot listen on {to}: {error.strerror}",
            hint="another process may have the port; choose another one",
        ) from error
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an HTTP interface on a listening socket during a block."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_CLOSE_SECONDS,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`."""
        yield


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """Hold a directory for this process alone.

    Raises:
        BranchpgError: another one has it.
    """
    os.makedirs(directory, mode=0o755, exist_ok=True)
    handle = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
            raise BranchpgError(
                f'"{directory}" is in use by process {holder or "(unknown)"}',
                hint="stop that service first",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def tell_ports(directory: str, ports: Mapping[str, int]) -> None:
    """Write the ports that were taken to `ports.json`, for who started the service."""
    path = os.path.join(directory, "ports.json")
    with open(f"{path}.new", "wb") as file:
        file.write(codec.encode(ports))
    os.replace(f"{path}.new", path)


def port_of(listener: socket.socket) -> int:
    """Return the port that a listening socket has taken."""
    return int(listener.getsockname()[1])

"""A service's life: listen, serve, and on SIGTERM leave without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from servicekit.settings import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from starlette.types import ASGIApp

    from servicekit.settings import ServiceSettings

__all__ = ["listen", "listen_together", "run", "serve"]

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75


def run(
    main: Callable[[asyncio.Event], Coroutine[None, None, None]],
    *,
    gone: int | None = None,
) -> None:
    """Run a coroutine; the event that it gets is set by SIGTERM and SIGINT.

    `gone` is a file that is readable when the process that began this one is not there
    any more, which sets the event too.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(main, gone))


async def _until_told(
    main: Callable[[asyncio.Event], Coroutine[None, None, None]], gone: int | None
) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)

    def abandoned(file: int) -> None:
        loop.remove_reader(file)
        told.set()

    if gone is not None:
        loop.add_reader(gone, abandoned, gone)
    await main(told)


def listen_together(settings: ServiceSettings, count: int) -> list[socket.socket]:
    """Return listening sockets that share a port, one for each process.

    The kernel spreads connections over them. They stay open where they were made: what
    comes while a process is replaced waits for the new one.

    Raises:
        ConfigurationError: the address is in use, or not ours.
    """
    shared = settings.model_copy(update={"reuse_port": True})
    if not settings.reuse_port:
        listen(settings).close()  # Somebody else's port is not to be shared by chance.
    first = listen(shared)
    same = shared.model_copy(update={"port": first.getsockname()[1]})
    return [first, *(listen(same) for _ in range(count - 1))]


def listen(settings: ServiceSettings) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the address is in use, or not ours.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from error
    listener.setblocking(False)
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    settings: ServiceSettings,
    *,
    told: asyncio.Event,
    on_drain: Callable[[], None],
) -> None:
    """Serve until told to end, then drain.

    Draining has two steps. For `drain_seconds` new connections are still taken, while
    every answer closes its own and `/ready` says no: who balances learns it. Then the
    listener closes, and what is being answered gets `shutdown_seconds`.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # which proxies are trusted is a setting of ours
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        backlog=_BACKLOG,
    )
    server = _Server(config)
    # What was imported stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        await _first(told, serving)
        on_drain()
        if not serving.done():
            await asyncio.sleep(settings.drain_seconds)
        server.should_exit = True


async def _first(told: asyncio.Event, serving: asyncio.Task[None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(told.wait())
        await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`."""
        yield

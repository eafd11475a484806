"""A service's life: listen, bring the schema up to date, serve, drain."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Final

import asyncpg

from servicekit.errors import ServiceError
from servicekit.logs import logger
from servicekit.server import listen, listen_together, run, serve
from servicekit.settings import environment
from servicekit.workers import supervise
from workspace_api.app import assemble
from workspace_api.migrations.runner import HEAD
from workspace_api.spawn import run_self

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from workspace_api.app import Assembly
    from workspace_api.databases import Databases
    from workspace_api.settings import Settings

__all__ = ["live", "live_together"]

_RETRY_SECONDS: Final = 0.25
_RETRY_MOST: Final = 2.0
_PRUNE_SECONDS: Final = 3600.0
_ADOPT: Final = "SELECT workspace.adopt_changes()"
_REVISION: Final = "SELECT version_num FROM workspace.schema_version"


async def live(
    settings: Settings,
    told: asyncio.Event,
    *,
    loaded: tuple[Assembly, socket.socket] | None = None,
    on_listen: Callable[[int], None] | None = None,
) -> None:
    """Serve until told to end.

    The listener opens before the database is there: probes say what is missing, and
    other requests get 503 with Retry-After. `on_listen` is told the port. `loaded` are
    the parts and the listener, where they were made before.
    """
    parts, listener = loaded or (assemble(settings), listen(settings))
    log = logger()
    host, port = listener.getsockname()[:2]
    if on_listen:
        on_listen(port)
    log.info("listening", host=host, port=port, strategy=settings.library_db_strategy)
    if settings.auth_mode == "open":
        log.warning("auth_open", message="AUTH_MODE=open: whoever connects is an admin")

    def drain() -> None:
        log.info("draining")
        parts.gate.draining = parts.health.draining = True
        parts.service.events.close()

    databases = parts.service.databases
    try:
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(_prepare(settings, databases)),
                tasks.create_task(databases.close_idle()),
                tasks.create_task(_keep_small(settings, databases)),
                tasks.create_task(parts.service.events.run()),
            ]
            await serve(parts.gate, listener, settings, told=told, on_drain=drain)
            for task in background:
                task.cancel()
    finally:
        await databases.close()
        log.info("stopped")


def live_together(settings: Settings) -> None:
    """Serve in several processes, which share what is loaded here."""
    parts = assemble(settings)
    listeners = listen_together(settings, settings.workers)

    def work(number: int, gone: int) -> None:
        mine = listeners.pop(number)
        leave()
        loaded = (parts, mine)
        run(functools.partial(live, settings, loaded=loaded), gone=gone)

    def leave() -> None:
        # A listener is closed when nobody has it open any more.
        for listener in listeners:
            listener.close()

    supervise(settings.workers, work, on_told=leave)


async def _prepare(settings: Settings, databases: Databases) -> None:
    """Bring the schema up to date, however long the database is not there."""
    pause = _RETRY_SECONDS
    while True:
        problem = await _brought_up(settings, databases)
        if not problem:
            databases.ready.set()
            logger().info("schema_ready", revision=HEAD)
            break
        logger().warning("schema_not_ready", error=problem[-1000:])
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _RETRY_MOST)


async def _brought_up(settings: Settings, databases: Databases) -> str:
    """Return why the schema is not the one of this release, or nothing."""
    try:
        revision = await databases.own.value(_REVISION)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        revision = None
    except (ServiceError, asyncpg.PostgresError) as error:
        return str(error)
    if revision == HEAD:
        return await _adopted(databases)
    if not settings.migrate_on_start:
        return f"the schema has revision {revision}; run: workspace-api migrate"
    # Apart from this process, which would keep what Alembic loads for ever.
    return await run_self(["migrate"], environment()) or await _adopted(databases)


async def _adopted(databases: Databases) -> str:
    """Take over the changes that a restored backup brought."""
    try:
        await databases.own.write(lambda c: c.execute(_ADOPT))
    except (ServiceError, asyncpg.PostgresError) as error:
        return str(error)
    return ""


async def _keep_small(settings: Settings, databases: Databases) -> None:
    """Remove what is too old, for ever; a database that nobody uses is left asleep."""
    last = 0.0
    while True:
        await asyncio.sleep(_PRUNE_SECONDS)
        own = databases.own
        if not databases.ready.is_set() or own.last_used <= last:
            continue
        days = (settings.audit_retention_days, settings.deleted_retention_days)
        try:
            gone = await own.value("SELECT workspace.prune($1, $2)", *days)
            logger().info("pruned", changes=gone)
        except (ServiceError, asyncpg.PostgresError) as error:
            logger().warning("not_pruned", error=str(error))
        last = own.last_used

"""One safekeeper, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import sys
from typing import TYPE_CHECKING, Final

from branchpg.http import service
from branchpg.safekeeper.registry import Registry
from branchpg.safekeeper.routes import Api
from branchpg.safekeeper.settings import identify, installed_programs
from branchpg.safekeeper.timeline import Keeping
from branchpg.safekeeper.walsender import serving

if TYPE_CHECKING:
    from branchpg.safekeeper.settings import Settings

__all__ = ["run"]

_SWITCH_SECONDS: Final = 0.0005

_log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Run a safekeeper until SIGTERM.

    Raises:
        BranchpgError: it cannot start.
    """

    async def main(told: asyncio.Event) -> None:
        await _main(settings, told)

    service.run(main)


async def _main(settings: Settings, told: asyncio.Event) -> None:
    _allow_descriptors()
    # A thread that received WAL must not wait long for one that serves some.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with service.locked(settings.directory):
        number = identify(settings.directory, settings.number)
        keeping = Keeping(installed_programs(), f"safekeeper_{number}", settings.sync)
        registry = Registry(settings.directory, keeping)
        if settings.ignored:
            _log.warning("without meaning here: %s", ", ".join(settings.ignored))
        with (
            contextlib.closing(service.bind(settings.listen_http)) as http,
            contextlib.closing(service.bind(settings.listen_pg)) as libpq,
        ):
            await asyncio.to_thread(registry.load)
            api = Api(registry, number=number, token=settings.token)
            async with (
                serving(registry, libpq, settings=settings),
                service.serving(api.application(), http),
            ):
                ports = {"http": service.port_of(http), "pg": service.port_of(libpq)}
                service.tell_ports(settings.directory, ports)
                _log.info(
                    "safekeeper %d: HTTP on port %d, replication on port %d",
                    number,
                    http.getsockname()[1],
                    libpq.getsockname()[1],
                )
                await told.wait()
                _log.info("safekeeper %d ends", number)
        await asyncio.to_thread(registry.close)


def _allow_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

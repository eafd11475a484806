"""The command `workspace-board`."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import click

from servicekit import logs
from servicekit.logs import logger
from servicekit.server import listen, run, serve
from servicekit.settings import ConfigurationError, load
from workspace_board.app import assemble
from workspace_board.files import BUILT
from workspace_board.files import load as load_files
from workspace_board.settings import NAME, Settings

if TYPE_CHECKING:
    import asyncio

__all__ = ["main"]


@click.command()
@click.version_option(package_name=NAME)
def cli() -> None:
    """Serve the workspace board. Settings come from the environment."""
    settings = load(Settings)
    logs.configure(NAME, settings.log_level)
    run(functools.partial(_live, settings))


async def _live(settings: Settings, told: asyncio.Event) -> None:
    files = load_files(BUILT)
    parts = assemble(settings, files)
    listener = listen(settings)
    host, port = listener.getsockname()[:2]
    log = logger()
    log.info("listening", host=host, port=port, api=settings.api_url, files=len(files))
    if not files:
        log.error("not_built", hint="run: make web")

    def drain() -> None:
        parts.health.draining = True

    await serve(parts.app, listener, settings, told=told, on_drain=drain)
    log.info("stopped")


def main() -> None:
    """Run the command line; a wrong setting is a message and exit code 78."""
    try:
        cli(standalone_mode=True)
    except ConfigurationError as error:
        click.echo(f"{NAME}: {error}", err=True)
        raise SystemExit(os.EX_CONFIG) from None


if __name__ == "__main__":
    main()

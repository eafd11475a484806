"""The command `workspace-api`."""

from __future__ import annotations

import functools
import os

import click

from servicekit import logs
from servicekit.server import run
from servicekit.settings import ConfigurationError, load
from workspace_api.settings import Settings, target

__all__ = ["main"]


@click.group(invoke_without_command=True)
@click.version_option(package_name="workspace-api")
@click.pass_context
def cli(context: click.Context) -> None:
    """Serve the workspace API. Settings come from the environment."""
    if context.invoked_subcommand is None:
        context.invoke(serve)


@cli.command()
def serve() -> None:
    """Serve until SIGTERM (this is what happens without a command)."""
    from workspace_api.life import live, live_together

    settings = _settings()
    logs.configure("workspace-api", settings.log_level)
    if settings.workers > 1:
        live_together(settings)
    else:
        run(functools.partial(live, settings))


@cli.command()
@click.option("--branch", help="The branch of the database; the service's own.")
@click.option("--revision", default="head", show_default=True)
def migrate(branch: str | None, revision: str) -> None:
    """Bring the schema of the database up to date."""
    from workspace_api.migrations.runner import migrate as bring_up

    bring_up(target(_settings(), branch=branch), revision)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    import json

    from workspace_api.app import assemble

    click.echo(json.dumps(assemble(_settings()).document.openapi(), indent=2))


def _settings() -> Settings:
    return load(Settings)


def main() -> None:
    """Run the command line; a wrong setting is a message and exit code 78."""
    try:
        cli(standalone_mode=True)
    except ConfigurationError as error:
        click.echo(f"workspace-api: {error}", err=True)
        raise SystemExit(os.EX_CONFIG) from None


if __name__ == "__main__":
    main()

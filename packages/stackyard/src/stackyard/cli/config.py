"""`yard config`: what `docker compose config` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import errors
from stackyard.cli.options import GlobalOptions, warn

if TYPE_CHECKING:
    from collections.abc import Callable


_LISTS = ("services", "volumes", "networks", "models", "profiles", "images")


def _flag(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, is_flag=True, help=text)


@click.command("config")
@click.argument("names", metavar="[SERVICE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    default="yaml",
    metavar="yaml|json",
    help="Format of the output  [default: yaml]",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE")
@click.option("-q", "--quiet", is_flag=True, help="Only validate, print nothing")
@_flag("--services", "Print the names of the services")
@_flag("--volumes", "Print the names of the volumes")
@_flag("--networks", "Print the names of the networks")
@_flag("--models", "Print the names of the models")
@_flag("--profiles", "Print the names of the profiles")
@_flag("--images", "Print the names of the images")
@_flag("--variables", "Print the variables and their defaults")
@_flag("--environment", "Print the environment used for interpolation")
@click.option(
    "--hash", "hashes", metavar="SERVICES", help='Print config hashes; "*" for all'
)
@_flag("--no-interpolate", "Leave variables as they are")
@_flag("--no-normalize", "Leave out what is implicit")
@_flag("--no-path-resolution", "Leave relative paths as they are")
@_flag("--no-env-resolution", "Leave env files as they are")
@_flag("--no-consistency", "Skip the check of references")
@click.option(
    "--native", metavar="SERVICE", help="Print what a service becomes natively, and why"
)
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Parse, resolve and print the Compose file.

    With names, print those services and what they depend on. Every problem of the
    files is reported, and the exit code is then 1.
    """
    with errors():
        _run(options, chosen)


def _run(options: GlobalOptions, chosen: dict[str, Any]) -> None:
    from stackyard.cli.config_views import View, document_view, project_view
    from stackyard.compose.load.context import LoadOptions

    if chosen["native"]:
        from stackyard.cli.config_native import native_text

        text = native_text(options, chosen["native"], chosen["form"])
        _print(text, chosen["output"])
        return
    view = View.of(chosen, _LISTS)
    listing = view.listed is not None or view.hashes is not None
    load_options = LoadOptions(
        interpolate=not (chosen["no_interpolate"] or chosen["variables"]),
        normalize=not chosen["no_normalize"],
        resolve_paths=not chosen["no_path_resolution"],
        # Lists need no env files, and a hash is of where variables come from.
        resolve_environment=not (chosen["no_env_resolution"] or listing),
        check_consistency=not chosen["no_consistency"],
        check_container_names=not listing,
    )
    show = project_view if load_options.interpolate else document_view
    text, warnings = show(options, load_options, view)
    warn(warnings)
    _print(text, chosen["output"])


def _print(text: str, output: str | None) -> None:
    if output is None or not text:
        click.echo(text, nl=False)
        return
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise click.ClickException(f"cannot write {output}: {reason}") from error

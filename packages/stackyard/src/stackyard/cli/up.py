"""`yard up`: create and start services, and show what they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option, switched_on
from stackyard.cli.perform import perform

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from stackyard.cli.options import GlobalOptions

    Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_ABORTING: Final = ("abort_on_container_exit", "abort_on_container_failure")
_ATTACHING: Final = ("attached", "attach_dependencies", "watch")


def _flag(names: str, text: str, *, hidden: bool = False) -> Option:
    return click.option(*names.split(), is_flag=True, help=text, hidden=hidden)


@click.command("up")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@_flag("-d --detach", "Run in the background")
@_flag("--wait", "Wait until healthy; implies -d")
@click.option("--wait-timeout", type=int, metavar="SECONDS", help="Limit of --wait")
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="SERVICE=N",
    help="Number of replicas; overrides the file",
)
@_flag("--force-recreate", "Replace even what is up to date")
@_flag("--always-recreate-deps", "Replace dependencies too")
@_flag("--no-recreate", "Replace nothing")
@_flag("-V --renew-anon-volumes", "Begin with empty unnamed volumes")
@_flag("--no-deps", "Leave dependencies alone")
@_flag("--no-start", "Create, but do not start")
@_flag("--remove-orphans", "Remove services not in the file")
@click.option("-t", "--timeout", type=int, metavar="SECONDS", help="Grace of a stop")
@_flag("--abort-on-container-exit", "Stop all when one ends")
@_flag("--abort-on-container-failure", "Stop all when one fails")
@click.option(
    "--exit-code-from",
    metavar="SERVICE",
    help="End with its exit code; implies --abort-on-container-exit",
)
@click.option(
    "--attach", "attached", multiple=True, metavar="SERVICE", help="Show only these"
)
@_flag("--attach-dependencies", "Show dependencies too")
@click.option(
    "--no-attach", "silent", multiple=True, metavar="SERVICE", help="Do not show these"
)
@_flag("--no-color", "Without colours")
@_flag("--no-log-prefix", "Without names before lines")
@_flag("--timestamps", "With times")
@_flag("-y --yes", "Answer yes to all questions")
@_flag("--build", "", hidden=True)
@_flag("--no-build", "", hidden=True)
@_flag("--quiet-build", "", hidden=True)
@_flag("--quiet-pull", "", hidden=True)
@_flag("--menu", "", hidden=True)
@_flag("-w --watch", "", hidden=True)
@click.option("--pull", hidden=True)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Create and start services, and show their output.

    Ctrl+C stops them. With -d they run in the background.
    """
    _check(chosen)
    from stackyard.cli.ordering import meaningless, order_of

    meaningless(chosen)
    detached = chosen["detach"] or chosen["wait"] or chosen["no_start"]
    with errors():
        order = order_of(options, chosen, ignore_orphans=_ignores_orphans())
        client = client_of(options)
        if detached or options.dry_run:
            perform(options, client, "up", order)
            return
        from stackyard.cli.attached import Attached, Session

        code = Session(options, client, order, Attached.of(chosen)).run()
    if code:
        raise click.exceptions.Exit(code)


def _ignores_orphans() -> bool:
    return switched_on("COMPOSE_IGNORE_ORPHANS")


def _check(chosen: dict[str, Any]) -> None:
    """Refuse options that contradict each other, in the words of Compose.

    Raises:
        click.ClickException: some do.
    """
    if chosen["exit_code_from"]:
        chosen["abort_on_container_exit"] = True
    if all(chosen[name] for name in _ABORTING):
        _refuse(
            "--abort-on-container-failure cannot be combined with "
            "--abort-on-container-exit"
        )
    if chosen["wait"]:
        if chosen["attach_dependencies"] or chosen["attached"]:
            _refuse("--wait cannot be combined with --attach or --attach-dependencies")
        if any(chosen[name] for name in _ABORTING):
            _refuse("--wait cannot be combined with --abort-on-container-exit")
    if (chosen["detach"] or chosen["wait"]) and any(
        chosen[name] for name in (*_ABORTING, *_ATTACHING)
    ):
        _refuse(
            "--wait or --detach cannot be combined with --abort-on-container-exit, "
            "--abort-on-container-failure, --attach, --attach-dependencies or --watch"
        )
    check_creation(chosen)


def check_creation(chosen: dict[str, Any]) -> None:
    """Refuse what contradicts itself in `up` and in `create`.

    Raises:
        click.ClickException: something does.
    """
    if chosen.get("build") and chosen.get("no_build"):
        _refuse("--build and --no-build are incompatible")
    if chosen.get("no_build") and chosen.get("watch"):
        _refuse("--no-build and --watch are incompatible")
    if chosen["no_recreate"]:
        for name in ("force_recreate", "renew_anon_volumes", "always_recreate_deps"):
            if chosen.get(name):
                option = name.replace("_", "-")
                _refuse(f"--no-recreate and --{option} are incompatible")
    if (chosen.get("wait_timeout") or 0) < 0:
        _refuse("--wait-timeout must be a non-negative integer")


def _refuse(text: str) -> None:
    raise click.ClickException(text)

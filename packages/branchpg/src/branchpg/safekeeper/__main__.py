"""`python -m branchpg.safekeeper`: the flags of Neon's safekeeper, and ours."""

from __future__ import annotations

import os

import click

from branchpg.errors import BranchpgError
from branchpg.http.client import address
from branchpg.http.options import read_token
from branchpg.safekeeper import service
from branchpg.safekeeper.settings import Settings, identify

_NEONS = (
    "--advertise-pg",
    "--availability-zone",
    "--broker-endpoint",
    "--heartbeat-timeout",
    "--http-auth-public-key-path",
    "--max-timeline-disk-usage-bytes",
    "--partial-backup-timeout",
    "--peer-recovery",
    "--pg-auth-public-key-path",
    "--remote-storage",
    "--wal-backup-parallel-jobs",
    "--walsenders-keep-horizon",
)
_NEONS_SWITCHES = ("--disable-wal-backup", "--dev")


def _neons(command: click.Command) -> click.Command:
    for name in _NEONS:
        command.params.append(click.Option([name], hidden=True, multiple=True))
    for name in _NEONS_SWITCHES:
        command.params.append(click.Option([name], hidden=True, is_flag=True))
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-D",
    "--datadir",
    "--workdir",
    "directory",
    default=".",
    show_default=True,
    help="Directory of the WAL.",
)
@click.option("--id", "number", type=click.IntRange(min=0), help="Its number, once.")
@click.option("--init", is_flag=True, help="Make the directory, and end.")
@click.option(
    "-l",
    "--listen-pg",
    default="127.0.0.1:5454",
    show_default=True,
    help="Address of the replication protocol; port 0 takes a free one.",
)
@click.option(
    "--listen-http",
    default="127.0.0.1:7676",
    show_default=True,
    help="Address of the HTTP interface; port 0 takes a free one.",
)
@click.option("--no-sync", is_flag=True, help="Do not force WAL to disk (tests).")
@click.option(
    "--token-file", help="File of the bearer token, also the password on --listen-pg."
)
@click.option(
    "--startup-seconds",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="How long a client of --listen-pg may take to say who it is.",
)
def main(
    *,
    directory: str,
    number: int | None,
    init: bool,
    listen_pg: str,
    listen_http: str,
    no_sync: bool,
    token_file: str | None,
    startup_seconds: float,
    **ignored: object,
) -> None:
    """Keep the WAL of computes: a synchronous standby that serves WAL, too."""
    directory = os.path.abspath(directory)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        number = identify(directory, number)
        if init:
            click.echo(f'safekeeper {number} is in "{directory}"')
            return
        settings = Settings(
            directory=directory,
            number=number,
            listen_pg=address(listen_pg),
            listen_http=address(listen_http),
            sync=not no_sync,
            token=read_token(token_file),
            startup_seconds=startup_seconds,
            ignored=_given(ignored),
        )
        service.run(settings)
    except (BranchpgError, OSError) as error:
        hint = getattr(error, "hint", None)
        words = f"{error}\nhint: {hint}" if hint else str(error)
        raise click.ClickException(words) from error


def _given(options: dict[str, object]) -> tuple[str, ...]:
    return tuple(f"--{n.replace('_', '-')}" for n, value in options.items() if value)


if __name__ == "__main__":
    _neons(main)()

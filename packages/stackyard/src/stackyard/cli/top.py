"""`yard top`: the processes of the services."""

from __future__ import annotations

import os
import pwd
import time
from typing import TYPE_CHECKING, Final

import click

from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.listing import table
from stackyard.cli.options import dry_run_option

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions

_COLUMNS: Final = (
    *("SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"),
)
_DAY: Final = 24 * 3600


@click.command("top")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, services: tuple[str, ...]) -> None:
    """Show the processes of services."""
    with errors():
        client = client_of(options)
        found = chosen_containers(client.snapshot(), services)
        rows = [
            (item.container.service, str(item.container.number), *process)
            for item in found
            if item.container.up
            for process in map(described, client.members(item.container.id))
            if process
        ]
    click.echo(table(_COLUMNS, rows), nl=False)


def described(pid: int) -> tuple[str, ...]:
    """Return the columns of `ps -ef` for a process; none if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            head, _, tail = file.read().rpartition(")")
        owner = os.stat(f"/proc/{pid}").st_uid
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").replace(b"\0", b" ")
    except (FileNotFoundError, ProcessLookupError):
        return ()
    fields = tail.split()
    ticks = os.sysconf("SC_CLK_TCK")
    spent = (int(fields[11]) + int(fields[12])) // ticks
    began = time.time() - _uptime() + int(fields[19]) / ticks
    age = max(1.0, time.time() - began)
    return (
        _user(owner),
        str(pid),
        fields[1],
        str(min(99, int(spent * 100 / age))),
        _began(began),
        _terminal(int(fields[4])),
        f"{spent // 3600:02}:{spent // 60 % 60:02}:{spent % 60:02}",
        words.decode(errors="replace") or f"[{head.partition('(')[2]}]",
    )


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _began(moment: float) -> str:
    form = "%H:%M" if time.time() - moment < _DAY else "%b%d"
    return time.strftime(form, time.localtime(moment))


def _terminal(device: int) -> str:
    major, minor = os.major(device), os.minor(device)
    if not device:
        return "?"
    return f"pts/{minor}" if 136 <= major <= 143 else f"tty{minor}"

"""Running a command beside a container: `exec`, and the main command of `run`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from stackyard.cli.environment import process_environment
from stackyard.cli.spawn import Program
from stackyard.engine.process.spec import SELF, Account

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.protocol import Context


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the options of `exec` and `run` change.

    Attributes:
        user: `NAME`, `UID`, with or without `:GROUP`; empty is the service's.
        directory: as the container sees it; empty is the service's.
    """

    user: str = ""
    directory: str = ""


def program(
    context: Context, argv: tuple[str, ...], wishes: Wishes, *, service: str
) -> Program:
    """Return a command as it runs natively beside a container."""
    return Program(
        translated(context, argv),
        environment=terminal_environment(context),
        directory=directory_of(context, wishes.directory),
        account=_account(wishes.user, service) or context.account,
        umask=context.umask,
        cgroups=context.cgroups,
        read_only=context.read_only,
        writable=context.writable,
    )


def translated(context: Context, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Translate what names hosts, paths or ports of a container."""
    from stackyard.engine.process.compile.substitute import Substitution

    paths = {mount.target: mount.source for mount in context.mounts}
    substitution = Substitution(context.hosts, paths, context.listens)
    words = substitution.arguments("command", argv, beside=True)
    return tuple(word.replace(SELF, context.address) for word in words)


def directory_of(context: Context, wanted: str) -> str:
    """Return a directory of a container as it is on this machine."""
    if not wanted:
        return context.directory
    from stackyard.engine.process.compile.substitute import Substitution

    paths = {mount.target: mount.source for mount in context.mounts}
    found = Substitution({}, paths).directory(wanted)
    return os.path.join(context.directory, found)


def terminal_environment(context: Context) -> dict[str, str]:
    """Return the variables; the terminal's kind is that of this terminal."""
    term = process_environment().get("TERM")
    own = {} if "TERM" in context.environment or term is None else {"TERM": term}
    return {**own, **context.environment}


def _account(user: str, service: str) -> Account | None:
    if not user:
        return None
    from stackyard.engine.process.compile.accounts import account_of

    account, warning = account_of(user, (), service=service)
    if warning:
        click.echo(f"warning: {warning}", err=True)
    return account


def variables(entries: Iterable[str]) -> dict[str, str]:
    """Return what `-e` sets: `NAME=VALUE`, or `NAME` with the value it has here."""
    outer = process_environment()
    found = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if equals:
            found[name] = value
        elif name in outer:
            found[name] = outer[name]
    return found

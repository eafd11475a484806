"""`yard attach`: the output of a service, and its input from here."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.engine import client_of, errors, one
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.logfollow import Follower
    from stackyard.engine.process.protocol import Shown

_DETACHED: Final = "detached"
_CHUNK: Final = 4096
_PROXIED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@click.command("attach")
@click.argument("service")
@click.option(
    "--detach-keys",
    default="ctrl-p,ctrl-q",
    metavar="KEYS",
    help="Keys that end it and leave the service alone  [default: ctrl-p,ctrl-q]",
)
@click.option("--index", type=int, default=0, metavar="N", help="To this replica")
@click.option("--no-stdin", is_flag=True, help="Only show output")
@click.option(
    "--sig-proxy",
    type=bool,
    default=True,
    metavar="true|false",
    help="Pass signals on to the service  [default: true]",
)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Show a service's output, and type into it if it has stdin_open or tty."""
    keys = key_bytes(chosen["detach_keys"])
    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, [chosen["service"]])
        shown = one(snapshot, chosen["service"], chosen["index"])
        typed = shown.stdin and not chosen["no_stdin"]
        code = _attached(
            client, shown, keys if typed else None, proxy=chosen["sig_proxy"]
        )
    if code:
        raise click.exceptions.Exit(code)


def key_bytes(text: str) -> bytes:
    """Return what keys such as `ctrl-p,ctrl-q` send.

    Raises:
        click.ClickException: they are none.
    """
    found = b""
    for key in filter(None, text.split(",")):
        name = key.removeprefix("ctrl-")
        if len(name) != 1 or not name.isascii():
            raise click.ClickException(f"invalid detach keys ({text}): {key}")
        code = ord(name.upper()) & 0x1F if name != key else ord(name)
        found += bytes([code])
    return found


def _attached(client: Client, shown: Shown, keys: bytes | None, *, proxy: bool) -> int:
    from stackyard.engine.process.logfollow import (
        Ended,
        Follower,
        Idle,
        Output,
        Posted,
    )
    from stackyard.engine.process.logview import Window

    identifier = shown.container.id

    def mine(item: Shown) -> bool:
        return item.container.id == identifier

    follower = Follower(client, mine, Window(), fresh=True, raw=True)
    if proxy:
        for number in _PROXIED:
            signal.signal(number, lambda sent, _: follower.post(sent))
    with _terminal(raw=keys is not None):
        for item in follower.items():
            if isinstance(item, Output):
                os.write(1, item.record.text)
            elif isinstance(item, Ended) and not item.restarting:
                return item.code
            elif isinstance(item, Posted) and item.value == _DETACHED:
                break
            elif isinstance(item, Posted):
                _send(client, identifier, item.value)
            elif isinstance(item, Idle) and keys is not None:
                # Only now: the answer to what is typed must not be missed.
                path = client.state.path / "fifos" / f"{identifier}.in"
                _pump(str(path), keys, follower)
                keys = None
    return 0


def _send(client: Client, identifier: str, number: int) -> None:
    from stackyard.engine.process.protocol import ServicesCommand

    order = ServicesCommand(containers=(identifier,), signal=int(number))
    list(client.command("kill", order))


def _pump(path: str, keys: bytes, follower: Follower) -> None:
    """Write what is typed into the service's input, in the background."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)

    def work() -> None:
        matcher = Keys(keys)
        try:
            while data := os.read(0, _CHUNK):
                passed, detached = matcher.feed(data)
                while passed:
                    passed = passed[os.write(descriptor, passed) :]
                if detached:
                    follower.post(_DETACHED)
                    return
        except OSError:
            return  # the service has ended, and so does this

    threading.Thread(target=work, name="input", daemon=True).start()


class Keys:
    """Finds the detach keys in what is typed, however it comes in pieces."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what is passed on, and whether the keys were typed."""
        text = self._held + data
        if not self._keys:
            return text, False
        passed, found, _ = text.partition(self._keys)
        if found:
            return passed, True
        held = next(
            size
            for size in range(len(self._keys) - 1, -1, -1)
            if text.endswith(self._keys[:size])
        )
        self._held = text[len(text) - held :]
        return text[: len(text) - held], False


@contextmanager
def _terminal(*, raw: bool) -> Iterator[None]:
    """Hand over every key as it is typed, if there is a terminal."""
    if not (raw and sys.stdin.isatty()):
        yield
        return
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)

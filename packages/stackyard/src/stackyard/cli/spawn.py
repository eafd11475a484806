"""The one place of the command line that starts processes, or becomes one."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType

    from stackyard.engine.process.spec import Account

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Program:
    """A command with everything it runs with.

    Attributes:
        argv: program and arguments.
        environment: all its variables; the program is found on the PATH among them.
        directory: where it runs.
        account: whom it runs as; None is whoever runs this.
        umask: file mode creation mask.
        cgroups: files by which it joins control groups.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        *,
        environment: Mapping[str, str],
        directory: str,
        account: Account | None,
        umask: int,
        cgroups: Iterable[str] = (),
    ) -> None:
        self.argv = argv
        self.environment = dict(environment)
        self.directory = directory
        self.account = account
        self.umask = umask
        self.cgroups = tuple(cgroups)

    def path(self) -> str:
        """Return the program's file.

        Raises:
            click.exceptions.Exit: there is none; that was told.
        """
        name = self.argv[0]
        if "/" in name:
            return os.path.join(self.directory, name)
        for directory in self.environment.get("PATH", os.defpath).split(":"):
            path = os.path.join(self.directory, directory, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        click.echo(
            f"error: exec {name!r}: executable file not found in $PATH\n"
            f"  hint: install {name}; natively there is what this machine has",
            err=True,
        )
        raise click.exceptions.Exit(_NOT_FOUND)

    def become(self) -> NoReturn:
        """Run it in place of this process, on the same terminal."""
        path = self.path()
        try:
            self._set_up()
            os.execve(path, list(self.argv), self.environment)
        except OSError as error:
            self._failed(error)

    def run(self) -> int:
        """Run it on the same terminal and return its exit code.

        Signals that end this process go to it; those of the terminal reach it anyway.
        """
        child = self._start()
        previous = {
            number: signal.signal(number, lambda sent, _frame: _pass(child, sent))
            for number in _FORWARDED
        }
        previous[signal.SIGINT] = signal.signal(signal.SIGINT, _to_child(child))
        try:
            code = child.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return code if code >= 0 else 128 - code

    def start(self) -> None:
        """Run it in the background, without a terminal."""
        self._start(
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _start(self, **streams: Any) -> subprocess.Popen[bytes]:
        path = self.path()
        account = self.account
        identity: dict[str, Any] = {}
        if account is not None:
            identity = {
                "user": account.uid,
                "group": account.gid,
                "extra_groups": list(account.groups) if os.geteuid() == 0 else None,
            }
        try:
            return subprocess.Popen(
                list(self.argv),
                executable=path,
                env=self.environment,
                cwd=self.directory,
                umask=self.umask,
                **identity,
                **streams,
            )
        except OSError as error:
            self._failed(error)

    def _set_up(self) -> None:
        for path in self.cgroups:
            with open(path, "wb", buffering=0) as file:
                file.write(b"0")
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.umask(self.umask)
        os.chdir(self.directory)
        account = self.account
        if account is not None:
            if os.geteuid() == 0:
                os.setgroups(account.groups)
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)

    def _failed(self, error: OSError) -> NoReturn:
        reason = (error.strerror or str(error)).lower()
        subject = error.filename or self.argv[0]
        click.echo(f"error: cannot run {self.argv[0]}: {subject}: {reason}", err=True)
        missing = isinstance(error, FileNotFoundError)
        raise click.exceptions.Exit(_NOT_FOUND if missing else _NOT_EXECUTABLE)


def _pass(child: subprocess.Popen[bytes], number: int) -> None:
    child.send_signal(number)


def _to_child(child: subprocess.Popen[bytes]) -> Any:
    """Handle Ctrl+C: on a terminal the child has got it already."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if not os.isatty(0):
            child.send_signal(number)

    return handle

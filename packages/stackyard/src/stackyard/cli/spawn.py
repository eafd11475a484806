"""The one place of the command line that starts processes, or becomes one."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType

    from stackyard.engine.process.spec import Account

_LONGEST = 4096
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
        read_only, writable: paths it cannot write to, and exceptions below them.
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
        read_only: Iterable[str] = (),
        writable: Iterable[str] = (),
    ) -> None:
        self.argv = argv
        self.environment = dict(environment)
        self.directory = directory
        self.account = account
        self.umask = umask
        self.cgroups = tuple(cgroups)
        self.read_only = tuple(read_only)
        self.writable = tuple(writable)

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
            self.failed(error)

    def run(self) -> int:
        """Run it on the same terminal and return its exit code."""
        return self.fork().run()

    def start(self) -> None:
        """Run it in the background, without a terminal."""
        self.fork(detached=True).release()

    def fork(self, *, detached: bool = False) -> Child:
        """Return a child that waits to be released, and then runs it.

        A fork of our own, since it has to join control groups before it changes user.
        """
        path = self.path()
        gate, opener = os.pipe()
        failure, teller = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.close(failure)
            self._child(path, gate, teller, detached=detached)
        os.close(gate)
        os.close(teller)
        return Child(self, pid, opener, failure)

    def _child(self, path: str, gate: int, teller: int, *, detached: bool) -> NoReturn:
        try:
            if os.read(gate, 1):
                if detached:
                    _detach()
                self._set_up()
                os.execve(path, list(self.argv), self.environment)
        except OSError as error:
            subject = os.fsencode(str(error.filename or self.argv[0]))
            os.write(teller, b"%d\n%s" % (error.errno or 0, subject[:_LONGEST]))
        finally:
            os._exit(_NOT_EXECUTABLE)  # a forked child ends here

    def _set_up(self) -> None:
        for path in self.cgroups:
            with open(path, "wb", buffering=0) as file:
                file.write(b"0")
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.umask(self.umask)
        if self.read_only:
            from stackyard.engine.process import mountspace  # few need it
            from stackyard.engine.process.seal import Seal

            mountspace.apply(Seal(self.read_only, self.writable))
        os.chdir(self.directory)
        account = self.account
        if account is not None:
            if os.geteuid() == 0:
                os.setgroups(account.groups)
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)

    def failed(self, error: OSError) -> NoReturn:
        """Tell that it cannot be run, and end the command.

        Raises:
            click.exceptions.Exit: always.
        """
        reason = (error.strerror or str(error)).lower()
        subject = error.filename or self.argv[0]
        click.echo(f"error: cannot run {self.argv[0]}: {subject}: {reason}", err=True)
        missing = isinstance(error, FileNotFoundError)
        raise click.exceptions.Exit(_NOT_FOUND if missing else _NOT_EXECUTABLE)


class Child:
    """A process that was forked; it waits at a gate before it runs its program."""

    def __init__(self, program: Program, pid: int, gate: int, failure: int) -> None:
        self._program = program
        self.pid = pid
        self._gate = gate
        self._failure = failure

    def release(self) -> None:
        """Let it run, and return once it does.

        Raises:
            click.exceptions.Exit: it does not; that was told.
        """
        os.write(self._gate, b"\n")
        os.close(self._gate)
        with open(self._failure, "rb") as file:
            told = file.read()
        if not told:
            return
        os.waitpid(self.pid, 0)
        number, _, subject = told.partition(b"\n")
        name = os.fsdecode(subject)
        self._program.failed(OSError(int(number), os.strerror(int(number)), name))

    def dismiss(self) -> None:
        """End it before it has run anything."""
        os.close(self._gate)
        os.close(self._failure)
        os.waitpid(self.pid, 0)

    def run(self) -> int:
        """Let it run, and return its exit code.

        Signals that end this process go to it from before it runs, for it may ask for
        one at once; those of the terminal reach it anyway.

        Raises:
            click.exceptions.Exit: it does not run; that was told.
        """
        previous = {
            number: signal.signal(number, lambda sent, _frame: self._pass(sent))
            for number in _FORWARDED
        }
        previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        try:
            self.release()
            _, status = os.waitpid(self.pid, 0)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def _pass(self, number: int) -> None:
        # Once reaped it gets none: the handlers are taken back before anything else.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if not os.isatty(0):  # on a terminal it has got Ctrl+C already
            self._pass(number)


def _detach() -> None:
    """Leave the terminal and the session."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)

"""fork and exec, with everything a service asks for set up in between."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import struct
import termios
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from stackyard.engine.process.keeper.order import Order

_FAILURE = struct.Struct("=i16s")
_NOT_STARTED = 127
_KEPT_SIGNALS = {signal.SIGKILL, signal.SIGSTOP}


class SpawnError(Exception):
    """A process could not be started; `stage` says what was being done."""

    def __init__(self, stage: str, number: int, subject: str) -> None:
        super().__init__(f"cannot {stage} {subject}: {os.strerror(number).lower()}")
        self.stage = stage
        self.number = number


@dataclass(frozen=True)
class Streams:
    """Descriptors that become 0, 1 and 2 of the process."""

    stdin: int
    stdout: int
    stderr: int


@dataclass(frozen=True)
class Beginning:
    """A process that was forked and is about to run its program."""

    order: Order
    pid: int
    reader: int

    def finish(self) -> int:
        """Return its pid once the program runs.

        Raises:
            SpawnError: it does not.
        """
        try:
            failure = os.read(self.reader, _FAILURE.size)
        finally:
            os.close(self.reader)
        if failure:
            os.waitpid(self.pid, 0)
            number, stage = _FAILURE.unpack(failure)
            name = stage.rstrip(b"\0").decode()
            raise SpawnError(name, number, _subject(self.order, name))
        return self.pid


def begin(order: Order, streams: Streams) -> Beginning:
    """Fork the process; it sets itself up, in a session of its own, and runs.

    Several may be begun before one is finished: they set themselves up side by side.
    """
    program = _program(order)
    reader, writer = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            _child(order, program, streams, writer)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    return Beginning(order, pid, reader)


def _program(order: Order) -> str:
    """Return the path of the program, as execvp(3) would find it."""
    name = order.argv[0]
    if "/" in name:
        return name if name.startswith("/") else os.path.join(order.directory, name)
    for directory in order.environment.get("PATH", os.defpath).split(":"):
        path = os.path.join(order.directory, directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return name


def _subject(order: Order, stage: str) -> str:
    if stage == "run":
        return repr(order.argv[0])
    if stage == "enter":
        return repr(order.directory)
    if stage == "seal":
        return f"its read-only mounts: {', '.join(order.read_only)}"
    if stage == "become" and order.account is not None:
        return f"user {order.account.uid}, group {order.account.gid}"
    return "the process"


def _child(order: Order, program: str, streams: Streams, writer: int) -> NoReturn:
    """Become the program, or tell what failed. Never returns into the keeper's code."""
    stage = "set up"
    try:
        _session(order, streams)
        stage = "limit"
        _limits(order)
        stage = "seal"
        _seal(order)
        stage = "enter"
        os.chdir(order.directory)
        stage = "become"
        _account(order)
        stage = "run"
        # A bare name was not found on the PATH; exec would look beside the keeper.
        if "/" not in program:
            raise FileNotFoundError(2, "not found")
        os.execve(program, order.argv, dict(order.environment))
    except OSError as error:
        os.write(writer, _FAILURE.pack(error.errno or errno.EINVAL, stage.encode()))
    except BaseException:  # noqa: BLE001  a forked child may not unwind into the loop
        os.write(writer, _FAILURE.pack(errno.EINVAL, stage.encode()))
    os._exit(_NOT_STARTED)


def _session(order: Order, streams: Streams) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    # What whoever started us ignores (nohup, a shell's background) is not a service's.
    for number in signal.valid_signals() - _KEPT_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if order.tty:
        fcntl.ioctl(streams.stdin, termios.TIOCSCTTY, 0)
    for target, source in enumerate((streams.stdin, streams.stdout, streams.stderr)):
        os.dup2(source, target)
    os.umask(order.umask)


def _limits(order: Order) -> None:
    for path in order.cgroups:
        with open(path, "wb", buffering=0) as file:
            file.write(b"0")
    if order.oom_score_adj is not None:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"%d" % order.oom_score_adj)
    if order.cpus:
        os.sched_setaffinity(0, order.cpus)
    for number, pair in order.rlimits.items():
        with suppress(ValueError):  # above the hard limit; said when it was compiled
            resource.setrlimit(number, pair)


def _seal(order: Order) -> None:
    if order.read_only:
        from stackyard.engine.process import mountspace  # few need it
        from stackyard.engine.process.seal import Seal

        mountspace.apply(Seal(tuple(order.read_only), tuple(order.writable)))


def _account(order: Order) -> None:
    account = order.account
    if account is None:
        return
    if os.geteuid() == 0:
        os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)

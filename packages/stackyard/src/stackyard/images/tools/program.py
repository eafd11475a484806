"""What the tools share: how they read options, give up, and end on time."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType


class Failure(Exception):
    """A tool ends with an exit code, and a line on standard error if there is one."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Options(argparse.ArgumentParser):
    """Options of a well-known program, of which the tool knows a part."""

    def __init__(self, name: str, *, usage_code: int = 2) -> None:
        # -h is the host in some of them, and none has a manual.
        super().__init__(prog=name, add_help=False, allow_abbrev=False)
        self._usage_code = usage_code

    def error(self, message: str) -> NoReturn:
        """Say which option is not known."""
        raise Failure(
            self._usage_code,
            f"{self.prog}: {message}\n  hint: this is Stackyard's own {self.prog}, for "
            "hosts without one; install the real one for all its options",
        )


def run(tool: Callable[[Sequence[str]], int], name: str) -> NoReturn:
    """Run a tool as a program."""
    try:
        code = tool(sys.argv[1:])
        sys.stdout.flush()
    except Failure as failure:
        if failure.message:
            sys.stderr.write(f"{failure.message}\n")
        code = failure.code
    except BrokenPipeError as error:
        raise SystemExit(1) from error
    except KeyboardInterrupt as interrupt:
        raise SystemExit(130) from interrupt
    raise SystemExit(code)


@contextlib.contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer, however it spends its time."""
    if not seconds:
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

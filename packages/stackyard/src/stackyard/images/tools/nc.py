"""`nc -z HOST PORT`: whether a port is open. Nothing else of nc is here."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING

from stackyard.images.tools.program import Failure, Options, run, within

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Try every port of a range; all of them must be open."""
    options = _parser().parse_args(arguments)
    if not options.z:
        raise Failure(1, "nc: only -z is here\n  hint: install nc for all its uses")
    first, _, last = options.port.partition("-")
    try:
        ports = range(int(first), int(last or first) + 1)
    except ValueError as error:
        raise Failure(1, f"nc: invalid port {options.port}") from error
    closed = [port for port in ports if not _is_open(port, options)]
    return 1 if closed else 0


def _parser() -> Options:
    parser = Options("nc", usage_code=1)
    add = parser.add_argument
    add("-z", action="store_true")
    add("-v", action="count", default=0)
    add("-w", type=float)
    add("-U", action="store_true")
    for flag in ("-n", "-4", "-6", "-t"):
        add(flag, action="store_true", dest="ignored")
    add("host")
    add("port")
    return parser


def _is_open(port: int, options: argparse.Namespace) -> bool:
    try:
        with within(options.w), contextlib.ExitStack() as stack:
            stack.enter_context(socket.create_connection((options.host, port)))
    except (OSError, OverflowError) as error:
        _tell(options, f"nc: connect to {options.host} port {port} failed: {error}")
        return False
    _tell(options, f"Connection to {options.host} {port} port succeeded!")
    return True


def _tell(options: argparse.Namespace, text: str) -> None:
    if options.v:
        sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    run(main, "nc")

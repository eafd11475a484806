"""`pg_isready`: asks PostgreSQL for a session, and reads the first answer.

Exit codes: 0 accepting, 1 rejecting (starting up or stopping), 2 no answer, 3 no try.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, Final

from stackyard.images import settings
from stackyard.images.tools.program import Failure, Options, run, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ACCEPTING, _REJECTING, _SILENT, _NOT_TRIED = range(4)
_TEXTS: Final = ("accepting connections", "rejecting connections", "no response")
_PROTOCOL: Final = 3 << 16
_CANNOT_CONNECT_NOW: Final = b"C57P03\0"
_SECONDS: Final = 3


def main(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Ask once, and say what was answered."""
    if environment is None:
        environment = settings.process_environment()
    options = _parser(environment).parse_args(arguments)
    try:
        port = int(options.port)
    except ValueError as error:
        raise Failure(_NOT_TRIED, f'invalid port number: "{options.port}"') from error
    code = _ask(options.host, port, options.username, seconds=options.timeout)
    if not options.quiet:
        sys.stdout.write(f"{options.host}:{port} - {_TEXTS[code]}\n")
    return code


def _parser(environment: Mapping[str, str]) -> Options:
    parser = Options("pg_isready", usage_code=_NOT_TRIED)
    add = parser.add_argument
    add("-h", "--host", default=environment.get("PGHOST") or "127.0.0.1")
    add("-p", "--port", default=environment.get("PGPORT") or "5432")
    add("-U", "--username", default=environment.get("PGUSER") or "postgres")
    add("-d", "--dbname")
    add("-t", "--timeout", type=float, default=_SECONDS)
    add("-q", "--quiet", action="store_true")
    return parser


def _ask(host: str, port: int, user: str, *, seconds: float) -> int:
    body = struct.pack("!I", _PROTOCOL) + b"user\0" + user.encode() + b"\0\0"
    try:
        with within(seconds), _connected(host, port) as connection:
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            answer = connection.recv(4096)
    except OSError:
        return _SILENT
    if answer[:1] == b"E" and _CANNOT_CONNECT_NOW in answer:
        return _REJECTING
    # An error of any other kind comes from a server that takes connections.
    return _ACCEPTING if answer[:1] in {b"R", b"E"} else _SILENT


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        connection.close()
        raise
    return connection


if __name__ == "__main__":
    run(main, "pg_isready")

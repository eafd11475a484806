"""`redis-cli COMMAND`: one command to Redis or Valkey, and its answer."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from stackyard.images import settings
from stackyard.images.tools.program import Failure, Options, run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from io import BufferedIOBase

Answer: TypeAlias = "str | ErrorAnswer | list[Answer] | None"


class ErrorAnswer(str):
    """An answer that begins with `-`."""

    __slots__ = ()


def main(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Send one command; as with the real one, -e makes an error an exit code."""
    if environment is None:
        environment = settings.process_environment()
    options = _options(arguments, environment)
    try:
        answers = _converse(options)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        place = options.s or f"{options.h}:{options.p}"
        raise Failure(1, f"Could not connect to Redis at {place}: {reason}") from error
    errors = [answer for answer in answers if isinstance(answer, ErrorAnswer)]
    if len(answers) > 1 and errors and errors[0] is not answers[-1]:
        sys.stderr.write(f"AUTH failed: {errors[0]}\n")
    sys.stdout.write(_text(answers[-1]))
    return 1 if options.e and isinstance(answers[-1], ErrorAnswer) else 0


def _options(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> argparse.Namespace:
    parser = Options("redis-cli", usage_code=1)
    add = parser.add_argument
    add("-h", default=environment.get("YARD_ADDRESS") or "127.0.0.1")
    add("-p", type=int, default=6379)
    add("-s")
    add("-u")
    add("-a", "--pass", dest="password", default=environment.get("REDISCLI_AUTH"))
    add("--user")
    add("-n", type=int)
    add("-t", type=float, default=0.0)
    add("-e", action="store_true")
    for flag in ("--no-auth-warning", "--raw", "--no-raw"):
        add(flag, action="store_true", dest="ignored")
    add("command", nargs="...")
    options = parser.parse_args(arguments)
    if not options.command:
        raise Failure(1, "redis-cli: name a command\n  hint: redis-cli ping")
    if options.u:
        _read_url(options)
    return options


def _read_url(options: argparse.Namespace) -> None:
    parts = urlsplit(options.u)
    if parts.scheme != "redis" or not parts.hostname:
        raise Failure(1, "redis-cli: invalid URI\n  hint: redis://HOST:PORT/DATABASE")
    options.h, options.p = parts.hostname, parts.port or 6379
    options.password = unquote(parts.password or "") or options.password
    options.user = unquote(parts.username or "") or options.user
    database = parts.path.strip("/")
    options.n = int(database) if database.isdecimal() else options.n


def _converse(options: argparse.Namespace) -> list[Answer]:
    commands = []
    if options.password:
        user = [options.user] if options.user else []
        commands.append(["AUTH", *user, options.password])
    if options.n:
        commands.append(["SELECT", str(options.n)])
    commands.append(options.command)
    with _connected(options) as connection, connection.makefile("rwb") as stream:
        answers = []
        for command in commands:
            stream.write(_encoded(command))
            stream.flush()
            answers.append(_read(stream))
        return answers


def _connected(options: argparse.Namespace) -> socket.socket:
    timeout = options.t or None
    if not options.s:
        return socket.create_connection((options.h, options.p), timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(options.s)
    except OSError:
        connection.close()
        raise
    return connection


def _encoded(command: Sequence[str]) -> bytes:
    words = [word.encode(errors="surrogateescape") for word in command]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n%b" % (len(words), b"".join(parts))


def _read(stream: BufferedIOBase) -> Answer:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("Server closed the connection")
    kind, text = line[:1], line[1:-2].decode(errors="replace")
    if kind == b"-":
        return ErrorAnswer(text)
    if kind == b"$":
        return _read_bulk(stream, int(text))
    if kind == b"*":
        count = int(text)
        return None if count < 0 else [_read(stream) for _ in range(count)]
    return text


def _read_bulk(stream: BufferedIOBase, length: int) -> str | None:
    if length < 0:
        return None
    return stream.read(length + 2)[:-2].decode(errors="replace")


def _text(answer: Answer) -> str:
    if isinstance(answer, list):
        return "".join(map(_text, answer)) or "\n"
    return f"{'' if answer is None else answer}\n"


if __name__ == "__main__":
    run(main, "redis-cli")

"""Times on the command line: RFC 3339, a date, Unix seconds, or a duration ago."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

import click

_SECOND: Final = 1_000_000_000


def nanoseconds(text: str, now: int | None = None) -> int:
    """Return a time in nanoseconds since the epoch.

    Raises:
        click.ClickException: it is none.
    """
    now = time.time_ns() if now is None else now
    seconds, point, rest = text.partition(".")
    if seconds.isdigit() and (not point or rest.isdigit()):
        return int(seconds) * _SECOND + int(f"{rest[:9]:<09}")
    found = _ago(text, now)
    if found is None:
        found = _moment(text)
    if found is None:
        raise click.ClickException(
            f"invalid time {text!r}: give a time such as 2013-01-02T13:23:37Z, "
            "Unix seconds, or a duration such as 42m"
        )
    return found


def _ago(text: str, now: int) -> int | None:
    from stackyard.compose.errors import InvalidValueError
    from stackyard.compose.grammar.duration import parse

    try:
        return now - int(parse(text.removeprefix("-")).seconds * _SECOND)
    except InvalidValueError:
        return None


def _moment(text: str) -> int | None:
    """Read RFC 3339 with up to nine decimals; without a zone it is local time."""
    whole, point, rest = text.partition(".")
    digits = ""
    zone = ""
    if point:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        zone = rest[len(digits) :]
    try:
        moment = datetime.fromisoformat(whole + zone)
    except ValueError:
        return None
    return int(moment.astimezone().timestamp()) * _SECOND + int(f"{digits[:9]:<09}")


def stamp(text: str | None) -> bytes:
    """Return a time as logs hold it; empty for none."""
    if not text:
        return b""
    from stackyard.engine.process.keeper.logs import timestamp

    return timestamp(nanoseconds(text)).encode()

"""Durations: `1h5m30s20ms`, with the units ns us ms s m h and, as in Compose, d w.

What is read and how it is printed follow Go's durations: a sign, then numbers with
a unit each, in any order; a bare number has no meaning, save 0. The largest
duration is that of 64 bits of nanoseconds, some 292 years.
"""

from __future__ import annotations

import re

from stackyard.compose.errors import InvalidValueError

__all__ = ["Duration", "parse"]

_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_UNITS = {
    "ns": 1,
    "us": _MICROSECOND,
    "\u00b5s": _MICROSECOND,  # micro sign
    "\u03bcs": _MICROSECOND,  # Greek letter mu
    "ms": _MILLISECOND,
    "s": _SECOND,
    "m": _MINUTE,
    "h": _HOUR,
    "d": 24 * _HOUR,
    "w": 7 * 24 * _HOUR,
}
_MAX = 2**63 - 1

_MAX_DIGITS = len(str(_MAX))

_PART = re.compile(r"([0-9]*+)(?:\.([0-9]*+))?+([^0-9.]*+)")
_HINT = 'write a number and a unit, such as "1m30s"; units are ns us ms s m h d w'


class Duration(int):
    """A length of time in nanoseconds; its string is Go's: `1m30s`, `500ms`, `0s`."""

    __slots__ = ()

    @property
    def seconds(self) -> float:
        """The same in seconds, as the standard library wants it."""
        return self / _SECOND

    def __str__(self) -> str:
        sign = "-" if self < 0 else ""
        nanoseconds = abs(int(self))
        if nanoseconds < _SECOND:
            return sign + _below_a_second(nanoseconds)
        minutes, rest = divmod(nanoseconds, _MINUTE)
        hours, minutes = divmod(minutes, 60)
        text = f"{_decimal(rest, _SECOND)}s"
        if hours:
            return f"{sign}{hours}h{minutes}m{text}"
        return f"{sign}{minutes}m{text}" if minutes else sign + text

    def __repr__(self) -> str:
        return f"Duration({int(self)})"


def parse(text: str) -> Duration:
    """Read a duration; raise `InvalidValueError` where Go would refuse it."""
    negative = text[:1] == "-"
    position = 1 if negative or text[:1] == "+" else 0
    if text[position:] == "0":
        return Duration(0)
    if position == len(text):
        raise _invalid(text, "a number is missing")
    total = 0
    while position < len(text):
        nanoseconds, position = _part(text, position)
        total += nanoseconds
    if total > _MAX:
        raise _invalid(text, "too long")
    return Duration(-total if negative else total)


def _part(text: str, position: int) -> tuple[int, int]:
    """Read one number with its unit; return its nanoseconds and where it ends."""
    match = _PART.match(text, position)
    whole, fraction, unit = match.groups() if match else ("", None, "")
    if match is None or not (whole or fraction):
        raise _invalid(text, "a number is missing")
    if not unit:
        raise _invalid(text, "a unit is missing")
    if unit not in _UNITS:
        raise _invalid(text, f'unknown unit "{unit}"')
    if len(whole) > _MAX_DIGITS:
        whole = whole.lstrip("0")
        if len(whole) > _MAX_DIGITS:
            raise _invalid(text, "too long")
    nanoseconds = int(whole or "0") * _UNITS[unit]
    if fraction:
        nanoseconds += _fraction(fraction, _UNITS[unit])
    return nanoseconds, match.end()


def _fraction(digits: str, unit: int) -> int:
    """Turn the digits after the point into nanoseconds.

    In floating point, and with the digits that 64 bits hold, because the last
    nanosecond shall be the one Go arrives at.
    """
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if longer > _MAX:
            break
        value, scale = longer, scale * 10
    return int(value * (unit / scale))


def _below_a_second(nanoseconds: int) -> str:
    if not nanoseconds:
        return "0s"
    if nanoseconds < _MICROSECOND:
        return f"{nanoseconds}ns"
    if nanoseconds < _MILLISECOND:
        return f"{_decimal(nanoseconds, _MICROSECOND)}\u00b5s"
    return f"{_decimal(nanoseconds, _MILLISECOND)}ms"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    width = len(str(unit)) - 1
    return f"{whole}.{rest:0{width}}".rstrip("0")


def _invalid(text: str, reason: str) -> InvalidValueError:
    return InvalidValueError(f'invalid duration "{text}": {reason}', hint=_HINT)

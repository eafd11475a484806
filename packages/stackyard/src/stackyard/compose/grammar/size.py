"""Sizes in bytes: `64m`, `1.5gb`, `2KiB`, `100`.

The units are powers of 1024 whether or not they say so: b, k, m, g, t, p, the last
five with an optional "b" or "ib", in either case, a single space before them at most.
"""

from __future__ import annotations

import re

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.number import parse_float

__all__ = ["ByteSize", "parse"]

_FACTORS: dict[str, int] = {"": 1, "b": 1} | {
    f"{unit}{suffix}": 1024**power
    for power, unit in enumerate("kmgtp", start=1)
    for suffix in ("", "b", "ib")
}
# Up to 15 digits, where integers and the reference's floats cannot differ.
_COMMON = re.compile(r"([0-9]{1,15}) ?([bB]|[kmgtpKMGTP](?:[iI]?[bB])?)?")
_ANY = re.compile(r"(.*[0-9. ])([^0-9. ]*)", re.DOTALL)
_HINT = 'write a number and a unit of b, k, m, g, t or p, such as "512m"'


class ByteSize(int):
    """A number of bytes. It prints as decimal digits, whatever unit it was given in."""

    __slots__ = ()


def parse(value: str | float) -> ByteSize:
    """Read a size; a number stands for bytes.

    A YAML float counts as 0, which is "not set": the reference takes `mem_limit:
    1.5` and leaves the limit out. Only the quoted "1.5" is one byte, and a half.
    """
    if isinstance(value, str):
        size = _parse_text(value)
    else:
        size = value if isinstance(value, int) else 0
    if size >= 2**63:
        raise _invalid(value, "too large")
    return ByteSize(size)


def _parse_text(text: str) -> int:
    if match := _COMMON.fullmatch(text):
        return int(match[1]) * _FACTORS[(match[2] or "").lower()]
    match = _ANY.fullmatch(text)
    if match is None:
        raise _invalid(text, "a number is missing")
    number, unit = match.groups()
    factor = _FACTORS.get(unit.lower()) if unit.isascii() else None
    amount = parse_float(number.removesuffix(" "))
    if amount < 0:
        raise _invalid(text, "it is negative")
    if factor is None:
        raise _invalid(text, f'unknown unit "{unit}"')
    if not amount < 2**63:
        raise _invalid(text, "too large")
    return int(amount * factor)


def _invalid(text: str | float, reason: str) -> InvalidValueError:
    return InvalidValueError(f'invalid size "{text}": {reason}', hint=_HINT)

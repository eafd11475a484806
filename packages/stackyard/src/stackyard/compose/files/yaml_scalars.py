"""Plain YAML scalars -> Python values, by the rules of Go's yaml.v3.

Compose is defined by what its reference implementation reads, and that is neither
YAML 1.1 nor 1.2: `yes` is a string, `0777` and `0o777` are both octal, `1_000` is a
number, `08` a float, and `2001-12-14` a timestamp.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from typing import Any, Final

TAG: Final = "tag:yaml.org,2002:"

_NAMED: Final[dict[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
    ".inf": float("inf"),
    ".Inf": float("inf"),
    ".INF": float("inf"),
    "+.inf": float("inf"),
    "+.Inf": float("inf"),
    "+.INF": float("inf"),
    "-.inf": float("-inf"),
    "-.Inf": float("-inf"),
    "-.INF": float("-inf"),
}
_NUMBER_START: Final = frozenset("0123456789+-.")
_INTEGER: Final = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)\Z"
)
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"
)
_POINT_FIRST: Final = re.compile(
    r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z"
)
_TIMESTAMP: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?:[Tt]|(?P<space> ))(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})"
    r":(?P<second>[0-9]{1,2})(?P<fraction>\.[0-9]+)?(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?"
    r")?\Z"
)
_INTEGER_LIMIT: Final = 1 << 64


class Timestamp(str):
    """A timestamp, in RFC 3339; no Compose attribute takes one, only extensions."""

    __slots__ = ()


def resolve(tag: str | None, text: str, *, plain: bool) -> Any:
    """Return the value of a scalar, or NotImplemented where tag and text disagree.

    `plain` says that the scalar was written without quotes and without a tag.
    """
    if plain:
        return _resolve_plain(text)
    if tag is None or not tag.startswith(TAG):
        return text
    return _resolve_tagged(tag.removeprefix(TAG), text)


def _resolve_plain(text: str) -> Any:
    if text in _NAMED:
        return _NAMED[text]
    if text[0] not in _NUMBER_START:
        return text
    number = _number(text)
    if number is not None:
        return number
    return _timestamp(text) or text


def _resolve_tagged(kind: str, text: str) -> Any:
    if kind == "str":
        return text
    if kind == "null":
        return None if _NAMED.get(text, text) is None else NotImplemented
    if kind == "bool":
        value = _NAMED.get(text)
        return value if isinstance(value, bool) else NotImplemented
    if kind in {"int", "float"}:
        return _tagged_number(kind, text)
    if kind == "timestamp":
        return _timestamp(text) or NotImplemented
    if kind == "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except binascii.Error:
            return NotImplemented
    return text


def _tagged_number(kind: str, text: str) -> Any:
    number = _number(text)
    named = _NAMED.get(text)
    if number is None and isinstance(named, float):
        number = named
    if number is None:
        return NotImplemented
    if kind == "float":
        return float(number)
    return number if isinstance(number, int) else NotImplemented


def _timestamp(text: str) -> Timestamp | None:
    match = _TIMESTAMP.match(text)
    if match is None:
        return None
    # A zone belongs to the form with "T", and must stand there.
    if match["hour"] and bool(match["space"]) == bool(match["zone"]):
        return None
    year, month, day = (int(match[key]) for key in ("year", "month", "day"))
    clock = ("hour", "minute", "second")
    hour, minute, second = (int(match[key] or 0) for key in clock)
    try:
        datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    fraction = (match["fraction"] or "").rstrip("0").rstrip(".")
    return Timestamp(
        f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        f"{fraction}{match['zone'] or 'Z'}"
    )


def _number(text: str) -> int | float | None:
    # After a leading point an underscore has its place, elsewhere it is ignored.
    if text.startswith(".") and not _POINT_FIRST.match(text):
        return None
    digits = text.replace("_", "")
    # Beyond 64 binary digits nothing fits, and huge texts are not worth a conversion.
    if len(digits) <= 70 and _INTEGER.match(digits):
        value = _integer(digits)
        if -_INTEGER_LIMIT // 2 <= value < _INTEGER_LIMIT:
            return value
    if _FLOAT.match(digits):
        real = float(digits)
        # Out of range is no number for Go, and the text stands.
        return None if real in {float("inf"), float("-inf")} else real
    return None


def _integer(digits: str) -> int:
    unsigned = digits.lstrip("+-")
    sign = -1 if digits.startswith("-") else 1
    if unsigned[:2].isdigit() and unsigned[0] == "0" and unsigned != "0":
        return sign * int(unsigned, 8)
    return sign * int(unsigned, 0)

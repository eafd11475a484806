"""A YAML scalar -> the text that Compose takes it for.

Attributes such as labels and environment take any scalar and keep its text. The text is
what the reference implementation prints for the parsed value, not what stood in the
file: `1.10` becomes "1.1", `1e9` "1e+09" and `0o17` "15".
"""

from __future__ import annotations

import math
from typing import Any


def text_of(value: Any) -> str:
    """Return the text of a string, boolean, number or None (an empty text)."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return str(value)


def float_text(value: float) -> str:
    """Return the shortest text that reads back as `value`: 0.5, 1e+06, 1.5e-07.

    It is what Go's `strconv.FormatFloat(value, 'g', -1, 64)` returns: the exponent form
    is for values of a million and more, and for those below a ten-thousandth.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign, digits, point = _digits(mantissa)
    point += int(exponent or 0)
    return sign + _general(digits, point)


def _digits(mantissa: str) -> tuple[str, str, int]:
    """Return sign, significant digits, and how many stand before the point."""
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    point = len(whole)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return sign, stripped.rstrip("0"), point


def _general(digits: str, point: int) -> str:
    exponent = point - 1
    if exponent < -4 or exponent >= 6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return (
            f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
        )
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"

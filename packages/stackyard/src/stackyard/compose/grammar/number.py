"""Numbers written as strings, and the single precision in which Compose keeps them.

A file may write `cpus: "0.5"`, and interpolation makes a string of every number, so
the text has a grammar: Go's. `cpus` and `max_failure_ratio` are then held as 32-bit
floats, which shows when they are printed: a third is 0.33333334.
"""

from __future__ import annotations

import re
from math import copysign, inf, isinf
from struct import pack, unpack

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.scalar import float_text

__all__ = ["float32", "format_float32", "parse_float", "parse_int"]

_INTEGER = re.compile(r"([-+]?)0*([0-9]+)")
_INT64 = range(-(2**63), 2**63)
# The digits are checked by float() itself, which knows the same place for "_".
_DECIMAL = re.compile(r"[-+0-9.eE_]*[0-9.]")
_HEXADECIMAL = re.compile(
    r"[-+]?0[xX](?=_?[0-9a-fA-F]|\.[0-9a-fA-F])(?:_?[0-9a-fA-F])*"
    r"(?:\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?[pP][-+]?[0-9]+(?:_[0-9]+)*"
)
_NAMED = re.compile(r"[-+]?inf(?:inity)?|nan", re.IGNORECASE)
_MAX_DIGITS = 19
_FLOAT32_DIGITS = 9


def parse_int(text: str) -> int:
    """Read a decimal integer of 64 bits: no spaces, no "_", no other base."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            f'invalid integer "{text}"', hint="write decimal digits only"
        )
    sign, digits = match.groups()
    # Counted before conversion: Python refuses to read thousands of digits.
    if len(digits) > _MAX_DIGITS or int(sign + digits) not in _INT64:
        raise _out_of_range(text)
    return int(sign + digits)


def parse_float(text: str) -> float:
    """Read a number as Go does: `1.5`, `.5`, `1e3`, `1_000`, `0x1p-2`, `inf`, `nan`."""
    if _NAMED.fullmatch(text):
        return float(text)
    hexadecimal = _HEXADECIMAL.fullmatch(text)
    if not hexadecimal and not _DECIMAL.fullmatch(text):
        raise _not_a_number(text)
    try:
        value = float.fromhex(text.replace("_", "")) if hexadecimal else float(text)
    except OverflowError as error:
        raise _out_of_range(text) from error
    except ValueError as error:
        raise _not_a_number(text) from error
    if isinf(value):
        raise _out_of_range(text)
    return value


def float32(value: float) -> float:
    """Round to single precision; what is too large becomes infinite."""
    try:
        (rounded,) = unpack("<f", pack("<f", value))
    except OverflowError:
        return copysign(inf, value)
    return float(rounded)


def format_float32(value: float) -> str:
    """Print with no more digits than single precision needs: 0.33333334, 1e+06."""
    rounded = float32(value)
    text = ""
    for digits in range(1, _FLOAT32_DIGITS + 1):
        text = f"{rounded:.{digits}g}"
        if float32(float(text)) == rounded:
            break
    return float_text(float(text))


def _not_a_number(text: str) -> InvalidValueError:
    return InvalidValueError(f'invalid number "{text}"', hint='write it as in "0.5"')


def _out_of_range(text: str) -> InvalidValueError:
    return InvalidValueError(
        f'number "{text}" is out of range', hint="write a smaller number"
    )

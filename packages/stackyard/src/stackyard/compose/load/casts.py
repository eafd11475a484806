"""Texts -> numbers and booleans, with the leniency of the reference implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.number import parse_float, parse_int

if TYPE_CHECKING:
    from stackyard.compose.load.context import Context

_TRUE: Final = frozenset({"true", "y", "yes", "on"})
_FALSE: Final = frozenset({"false", "n", "no", "off"})


def to_int(text: str, context: Context) -> int:
    """Return a decimal integer."""
    del context
    return parse_int(text)


def to_float(text: str, context: Context) -> float:
    """Return a decimal number."""
    del context
    return parse_float(text)


def to_bool(text: str, context: Context) -> bool:
    """Return a boolean; every YAML 1.1 word is taken, `yes` and its like warned of."""
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        value = word in _TRUE
        if word not in {"true", "false"}:
            instead = str(value).lower()
            context.warn(
                f'"{text}" for boolean is not supported by YAML 1.2, '
                f"please use {instead}"
            )
        return value
    raise InvalidValueError(f"{text!r} is not a boolean", hint="write true or false")

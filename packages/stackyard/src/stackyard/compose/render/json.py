"""Plain data -> JSON, as Go's encoding/json writes it.

Python's encoder writes other numbers (1e-07 for Go's 1e-7, 1.0 for 1) and does not
escape what could end a script element of an HTML page.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, Final

from stackyard.compose.errors import LoadError
from stackyard.compose.grammar.scalar import text_of
from stackyard.compose.model.codec import Sorted

_ESCAPES: Final = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)
_EXPONENT_BELOW: Final = 1e-6
_EXPONENT_FROM: Final = 1e21


def to_json(value: Any, *, indent: str = "  ") -> str:
    """Return `value` as JSON over several lines."""
    return _write(value, "\n", indent)


def compact_json(value: Any) -> str:
    """Return `value` as JSON without white space."""
    return _write(value, "", "")


def _write(value: Any, line: str, indent: str) -> str:
    """Return the JSON of a value; `line` is the line break and indent it stands at."""
    if isinstance(value, dict):
        keys = sorted(value) if isinstance(value, Sorted) else list(value)
        colon = ": " if indent else ":"
        items = [
            f"{_string(key)}{colon}{_write(value[key], line + indent, indent)}"
            for key in keys
        ]
        return _block("{}", items, line, indent)
    if isinstance(value, list):
        items = [_write(item, line + indent, indent) for item in value]
        return _block("[]", items, line, indent)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _block(brackets: str, items: list[str], line: str, indent: str) -> str:
    if not items:
        return brackets
    opening, closing = brackets[0], brackets[1]
    separator = f",{line}{indent}"
    return f"{opening}{line}{indent}{separator.join(items)}{line}{closing}"


def _string(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False).translate(_ESCAPES)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise LoadError.of(
            f"JSON has no number {text_of(value)}", hint="quote it, or print YAML"
        )
    size = abs(value)
    if value == int(value) and size < _EXPONENT_FROM:
        return "-0" if value == 0 and str(value).startswith("-") else str(int(value))
    if size < _EXPONENT_BELOW or size >= _EXPONENT_FROM:
        mantissa, _, exponent = f"{value!r}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    return f"{Decimal(repr(value)):f}"

"""The order inside a column: decimal numbers, with room between any two of them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

__all__ = ["LONGEST", "between", "spread"]

LONGEST: Final = 30
"""Digits after the point; where more were needed, neighbours are spread anew."""

_CONTEXT: Final = Context(prec=120, rounding=ROUND_HALF_EVEN)


def between(lower: Decimal | None, upper: Decimal | None) -> Decimal | None:
    """Return the shortest number near the middle of two; None where there is no room.

    Without a lower bound it is one below the upper one, and the other way round.
    """
    if lower is None or upper is None:
        return _beside(lower, upper)
    if lower >= upper:
        return None
    middle = _CONTEXT.divide(_CONTEXT.add(lower, upper), Decimal(2))
    for digits in range(LONGEST + 1):
        found = _CONTEXT.quantize(middle, Decimal(1).scaleb(-digits))
        if lower < found < upper:
            return found
    return None


def spread(lower: Decimal, upper: Decimal, count: int) -> list[Decimal] | None:
    """Return numbers at equal distances between two; None where that is too narrow."""
    step = _CONTEXT.divide(_CONTEXT.subtract(upper, lower), Decimal(count + 1))
    # Half of the digits are left for what will be put between them.
    unit = Decimal(1).scaleb(-(LONGEST // 2))
    if step <= unit:
        return None
    return [
        _CONTEXT.quantize(
            _CONTEXT.add(lower, _CONTEXT.multiply(step, Decimal(index))), unit
        )
        for index in range(1, count + 1)
    ]


def _beside(lower: Decimal | None, upper: Decimal | None) -> Decimal:
    if upper is not None:
        return _CONTEXT.subtract(upper.to_integral_value(), Decimal(1))
    if lower is not None:
        return _CONTEXT.add(lower.to_integral_value(), Decimal(1))
    return Decimal(1)

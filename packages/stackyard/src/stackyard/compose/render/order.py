"""The order of user-chosen keys: numbers by value, letters after other characters."""

from __future__ import annotations

import functools


def _compare(left: str, right: str) -> int:
    """Compare as yaml.v3 orders the keys of a map."""
    common = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        common += 1
    else:
        return len(left) - len(right)
    a, b = left[common], right[common]
    after_digit = common > 0 and left[common - 1].isdigit()
    if a.isalpha() and b.isalpha():
        return -1 if a < b else 1
    if a.isalpha() or b.isalpha():
        # A letter sorts after other characters, but before a number that goes on.
        return -1 if a.isalpha() == after_digit else 1
    return _compare_numbers(left, right, common)


def _compare_numbers(left: str, right: str, start: int) -> int:
    first, second = _digits(left, start), _digits(right, start)
    if "0" in (left[start], right[start]):
        # Inside a number the digits before count; leading zeros do not.
        before = left[:start]
        run = before[len(before.rstrip("0123456789")) :]
        if run.strip("0"):
            first, second = f"1{first}", f"1{second}"
    # Compared as texts: Python refuses to read thousands of digits.
    values = first.lstrip("0"), second.lstrip("0")
    if values[0] != values[1]:
        shorter = (len(values[0]), values[0]) < (len(values[1]), values[1])
        return -1 if shorter else 1
    if len(first) != len(second):
        return len(first) - len(second)
    return -1 if left[start] < right[start] else 1


def _digits(text: str, start: int) -> str:
    end = start
    while end < len(text) and text[end].isdecimal():
        end += 1
    return text[start:end]


natural_order = functools.cmp_to_key(_compare)
"""A sort key."""

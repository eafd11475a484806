"""Plain scalars, read by the rules of Go's yaml.v3."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stackyard.compose.files.yaml_scalars import TAG, Timestamp, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("y", "y"),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("0777", 0o777),
        ("0o17", 0o17),
        ("0O17", 0o17),
        ("-0o17", -0o17),
        ("08", 8.0),
        ("0o8", "0o8"),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("1_000.5", 1000.5),
        ("_1", "_1"),
        (".1_5", 0.15),
        (".1e1_0", 1e9),
        (".9_", ".9_"),
        ("._9", "._9"),
        ("0.9_", 0.9),
        ("+.9_", 0.9),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", -(2.0**63)),
        ("1.10", 1.1),
        ("1.", 1.0),
        (".5", 0.5),
        (".", "."),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("9" * 400, "9" * 400),
        ("1.2.3", "1.2.3"),
        ("22:22", "22:22"),
        ("-", "-"),
        (".inf", math.inf),
        ("+.Inf", math.inf),
        ("-.INF", -math.inf),
        ("inf", "inf"),
        ("5 ", "5 "),
    ],
)
def test_a_plain_scalar(text: str, value: Any) -> None:
    found = resolve(None, text, plain=True)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    assert math.isnan(resolve(None, text, plain=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-12-14", "2001-12-14T00:00:00Z"),
        ("2001-1-4", "2001-01-04T00:00:00Z"),
        ("2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
        ("2001-12-14t21:59:43Z", "2001-12-14T21:59:43Z"),
        ("2001-12-14 21:59:43", "2001-12-14T21:59:43Z"),
    ],
)
def test_a_timestamp(text: str, value: str) -> None:
    assert resolve(None, text, plain=True) == Timestamp(value)


@pytest.mark.parametrize(
    "text",
    [
        "2001-13-14",
        "2001-02-30",
        "2001-12-14T21:59:43",
        "2001-12-14 21:59:43Z",
        "2001-12",
    ],
)
def test_what_only_looks_like_a_timestamp(text: str) -> None:
    assert type(resolve(None, text, plain=True)) is str


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "5", "5"),
        ("str", "null", "null"),
        ("int", "5", 5),
        ("int", "0x10", 16),
        ("int", "1.5", NotImplemented),
        ("int", "five", NotImplemented),
        ("float", "5", 5.0),
        ("float", ".inf", math.inf),
        ("float", "x", NotImplemented),
        ("bool", "true", True),
        ("bool", "yes", NotImplemented),
        ("null", "", None),
        ("null", "x", NotImplemented),
        ("timestamp", "2001-12-14", "2001-12-14T00:00:00Z"),
        ("timestamp", "soon", NotImplemented),
        ("binary", "aGVsbG8=", "hello"),
        ("binary", "a", NotImplemented),
        ("own", "5", "5"),
    ],
)
def test_a_tagged_scalar(kind: str, text: str, value: Any) -> None:
    found = resolve(TAG + kind, text, plain=False)
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize("tag", [None, "!", "!own"])
def test_quotes_and_own_tags_make_a_text(tag: str | None) -> None:
    assert resolve(tag, "5", plain=False) == "5"

"""Devices: the short syntax in the long form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.device import parse

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("spec", "source", "target", "permissions"),
    [
        ("/dev/a", "/dev/a", "/dev/a", "rwm"),
        ("/dev/a:", "/dev/a", "/dev/a", "rwm"),
        ("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm"),
        ("/dev/a:/dev/b:r", "/dev/a", "/dev/b", "r"),
        ("/dev/a::rw", "/dev/a", "/dev/a", "rw"),
        ("/dev/a:/dev/b:xyz", "/dev/a", "/dev/b", "xyz"),
        ("/dev/a:rwm", "/dev/a", "rwm", "rwm"),
        ("/dev/a:/dev/b:", "/dev/a", "/dev/b", ""),
        (":/dev/b", "", "/dev/b", "rwm"),
        ("::", "", "", ""),
        ("", "", "", "rwm"),
        (
            "vendor.com/class=name",
            "vendor.com/class=name",
            "vendor.com/class=name",
            "rwm",
        ),
    ],
)
def test_devices(spec: str, source: str, target: str, permissions: str) -> None:
    assert parse(spec) == {
        "source": source,
        "target": target,
        "permissions": permissions,
    }


def test_more_than_three_parts_are_confusing() -> None:
    with pytest.raises(InvalidValueError, match='device "a:b:c:d" has too many colons'):
        parse("a:b:c:d")


@given(spec=st.text() | st.text("a:/rwm"))
def test_any_text_is_read_or_refused(spec: str, attempt: Callable) -> None:
    attempt(parse, spec)

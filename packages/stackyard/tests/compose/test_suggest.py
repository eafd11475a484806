"""The name that was probably meant."""

from __future__ import annotations

import pytest

from stackyard.compose.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("imgae", "image"),
        ("enviroment", "environment"),
        ("port", "ports"),
        ("zzz", None),
        ("", None),
        ("image" * 100_000, None),
    ],
)
def test_the_nearest_name(name: str, near: str | None) -> None:
    names = ("image", "environment", "ports")
    assert nearest(name, iter(names)) == near
    assert did_you_mean(name, names) == (f"did you mean {near}?" if near else None)

"""Durations and settings as Neon writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from branchpg.errors import BadRequest
from branchpg.pageserver import settings


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7 days", 604800),
        ("1 hr", 3600),
        ("10 m", 600),
        ("90s", 90),
        ("0s", 0),
        ("1h 30m", 5400),
        ("250ms", 0.25),
        ("1 day", 86400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert settings.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "7", "days", "7 fortnights", "-1s", "1s!"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="invalid duration"):
        settings.duration(text)


def test_unknown_settings_and_wrong_kinds_are_refused() -> None:
    settings.check({"pitr_interval": "1 day", "gc_horizon": 0})
    with pytest.raises(BadRequest, match="unknown setting"):
        settings.check({"pitr": "1 day"})
    with pytest.raises(BadRequest, match="is a number"):
        settings.check({"gc_horizon": -1})

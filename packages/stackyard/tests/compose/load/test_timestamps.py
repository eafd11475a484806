"""Timestamps: no Compose attribute takes one."""

from __future__ import annotations

from support import value

from stackyard.compose.load.timestamps import timestamp_problems


def test_timestamps_are_told_with_their_path() -> None:
    document = value(
        """
        name: 2001-12-14
        services: {web: {labels: [a, 2002-01-01]}}
        """
    )
    assert [str(problem) for problem in timestamp_problems(document)] == [
        (
            "name: 2001-12-14T00:00:00Z is a timestamp here\n"
            '  hint: quote it: "2001-12-14T00:00:00Z"'
        ),
        (
            "services.web.labels[1]: 2002-01-01T00:00:00Z is a timestamp here\n"
            '  hint: quote it: "2002-01-01T00:00:00Z"'
        ),
    ]


def test_quoted_ones_and_those_of_extensions_may_stay() -> None:
    document = value("{x-date: 2001-12-14, services: {web: {image: '2001-12-14'}}}")
    assert not list(timestamp_problems(document))

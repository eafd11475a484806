"""When a snapshot is due: by bytes of log, and by fewer of them after some time."""

from __future__ import annotations

import pytest

from branchpg.pageserver.schedule import way_to_a_snapshot

MEGABYTE = 1024 * 1024
DISTANCE = 256 * MEGABYTE


@pytest.mark.parametrize(
    ("megabytes", "seconds", "way"),
    [
        (0, 0, 0),
        (0, 3600, 0),  # nothing was written
        (128, 1, 0.5),
        (256, 1, 1),  # rows are loaded
        (512, 10, 2),
        (63, 3600, 63 / 64),  # little is written
        (64, 10, 0.5),
        (64, 20, 1),  # whole pages are written, compressed
        (64, 40, 1),
        (128, 40, 2),
    ],
)
def test_the_way(megabytes: int, seconds: float, way: float) -> None:
    assert way_to_a_snapshot(megabytes * MEGABYTE, seconds, DISTANCE) == way


def test_full_copies_are_sixteen_times_as_far_apart() -> None:
    for lag, seconds in ((DISTANCE, 1.0), (DISTANCE // 4, 20.0)):
        way = way_to_a_snapshot(lag * 16, seconds * 16, DISTANCE, in_full=True)
        assert way == way_to_a_snapshot(lag, seconds, DISTANCE) == 1


def test_no_distance_is_always_due() -> None:
    assert way_to_a_snapshot(1, 0, 0) >= 1

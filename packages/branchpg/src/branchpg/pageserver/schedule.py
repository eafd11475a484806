"""When a snapshot is due."""

from __future__ import annotations

from typing import Final

__all__ = ["way_to_a_snapshot"]

_SECONDS: Final = 20.0
_FEWER_BYTES: Final = 4
_RARER_IN_FULL: Final = 16


def way_to_a_snapshot(
    lag: int, seconds: float, distance: int, *, in_full: bool = False
) -> float:
    """Return how much of the way from one snapshot to the next is gone; due is 1.

    The way is what would have to be replayed. Of whole pages, which are compressed, as
    many bytes of log hold many more changes than of rows; so after some time a quarter
    of the distance does.

    Args:
        lag: bytes of log since the last snapshot.
        seconds: since that was taken.
        distance: bytes of log between two.
        in_full: whether a snapshot is a full copy of all files: more rarely then.
    """
    rarer = _RARER_IN_FULL if in_full else 1
    by_bytes = lag / max(1, distance * rarer)
    by_time = seconds / (_SECONDS * rarer)
    return max(by_bytes, min(_FEWER_BYTES * by_bytes, by_time))

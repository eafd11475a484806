"""Which paths are sealed: the nearest one that was named decides."""

from __future__ import annotations

import pytest

from stackyard.engine.process.seal import Seal


def test_a_path_that_is_also_mounted_to_be_written_is_not_sealed() -> None:
    assert Seal.of(["/a", "/b"], ["/b"]) == Seal(("/a",))


def test_only_exceptions_below_a_sealed_path_matter() -> None:
    seal = Seal.of(["/a"], ["/a/b", "/ab", "/c", "/"])

    assert seal == Seal(("/a",), ("/a/b",))


@pytest.mark.parametrize(
    ("read_only", "writable", "points", "sealed"),
    [
        (["/a"], [], ["/", "/a", "/ab", "/a/b"], ["/a", "/a/b"]),
        (["/a"], ["/a/b"], ["/a", "/a/b", "/a/b/c"], ["/a"]),
        (["/a", "/a/b/c"], ["/a/b"], ["/a", "/a/b", "/a/b/c"], ["/a", "/a/b/c"]),
        (["/"], ["/tmp"], ["/", "/tmp", "/tmp/x", "/home"], ["/", "/home"]),
        ([], ["/tmp"], ["/", "/tmp"], []),
    ],
)
def test_mount_points(
    read_only: list[str], writable: list[str], points: list[str], sealed: list[str]
) -> None:
    assert Seal.of(read_only, writable).covered(points) == sealed

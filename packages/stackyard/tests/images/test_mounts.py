"""Where container paths lie."""

from __future__ import annotations

import json

import pytest

from stackyard.images.mounts import Mounts

MOUNTS = Mounts.read(
    {
        "YARD_MOUNTS": json.dumps(
            {
                "/var/lib/postgresql": "/host/outer",
                "/var/lib/postgresql/data/": "/host/data",
                "/docker-entrypoint-initdb.d/02.sql": "/checkout/b.sql",
                "/docker-entrypoint-initdb.d/deeper/x": "/checkout/x",
            }
        )
    }
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/postgresql/data", "/host/data"),
        ("/var/lib/postgresql/data/", "/host/data"),
        ("//var/lib/postgresql/./data/pg", "/host/data/pg"),
        ("/var/lib/postgresql/18/docker", "/host/outer/18/docker"),
        ("/var/lib/postgresql-2", None),
        ("/var/lib", None),
        ("/", None),
    ],
)
def test_the_longest_prefix_counts(path: str, expected: str | None) -> None:
    assert MOUNTS.host_path(path) == expected


def test_a_mount_of_everything() -> None:
    assert Mounts({"/": "/host"}).host_path("/a/b") == "/host/a/b"


def test_files_mounted_one_by_one() -> None:
    assert MOUNTS.below("/docker-entrypoint-initdb.d") == {"02.sql": "/checkout/b.sql"}


def test_no_mounts() -> None:
    assert Mounts.read({}).host_path("/data") is None


@pytest.mark.parametrize("text", ["[]", "{", "3"])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        Mounts.read({"YARD_MOUNTS": text})

"""Which adapter an image gets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stackyard.images import registry
from stackyard.images.adapter import ImageError
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.images.adapter import Host


@pytest.mark.parametrize("name", registry.known())
def test_every_known_image_has_an_adapter(name: str, host: Host) -> None:
    adapter = registry.find(parse(name), host)

    assert adapter is not None
    try:
        image = adapter.image()
    except ImageError as error:
        pytest.skip(f"not on this machine: {error}; {error.hint}")
    assert len(image.entrypoint) + len(image.command) > 0


@pytest.mark.parametrize(
    "name", ["mysql", "bitnami/postgresql", "ghcr.io/me/postgres", "postgress"]
)
def test_an_unknown_image_has_none(name: str, host: Host) -> None:
    assert registry.find(parse(name), host) is None


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("postgress", "postgres"),
        ("bitnami/postgresql", "postgres"),
        ("valkey", "valkey/valkey"),
        ("bitnami/redis", "redis"),
        ("pyhton", "python"),
    ],
)
def test_the_nearest_names(name: str, first: str) -> None:
    assert registry.nearest(parse(name))[0] == first


def test_nothing_is_near_to_what_is_quite_different() -> None:
    assert registry.nearest(parse("ghcr.io/nobody/thing")) == ()


def test_another_package_brings_an_adapter(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "stackyard_foreign_image"
    (tmp_path / f"{module}.py").write_text(
        "class Foreign:\n    def __init__(self, image, host): self.tag = image.tag\n"
    )
    information = tmp_path / f"{module}-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {module}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        f"[stackyard.images]\nme/thing = {module}:Foreign\n"
        f"ghcr.io/me/other = {module}:Foreign\npostgres = {module}:Foreign\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    thing = registry.find(parse("me/thing:5"), host)
    other = registry.find(parse("ghcr.io/me/other:6"), host)
    ours = registry.find(parse("postgres:17"), host)

    assert [getattr(thing, "tag", ""), getattr(other, "tag", "")] == ["5", "6"]
    assert registry.find(parse("ghcr.io/me/thing"), host) is None
    assert type(ours).__name__ == "PostgresAdapter"
    assert "me/thing" in registry.known()
    sys.modules.pop(module)


def test_entry_points_are_not_read_for_our_own(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "importlib.metadata", None)

    assert registry.find(parse("postgres:17"), host)

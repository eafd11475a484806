"""Which files a command means when it names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose.files.discovery import FILE_NAMES, OVERRIDE_NAMES, find_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", FILE_NAMES)
def test_every_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    found = find_files(str(tmp_path))
    assert found is not None
    assert found.files == (f"{tmp_path}/{name}",)
    assert not found.warnings


@pytest.mark.parametrize("name", OVERRIDE_NAMES)
def test_every_override(name: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    (tmp_path / name).touch()
    found = find_files(str(tmp_path))
    assert found is not None
    assert found.files == (f"{tmp_path}/compose.yaml", f"{tmp_path}/{name}")


def test_the_first_of_several_is_used(tmp_path: Path) -> None:
    for name in (*FILE_NAMES, *OVERRIDE_NAMES):
        (tmp_path / name).touch()
    found = find_files(str(tmp_path))
    assert found is not None
    chosen = (f"{tmp_path}/{FILE_NAMES[0]}", f"{tmp_path}/{OVERRIDE_NAMES[0]}")
    assert found.files == chosen
    all_files = ", ".join(f"{tmp_path}/{name}" for name in FILE_NAMES)
    assert found.warnings[:2] == (
        f"Found multiple config files with supported names: {all_files}",
        f"Using {chosen[0]}",
    )
    assert found.warnings[2].startswith("Found multiple override files")


def test_the_nearest_parent(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for directory in (tmp_path, tmp_path / "a"):
        (directory / "compose.yaml").touch()
    found = find_files(str(below))
    assert found is not None
    assert found.files == (f"{tmp_path}/a/compose.yaml",)


def test_an_override_alone_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    below = tmp_path / "a"
    below.mkdir()
    (below / "compose.override.yaml").touch()
    found = find_files(str(below))
    assert found is not None
    assert found.files == (f"{tmp_path}/compose.yaml",)


def test_nothing_up_to_the_root(tmp_path: Path) -> None:
    assert find_files(str(tmp_path)) is None

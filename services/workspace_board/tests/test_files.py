from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workspace_board.files import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>page")
    (tmp_path / "assets/app-1a2b.js").write_text("plain")
    (tmp_path / "assets/app-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path / "assets/app-1a2b.js.gz").write_bytes(b"gzip")
    (tmp_path / "assets/notes.txt").write_text("not a kind that pages have")
    return tmp_path


def test_every_file_is_there_once_whatever_its_codings(root: Path) -> None:
    assert set(load(root)) == {"index.html", "assets/app-1a2b.js"}


def test_nothing_built_is_nothing_found(tmp_path: Path) -> None:
    assert load(tmp_path / "static") == {}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000", None),
        ("identity", None),
        ("", None),
    ],
)
def test_a_client_gets_the_best_coding_that_it_takes(
    root: Path, accepted: str, coding: str | None
) -> None:
    assert load(root)["assets/app-1a2b.js"].choose(accepted).coding == coding


def test_only_names_with_a_hash_last(root: Path) -> None:
    files = load(root)
    assert files["assets/app-1a2b.js"].lasting
    assert not files["index.html"].lasting


def test_each_coding_has_a_tag_of_its_own(root: Path) -> None:
    file = load(root)["assets/app-1a2b.js"]
    assert len({file.plain.etag, *(body.etag for body in file.coded)}) == 3

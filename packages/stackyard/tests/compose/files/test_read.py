"""Files that are read, and what would block, never end, or is no text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from stackyard.compose import limits
from stackyard.compose.errors import LoadError
from stackyard.compose.files.read import decode, read_bytes, read_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("grün\r\n".encode(), "grün\r\n"),
        (b"\xef\xbb\xbfa: 1", "a: 1"),
        (b"a\xef\xbb\xbfb", "a\ufeffb"),
    ],
)
def test_a_text(data: bytes, text: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert read_text(str(file)) == text


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    assert read_bytes(str(tmp_path / "link")) == b"a"


def refusal(path: str) -> str:
    with pytest.raises(LoadError) as caught:
        read_text(path)
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/a") == f"{tmp_path}/a: no such file"


def test_a_directory(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == f"{tmp_path}: a directory, not a file"


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refusal(f"{tmp_path}/fifo") == f"{tmp_path}/fifo: a FIFO, not a file"


def test_a_device_does_not_go_on_for_ever() -> None:
    assert refusal("/dev/zero") == "/dev/zero: a device or socket, not a file"


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert "loop: cannot be read: too many levels" in refusal(f"{tmp_path}/loop")


def test_a_path_that_is_none() -> None:
    assert "cannot be read: embedded null byte" in refusal("a\0b")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(limits.FILE_BYTES + 1)
    assert refusal(f"{tmp_path}/large").endswith("larger than the limit of 32 MiB")


def test_a_file_that_is_not_utf_8() -> None:
    with pytest.raises(LoadError) as caught:
        decode(b"a: 1\nb: gr\xfcn\n", "a.yaml")
    assert str(caught.value) == (
        "a.yaml: not valid UTF-8 at line 2 (byte 10)\n  hint: save the file as UTF-8"
    )

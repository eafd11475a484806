"""Files of one project: read once, and searched for the place of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose import limits
from stackyard.compose.errors import LoadError, Location
from stackyard.compose.files.sources import STDIN, Sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def write_file(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write_file


def test_a_file_is_read_once(write: Callable) -> None:
    sources, file = Sources(), write("a", "one")
    assert sources.text(file) == "one"
    write("a", "two")
    assert sources.text(file) == "one"


def test_documents_are_built_afresh(write: Callable) -> None:
    sources, file = Sources(), write("a.yaml", "a: [1]\n---\nb: 2\n")
    first, _ = sources.documents(file)
    first.value["a"].append(2)
    again, _ = sources.documents(file)
    assert again.value == {"a": [1]}


def test_standard_input_is_a_file() -> None:
    sources = Sources(stdin=lambda: b"a: 1")
    (document,) = sources.documents(STDIN)
    assert document.value == {"a": 1}
    assert sources.locate(("a",)) == Location("-", 1, 1)


def test_standard_input_has_the_limits_of_a_file() -> None:
    sources = Sources(stdin=lambda: bytes(limits.FILE_BYTES + 1))
    with pytest.raises(LoadError, match="standard input: larger than 32 MiB"):
        sources.text(STDIN)


def test_standard_input_may_not_be_there() -> None:
    with pytest.raises(LoadError, match="standard input is not available here"):
        Sources().text(STDIN)


def test_files_have_a_limit(write: Callable) -> None:
    sources, file = Sources(), write("a.yaml", "")
    for _ in range(limits.FILES):
        sources.documents(file)
    with pytest.raises(LoadError, match="more than 10,000 files included or extended"):
        sources.documents(file)


def test_the_place_of_a_value(write: Callable) -> None:
    sources = Sources()
    lower = write("lower.yaml", "a:\n  b: 1\n  c: 1\n")
    upper = write("upper.yaml", "# comment\na:\n  b: 2\n")
    for file in (lower, upper):
        sources.documents(file)
    places = {
        ("a", "b"): Location(upper, 3, 3),
        ("a", "c"): Location(lower, 3, 3),
        ("a", "b", "no", 1): Location(upper, 3, 3),
        ("z",): Location(upper),
        (): Location(upper),
    }
    assert {path: sources.locate(path) for path in places} == places
    assert sources.locate(("a", "b"), lower) == Location(lower, 2, 3)


def test_nothing_was_read(write: Callable) -> None:
    sources = Sources()
    sources.text(write("a.env", "A=1"))
    assert sources.locate(("a",)) is None


def test_the_last_document_that_has_it(write: Callable) -> None:
    sources, file = Sources(), write("a.yaml", "a: 1\nb: 1\n---\na: 2\n")
    sources.documents(file)
    assert sources.place(file, ("a",)) == (4, 1)
    assert sources.place(file, ("b",)) == (2, 1)
    assert sources.place(file, ("c",)) is None

"""The cases of the corpus: Compose projects as text, and how to read them.

A case is a txtar file: a sentence, directives, then the files of a small project.
README.md describes the format. Nothing here but `load_corpus` touches the disk.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CORPUS = Path(__file__).parent / "corpus"

_MARKER = re.compile(r"^-- (?P<path>.+) --$")
_DIRECTIVE = re.compile(r"^# (?P<key>[a-z]+): ?(?P<value>.*)$")
_DIRECTIVES = frozenset(
    {"args", "cwd", "env", "form", "link", "mkdir", "reject", "stdin"}
)
_FORMS = frozenset({"bom", "crlf", "no-newline"})


class CaseError(ValueError):
    """A case file does not follow the format described in README.md."""


@dataclass(frozen=True, kw_only=True)
class Case:
    id: str
    sentence: str
    args: tuple[str, ...] = ("config",)
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "."
    stdin: str | None = None
    """Path of the case's file whose content is the standard input."""
    rejected: bool = False
    """Whether docker compose refuses the project."""
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ()


def parse_case(case_id: str, text: str) -> Case:
    header, files = split_txtar(text)
    sentence, directives = _read_header(case_id, header)
    single = {key: values[-1] for key, values in directives.items()}
    stdin = single.get("stdin")
    if stdin is not None and stdin not in files:
        raise CaseError(f"{case_id}: no file {stdin!r} for standard input")
    return Case(
        id=case_id,
        sentence=sentence,
        args=tuple(shlex.split(single.get("args", "config"))),
        environment=dict(
            _pair(case_id, entry, "=") for entry in directives.get("env", ())
        ),
        cwd=single.get("cwd", "."),
        stdin=stdin,
        rejected=_is_yes(case_id, single.get("reject")),
        files=_in_form(case_id, files, directives.get("form", ())),
        links=dict(
            _pair(case_id, entry, " -> ") for entry in directives.get("link", ())
        ),
        directories=tuple(directives.get("mkdir", ())),
    )


def split_txtar(text: str) -> tuple[str, dict[str, str]]:
    """The text before the first marker, and the content below each marker."""
    header: list[str] = []
    files: dict[str, list[str]] = {}
    current = header
    for line in text.splitlines(keepends=True):
        marker = _MARKER.match(line.rstrip("\n"))
        if marker is None:
            current.append(line)
            continue
        path = marker["path"]
        if path in files:
            raise CaseError(f"file {path!r} stands twice")
        current = files[path] = []
    return "".join(header), {path: "".join(lines) for path, lines in files.items()}


def _read_header(case_id: str, header: str) -> tuple[str, dict[str, list[str]]]:
    sentences: list[str] = []
    directives: dict[str, list[str]] = {}
    for line in filter(None, header.splitlines()):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            sentences.append(line)
        elif directive["key"] in _DIRECTIVES:
            directives.setdefault(directive["key"], []).append(directive["value"])
        else:
            raise CaseError(f"{case_id}: unknown directive {directive['key']!r}")
    if not sentences or any(line.startswith("#") for line in sentences):
        raise CaseError(f"{case_id}: the header needs a sentence without '#'")
    return " ".join(sentences), directives


def _pair(case_id: str, entry: str, separator: str) -> tuple[str, str]:
    key, found, value = entry.partition(separator)
    if not found:
        raise CaseError(f"{case_id}: {entry!r} lacks {separator!r}")
    return key, value


def _is_yes(case_id: str, value: str | None) -> bool:
    if value not in {None, "yes"}:
        raise CaseError(f"{case_id}: reject is 'yes' or absent, not {value!r}")
    return value == "yes"


def _in_form(
    case_id: str, files: Mapping[str, str], entries: Sequence[str]
) -> dict[str, str]:
    """Give the named files the byte forms that an editor or Git would undo."""
    formed = dict(files)
    for entry in entries:
        path, *forms = shlex.split(entry)
        if path not in files or not _FORMS.issuperset(forms):
            raise CaseError(f"{case_id}: cannot apply form {entry!r}")
        if "no-newline" in forms:
            formed[path] = formed[path].removesuffix("\n")
        if "crlf" in forms:
            formed[path] = formed[path].replace("\n", "\r\n")
        if "bom" in forms:
            formed[path] = "\ufeff" + formed[path]
    return formed


def load_corpus(root: Path = CORPUS) -> list[Case]:
    return [
        parse_case(path.relative_to(root).with_suffix("").as_posix(), _read(path))
        for path in sorted(root.glob("*/*.txtar"))
    ]


def _read(path: Path) -> str:
    return path.read_bytes().decode()

"""`yard doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Stack

NAMES = [
    *("python", "system", "state", "disk", "addresses", "ports", "open files"),
    *("limits", "postgres", "redis", "strays"),
]


def test_every_check_is_named(stack: Stack) -> None:
    lines = stack.yard("doctor", "--json").stdout.splitlines()
    findings = [json.loads(line) for line in lines]
    assert [finding["name"] for finding in findings] == NAMES
    assert {finding["verdict"] for finding in findings} <= {"ok", "warning"}


def test_what_is_wrong_has_a_remedy(stack: Stack) -> None:
    stack.home.mkdir()
    (stack.home / "stackyard").write_text("a file, not a directory")
    done = stack.yard("doctor", code=1)
    assert "✘ state       cannot write the state" in done.stdout
    assert "hint: make it writable" in done.stdout
    (stack.home / "stackyard").unlink()

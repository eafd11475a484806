"""Tells a person how yard and docker compose differ in one case."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness import Comparison
    from verdicts import Run


def explain(result: Comparison) -> str:
    return "\n".join(
        [
            f"{result.case.id}: {result.case.sentence}",
            f"  {result.verdict.reason}",
            *_describe("docker compose", result.oracle),
            *_describe("yard", result.yard),
            *diff(result),
        ]
    )


def diff(result: Comparison) -> list[str]:
    return list(
        difflib.unified_diff(
            _everything(result.oracle),
            _everything(result.yard),
            "docker compose",
            "yard",
            lineterm="",
        )
    )


def _describe(name: str, done: Run) -> list[str]:
    return [f"  {name} exits {done.exit_code}; standard error:", done.stderr.rstrip()]


def _everything(done: Run) -> list[str]:
    lines = done.stdout.splitlines()
    for name, content in done.written.items():
        lines += [f"-- {name} --", *content.splitlines()]
    return lines

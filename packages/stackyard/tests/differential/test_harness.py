"""The harness of the differential tests: reading cases, laying out, judging."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from cases import Case, CaseError, parse_case, split_txtar
from harness import lay_out, run
from verdicts import Run, judge, load_yaml, parse_output

if TYPE_CHECKING:
    from pathlib import Path

FULL_CASE = """\
A sentence over
two lines.
# args: -p "my shop" config --format json
# env: A=b=c
# env: EMPTY=
# cwd: sub
# stdin: in.yaml
# reject: yes
# mkdir: sub
# link: a -> sub/b

-- in.yaml --
services: {}
# not a directive
-- empty --
-- deep/er/file.env --
A=1
"""


def test_a_case_has_all_that_its_directives_say() -> None:
    assert parse_case("area/name", FULL_CASE) == Case(
        id="area/name",
        sentence="A sentence over two lines.",
        args=("-p", "my shop", "config", "--format", "json"),
        environment={"A": "b=c", "EMPTY": ""},
        cwd="sub",
        stdin="in.yaml",
        rejected=True,
        files={
            "in.yaml": "services: {}\n# not a directive\n",
            "empty": "",
            "deep/er/file.env": "A=1\n",
        },
        links={"a": "sub/b"},
        directories=("sub",),
    )


def test_a_case_without_directives_runs_config() -> None:
    case = parse_case("a/b", "Sentence.\n-- compose.yaml --\n")

    assert case.args == ("config",)
    assert (case.cwd, case.stdin, case.rejected) == (".", None, False)


@pytest.mark.parametrize(
    ("forms", "content"),
    [
        ("crlf", "a\r\nb\r\n"),
        ("bom", "\ufeffa\nb\n"),
        ("no-newline", "a\nb"),
        ("no-newline crlf bom", "\ufeffa\r\nb"),
    ],
)
def test_a_file_takes_the_form_asked_for(forms: str, content: str) -> None:
    case = parse_case("a/b", f"Sentence.\n# form: f {forms}\n-- f --\na\nb\n")

    assert case.files == {"f": content}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- f --\n", "needs a sentence"),
        ("#no directive\n-- f --\n", "needs a sentence"),
        ("S.\n# colour: red\n", "unknown directive 'colour'"),
        ("S.\n# env: A\n", "'A' lacks '='"),
        ("S.\n# link: a\n", "'a' lacks ' -> '"),
        ("S.\n# reject: no\n", "not 'no'"),
        ("S.\n# stdin: f\n", "no file 'f'"),
        ("S.\n# form: f crlf\n", "cannot apply"),
        ("S.\n# form: f fancy\n-- f --\n", "cannot apply"),
    ],
)
def test_a_bad_case_is_refused(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        parse_case("area/name", text)


def test_a_file_cannot_stand_twice() -> None:
    with pytest.raises(CaseError, match="stands twice"):
        split_txtar("-- f --\n-- f --\n")


def test_markers_stand_alone_on_their_line() -> None:
    _, files = split_txtar("-- f --\n-- g -- \n --h--\n-- i\n")

    assert files == {"f": "-- g -- \n --h--\n-- i\n"}


def test_laying_out_writes_files_links_and_directories(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "stale").touch()

    lay_out(parse_case("area/name", FULL_CASE), tmp_path / "case")

    assert (tmp_path / "case/deep/er/file.env").read_bytes() == b"A=1\n"
    assert (tmp_path / "case/sub").is_dir()
    assert (tmp_path / "case/a").readlink().as_posix() == "sub/b"
    assert not (tmp_path / "case/stale").exists()


def test_a_run_tells_what_the_program_did(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "print(os.path.basename(os.getcwd()), sys.stdin.read(), end='')\n"
        "print(sorted(os.environ), file=sys.stderr)\n"
        "open('old', 'w').write('new')\n"
        "open('made', 'w').write('made')\n"
        "sys.exit(3)\n"
    )
    case = Case(
        id="a/b",
        sentence="S.",
        args=("-c", program),
        environment={"MINE": "1"},
        stdin="in",
        files={"in": "text", "old": "old"},
    )

    done = run(case, [sys.executable], tmp_path)

    assert done.exit_code == 3
    assert done.stdout == "case text"
    assert done.stderr == "['HOME', 'LANG', 'MINE', 'PATH']\n"
    assert done.written == {"made": "made", "old": "new"}


def ran(stdout: str = "", *, exit_code: int = 0, **written: str) -> Run:
    return Run(exit_code, stdout, "", written)


@pytest.mark.parametrize(
    ("args", "oracle", "yard", "equal", "same_bytes"),
    [
        ("config", ran("a: 1\n"), ran("a: 1\n"), True, True),
        ("config", ran("a: b\n"), ran("a: 'b'\n"), True, False),
        ("config", ran("a: 1\n"), ran('a: "1"\n'), False, False),
        ("config", ran("a: 1\n"), ran("a: true\n"), False, False),
        ("config", ran("{a: 1, b: 2}\n"), ran("{b: 2, a: 1}\n"), True, False),
        ("config", ran("[a, b]\n"), ran("[b, a]\n"), False, False),
        ("config", ran("a: [\n"), ran("a: [\n"), True, True),
        ("config", ran("a: .nan\n"), ran("a:  .nan\n"), True, False),
        ("config", ran(exit_code=1), ran(exit_code=2), True, True),
        ("config", ran(exit_code=1), ran("a: 1\n"), False, False),
        ("config", ran("a: 1\n"), ran(exit_code=1), False, False),
        ("config", ran(out="a: 1\n"), ran(out="a:  1\n"), True, False),
        ("config", ran(out="a: 1\n"), ran(other="a: 1\n"), False, False),
        ("config --format json", ran('{"a":1}'), ran('{ "a": 1 }'), True, False),
        ("config --format=json", ran('{"a":1}'), ran('{"a":1.0}'), False, False),
        ("config --services", ran("a\nb\n"), ran("b\na\n"), True, True),
        ("config --profiles", ran("a\nb\n"), ran("b\na\n"), False, False),
        ("config --hash=web", ran("web 1\n"), ran("web 2\n"), False, False),
    ],
)
def test_two_runs_are_judged(
    args: str, oracle: Run, yard: Run, equal: bool, same_bytes: bool
) -> None:
    verdict = judge(args.split(), oracle, yard)

    assert (verdict.equal, verdict.same_bytes) == (equal, same_bytes)
    assert (verdict.reason == "") == same_bytes


def test_timestamps_stay_text() -> None:
    assert load_yaml("a: 2024-01-02") == {"a": "2024-01-02"}


def test_output_that_is_no_yaml_is_compared_as_text() -> None:
    assert parse_output(["config"], "a: [") == "a: ["

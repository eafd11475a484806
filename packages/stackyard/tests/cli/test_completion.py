"""`yard completion`, and the protocol by which a shell asks for completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.cli.main import COMMANDS

if TYPE_CHECKING:
    from conftest import Shell


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bash", "_yard_completion() {"),
        ("zsh", "#compdef yard"),
        ("fish", "function _yard_completion;"),
    ],
)
def test_the_script_of_a_shell(shell: Shell, name: str, text: str) -> None:
    if name == "bash":
        pytest.importorskip("click.shell_completion")
    done = shell.run("completion", name)

    assert done.returncode == 0
    assert text in done.stdout


def test_another_shell(shell: Shell) -> None:
    assert "'csh' is not one of" in shell.error("completion", "csh")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("yard ", set(COMMANDS)),
        ("yard co", {"config", "completion"}),
        ("yard completion ", {"bash", "zsh", "fish"}),
        ("yard config --no-i", {"--no-interpolate"}),
    ],
)
def test_completions(shell: Shell, words: str, expected: set[str]) -> None:
    count = len(words.split(" ")) - 1

    done = shell.run(
        _YARD_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=f"{count}"
    )

    found = {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert found == expected

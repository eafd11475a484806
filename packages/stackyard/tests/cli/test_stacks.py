"""`-s NAME`, and what a Compose file says for `yard` alone: variables and commands."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Shell, Stack

GENERATING = """\
    services:
      app: {image: alpine, command: sleep 1000, environment: {SECRET: "${SECRET:?}"}}
    x-yard: {generate: [SECRET, OTHER]}
    """


def variables(stack: Stack) -> dict[str, str]:
    lines = (stack.root / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_up_writes_missing_variables_for_the_owner_alone(stack: Stack) -> None:
    stack.write(GENERATING)
    stack.yard("up", "-d")
    assert stat.S_IMODE((stack.root / ".env").stat().st_mode) == 0o600
    generated = variables(stack)
    assert set(generated) == {"SECRET", "OTHER"}
    assert all(len(value) >= 32 for value in generated.values())
    assert generated["SECRET"] != generated["OTHER"]


def test_what_is_set_stays_as_it_is(stack: Stack) -> None:
    stack.write(GENERATING)
    (stack.root / ".env").write_text("# mine\nSECRET=old")
    stack.yard("up", "-d")
    text = (stack.root / ".env").read_text()
    assert text.startswith("# mine\nSECRET=old\nOTHER=")


def test_a_new_file_begins_as_the_example(stack: Stack) -> None:
    stack.write(GENERATING)
    stack.write("# Words\nSECRET=\nPORT=80\n", ".env.example")
    stack.yard("up", "-d")
    text = (stack.root / ".env").read_text()
    assert text.startswith("# Words\nSECRET=")
    assert "SECRET=\n" not in text
    assert variables(stack)["PORT"] == "80"


def test_a_second_up_generates_nothing(stack: Stack) -> None:
    stack.write(GENERATING)
    stack.yard("up", "-d")
    before = (stack.root / ".env").read_text()
    assert "generated" not in stack.yard("up", "-d").stderr
    assert (stack.root / ".env").read_text() == before


def test_values_are_not_printed(stack: Stack) -> None:
    stack.write(GENERATING)
    done = stack.yard("up", "-d")
    assert "generated SECRET, OTHER" in done.stderr
    assert variables(stack)["SECRET"] not in done.stdout + done.stderr


def test_a_command_of_the_file_takes_further_arguments(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        services: {web: {image: alpine}, db: {image: redis}}
        x-yard: {commands: {names: version}}
        """,
    )
    assert shell.output("names").startswith("Stackyard version v")
    assert shell.output("names", "--short").startswith("0.")


def test_a_command_of_several_lines_ends_with_the_first_failure(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        services: {web: {image: alpine}}
        x-yard: {commands: {both: [config -q nobody, version]}}
        """,
    )
    done = shell.run("both")
    assert done.returncode == 1
    assert "no such service: nobody" in done.stderr
    assert done.stdout == ""


def test_a_command_that_nobody_knows(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: alpine}}")
    assert "unknown command 'dwon'. Did you mean down?" in shell.error("dwon")


def test_a_stack_is_found_by_name_from_below(shell: Shell) -> None:
    shell.write("stacks/shop/compose.yaml", "services: {web: {image: alpine}}")
    shell.write("deep/down/here", "")
    done = shell.run("-s", "shop", "config", "--services", cwd="deep/down")
    assert (done.stdout, done.returncode) == ("web\n", 0)


def test_our_own_stacks_are_found_from_anywhere(shell: Shell) -> None:
    done = shell.run("-s", "syncstation", "config", "--services", POSTGRES_PASSWORD="x")
    assert "fill in .env" in done.stderr


def test_a_stack_that_nobody_has(shell: Shell) -> None:
    told = shell.error("-s", "nosuch", "ps")
    assert "no such stack: nosuch" in told
    assert "syncstation" in told


def test_a_command_may_be_a_program_of_this_machine(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        name: shop
        services: {web: {image: alpine}}
        x-yard:
          commands:
            where: "!sh -c 'echo $PWD $WORD $COMPOSE_PROJECT_NAME $1' sh"
            fail: ["!sh -c 'exit 5'", version]
            back: "!sh -c '$YARD_COMMAND config --services'"
        """,
    )
    shell.write(".env", "WORD=secret\n")
    words = shell.output("where", "more").split()
    assert words[1:] == ["secret", "shop", "more"]
    failed = shell.run("fail")
    assert (failed.returncode, failed.stdout) == (5, "")
    assert shell.output("back") == "web\n"
    assert shell.output("where", "--", "-x").split()[-1] == "--"


def test_a_profile_sets_variables_that_nothing_else_sets(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        services: {web: {image: alpine, environment: {A: "${A:-one}", B: "${B:-one}"}}}
        x-yard: {profiles: {more: {A: many, B: many}}}
        """,
    )
    shell.write(".env", "B=mine\n")
    assert "A: one" in shell.output("config")
    found = shell.output("--profile", "more", "config")
    assert "A: many" in found
    assert "B: mine" in found
    assert "A: many" in shell.output("--profile", "*", "config")
    assert "A: one" in shell.output("--profile", "other", "config")

"""The reference names every command and setting that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from branchpg.client.cli import branch, endpoint, git, store
from branchpg.client.cli.main import COMMANDS, branchpg

PAGE = Path(__file__).parents[4] / "docs/reference/branchpg-cli.md"
GROUPS = {
    "branch": branch.branch,
    "endpoint": endpoint.endpoint,
    "git": git.git,
    "store": store.store,
}


@pytest.fixture(scope="module")
def page():
    if not PAGE.exists():
        pytest.skip("only in the repository")
    return PAGE.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(page, name):
    assert f"`{name}" in page or f"## {name}" in page or f"`{name} " in page


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_a_group_is_there(page, group):
    for name in GROUPS[group].list_commands(None):
        assert name in page


@pytest.mark.parametrize("group", [None, "branch", "import"])
def test_every_long_option_is_there(page, group):
    names = [group] if group in COMMANDS else list(COMMANDS)
    commands = [branchpg.get_command(None, name) for name in names]
    if group == "branch":
        found = GROUPS["branch"]
        commands = [found.get_command(None, name) for name in found.list_commands(None)]
    for command in commands:
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert any(name in page for name in parameter.opts), parameter.opts

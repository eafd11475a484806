"""The board on the whole stack, as `yard` runs it, with three replicas of the API."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from board_harness.boards import Boards
from workspace_harness.client import wait_for
from workspace_stack import workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from workspace_stack import Workspace


def api_processes(stack: Workspace) -> list[int]:
    commands = stack.processes().items()
    return [pid for pid, command in commands if b"/workspace-api" in command]


@pytest.mark.timeout(300)
def test_three_replicas_are_one_api_to_the_board(browser: Browser) -> None:
    with workspace(up=("--scale", "workspace-api=3")) as stack:
        for title in ("a", "b", "c", "d"):
            stack.add(title)
        boards = Boards(
            browser, f"http://localhost:{stack.ports['WORKSPACE_BOARD_PORT']}"
        )
        one, other = boards.new().open(), boards.new().open()
        for title in ("a", "b"):
            one.drag(one.card(title), one.column("review"))
            other.shows("review", *(["a"] if title == "a" else ["a", "b"]))
        other.card("b").press("e")
        dialog = other.dialog("Edit item")
        dialog.get_by_label("Title").fill("b, edited")
        dialog.get_by_role("button", name="Save").click()
        one.shows("review", "a", "b, edited")

        # A replica dies while a card hangs at the pointer: others take the drop.
        before = api_processes(stack)
        assert len(before) >= 3
        one.lift(one.card("c"))
        one.hover(one.column("completed"))
        os.kill(before[0], signal.SIGKILL)
        one.page.mouse.up()
        one.shows("completed", "c")
        other.shows("completed", "c")
        other.shows("new", "d")
        one.online()
        wait_for(stack.is_ready, "the API answers")
        answer = stack.get("WORKSPACE_API_PORT", "/api/v1/items?status=completed")
        assert [item["title"] for item in answer["data"]] == ["c"]
        boards.close()

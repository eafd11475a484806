"""The first load: what is asked for when, and what comes later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from board_harness.services import DEADLINE
from branchpg_harness.stack import wait_for
from playwright.sync_api import expect

if TYPE_CHECKING:
    from board_harness.boards import Board
    from board_harness.services import Api
    from playwright.sync_api import Route

PROGRAM = re.compile(r"/assets/main-[^/]+\.js$")
MENUS = re.compile(r"/assets/menu-parts-[^/]+\.js$")


@pytest.mark.parametrize(("view", "lists"), [("", 5), ("?view=table&priority=low", 1)])
def test_data_is_asked_for_before_the_program_is_there_and_only_once(
    api: Api, board: Board, view: str, lists: int
) -> None:
    api.add("a", priority="low")
    page = board.page
    held: list[Route] = []
    page.route(PROGRAM, lambda route: held.append(route))
    asked: set[str] = set()
    page.on("request", lambda one: asked.add(one.url) if "/items?" in one.url else None)
    # The last of the first requests; those before it were made by then.
    with page.expect_response(lambda one: one.url.endswith("/branches")):
        page.goto(f"{board.url}/#/workspace{view}", wait_until="commit")
    early = set(asked)
    assert len(early) == lists
    expect(page.locator(".ui-skeleton").first).to_be_visible()
    wait_for(lambda: board.frames() or held, "the program is asked for", DEADLINE)
    held[0].continue_()
    board.ready()
    expect(page.get_by_text("a", exact=True)).to_be_visible()
    assert asked == early


def test_menus_are_there_when_the_network_is_gone(api: Api, board: Board) -> None:
    api.add("a")
    page = board.page
    with page.expect_event("requestfinished", lambda one: MENUS.search(one.url)):
        board.open()
    page.context.set_offline(True)
    board.button("Manual order").click()
    expect(page.get_by_role("menuitemradio", name="Newest first")).to_be_visible()


def test_a_menu_that_a_key_opens_has_the_focus_on_its_first_entry(
    api: Api, board: Board
) -> None:
    board.open()
    keys = board.page.keyboard
    for key in ("Enter", "ArrowDown"):
        board.button("Manual order").focus()
        keys.press(key)
        first = board.page.get_by_role("menuitemradio", name="Manual order")
        expect(first).to_be_focused()
        keys.press("Escape")
        expect(board.button("Manual order")).to_be_focused()
        board.page.reload()
        board.ready()

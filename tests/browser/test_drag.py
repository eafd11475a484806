"""Moving cards: by pointer, by touch, by keyboard, one and several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from board_harness.boards import Board, Boards
    from board_harness.services import Api


def column(api: Api, status: str, *titles: str) -> None:
    for title in titles:
        api.add(title, status=status)


def test_a_card_goes_to_a_place_in_another_column(api: Api, board: Board) -> None:
    column(api, "new", "a", "b")
    column(api, "review", "x", "y")
    board.open()
    board.drag(board.card("a"), board.card("y"), at=0.2)
    board.shows("new", "b")
    board.shows("review", "x", "a", "y")
    board.told("moved to In review")
    api.has("review", ["x", "a", "y"])
    board.page.reload()
    board.shows("review", "x", "a", "y")


def test_a_card_goes_to_another_place_in_its_column(api: Api, board: Board) -> None:
    column(api, "new", "a", "b", "c")
    board.open()
    board.drag(board.card("c"), board.card("a"), at=0.1)
    board.shows("new", "c", "a", "b")
    board.told("“c” moved.")
    api.has("new", ["c", "a", "b"])


def test_an_empty_column_takes_a_card(api: Api, board: Board) -> None:
    column(api, "new", "a")
    board.open()
    board.drag(board.card("a"), board.column("completed"))
    board.shows("completed", "a")
    board.told("moved to Completed")
    api.has("completed", ["a"])


def test_a_card_dropped_where_it_was_is_not_sent(api: Api, board: Board) -> None:
    column(api, "new", "a", "b")
    board.open()
    version = api.item(api.want("GET", "/items?q=a")[0]["id"])["version"]
    board.drag(board.card("a"), board.card("a"), at=0.9)
    board.shows("new", "a", "b")
    assert api.item(api.want("GET", "/items?q=a")[0]["id"])["version"] == version


def test_undo_puts_a_card_back_where_it_was(api: Api, board: Board) -> None:
    column(api, "new", "a", "b", "c")
    board.open()
    board.drag(board.card("b"), board.column("rejected"))
    board.told("moved to Rejected")
    board.button("Undo").click()
    board.shows("new", "a", "b", "c")
    board.shows("rejected")
    expect(board.column("new").locator(".column__count")).to_have_text("3")
    board.page.reload()
    board.shows("new", "a", "b", "c")


def test_a_refused_move_is_taken_back(api: Api, board: Board) -> None:
    column(api, "new", "a", "b")
    board.open()
    answer = {"success": False, "error": "CONFLICT", "message": "not on a Sunday"}
    board.page.route("**/move*", lambda route: route.fulfill(status=409, json=answer))
    board.drag(board.card("a"), board.column("review"))
    board.told("“a”: not on a Sunday")
    board.shows("new", "a", "b")
    board.shows("review")
    # One failed request disables nothing.
    board.page.unroute("**/move*")
    board.drag(board.card("b"), board.column("review"))
    board.shows("review", "b")


def test_the_keyboard_moves_a_card(api: Api, board: Board) -> None:
    column(api, "new", "a", "b", "c")
    column(api, "review", "x", "y")
    board.open()
    voice = board.page.get_by_test_id("drag-voice")
    keys = board.page.keyboard
    board.pick_up("b")
    expect(voice).to_have_text("Picked up b.")
    keys.press("ArrowRight")
    expect(voice).to_have_text("b is over In review, place 2 of 3.")
    keys.press("ArrowUp")
    expect(voice).to_have_text("b is over In review, place 1 of 3.")
    keys.press("Space")
    board.shows("review", "b", "x", "y")
    expect(voice).to_have_text("b was dropped in In review, place 1.")
    expect(board.card("b")).to_be_focused()
    board.told("moved to In review")
    api.has("review", ["b", "x", "y"])


def test_escape_leaves_a_card_where_it_was(api: Api, board: Board) -> None:
    column(api, "new", "a", "b")
    board.open()
    board.pick_up("a")
    board.page.keyboard.press("ArrowDown")
    board.page.keyboard.press("Escape")
    expect(board.page.locator("[data-dragging=true]")).to_have_count(0)
    board.shows("new", "a", "b")
    api.has("new", ["a", "b"])


def test_a_finger_moves_a_card(api: Api, boards: Boards) -> None:
    column(api, "new", "a", "b")
    board = boards.new(has_touch=True).open()
    start, end = board.card("a").bounding_box(), board.card("b").bounding_box()
    assert start
    assert end
    touch = board.page.context.new_cdp_session(board.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        named = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})

    x, y = start["x"] + 40, start["y"] + 20
    send("touchStart", (x, y))
    # Holding it still is what tells moving a card from scrolling.
    expect(board.page.locator("[data-dragging=true]")).to_have_count(1)
    below = end["y"] + end["height"] * 0.9
    for step in range(1, 6):
        send("touchMove", (x, y + (below - y) * step / 5))
    expect(board.page.locator(".drop-line")).to_have_count(1)
    send("touchEnd")
    board.shows("new", "b", "a")
    board.told("“a” moved.")
    api.has("new", ["b", "a"])


@pytest.mark.parametrize("at", [0.1, 0.95])
def test_several_cards_go_together(api: Api, board: Board, at: float) -> None:
    column(api, "new", "a", "b", "c", "d")
    column(api, "review", "x")
    board.open()
    board.card("d").click(modifiers=["Control"])
    board.card("b").click(modifiers=["Control"])
    expect(board.page.get_by_role("toolbar", name="Selected items")).to_contain_text(
        "2 selected"
    )
    board.drag(board.card("d"), board.card("x"), at=at)
    order = ["b", "d", "x"] if at < 0.5 else ["x", "b", "d"]
    board.shows("review", *order)
    board.shows("new", "a", "c")
    board.told("2 items moved to In review.")
    api.has("review", order)
    board.button("Undo").click()
    board.shows("new", "a", "b", "c", "d")
    board.shows("review", "x")
    board.page.reload()
    board.shows("new", "a", "b", "c", "d")


def test_the_keyboard_selects_a_range_and_a_menu_moves_it(
    api: Api, board: Board
) -> None:
    column(api, "new", "a", "b", "c")
    board.open()
    board.card("a").focus()
    for key in ("x", "Shift+ArrowDown"):
        board.page.keyboard.press(key)
    expect(board.page.locator(".card--selected")).to_have_count(2)
    board.button("Move to").click()
    board.page.get_by_role("menuitem", name="Completed").click()
    board.shows("completed", "a", "b")
    board.shows("new", "c")
    board.told("2 items moved to Completed.")
    api.has("completed", ["a", "b"])

"""For everybody: by keyboard, in both themes and languages, on any width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from board_harness.axe import serious
from playwright.sync_api import expect

if TYPE_CHECKING:
    from board_harness.boards import Board, Boards
    from board_harness.services import Api

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(api: Api, boards: Boards, scheme: str) -> None:
    for number, priority in enumerate(("low", "medium", "high", "critical")):
        api.add(f"Item {number}", priority=priority, tags=["one", "two"])
    item = api.add("To read", description="# One\n\n[a](https://b.c) `d`")
    board = boards.new(color_scheme=scheme, reduced_motion="reduce").open()
    page = board.page
    assert serious(board) == []
    board.card("Item 1").press("x")
    expect(page.get_by_role("toolbar", name="Selected items")).to_be_visible()
    assert serious(board) == []
    board.card("Item 1").press("Escape")
    for key, title in (
        ("n", "New item"),
        ("c", "Categories"),
        ("b", "Branches"),
        ("?", "Keyboard shortcuts"),
    ):
        page.keyboard.press(key)
        expect(board.dialog(title)).to_be_visible()
        assert (key, serious(board)) == (key, [])
        page.keyboard.press("Escape")
        expect(board.dialog()).to_have_count(0)
    board.open(f"?view=table&item={item['id']}")
    expect(board.dialog("To read").locator(".markdown a")).to_be_visible()
    assert serious(board) == []
    page.keyboard.press("Escape")
    assert serious(board) == []


def test_axe_finds_nothing_serious_on_a_phone(api: Api, boards: Boards) -> None:
    api.add("a", tags=["one"])
    board = boards.new(**PHONE, reduced_motion="reduce").open()
    assert serious(board) == []
    board.page.get_by_role("button", name="New item", exact=True).tap()
    expect(board.dialog("New item")).to_be_visible()
    assert serious(board) == []


@pytest.mark.parametrize("width", [320, 390, 768, 820, 1024, 1600, 2560])
def test_nothing_is_wider_than_the_page(api: Api, boards: Boards, width: int) -> None:
    api.add("A title of a good length, as people write them, and a-very-long-word" * 2)
    board = boards.new(viewport={"width": width, "height": 800}).open()
    page = board.page
    # Nothing lies on the button: a click would reach it.
    page.get_by_label("Database branch: main").click(trial=True)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert page.evaluate(wide) is False
    page.keyboard.press("n")
    expect(board.dialog("New item")).to_be_visible()
    assert page.evaluate(wide) is False


def test_the_browser_chooses_the_language_until_somebody_does(
    api: Api, boards: Boards
) -> None:
    api.add("a", priority="critical")
    board = boards.new(locale="pt-BR").open()
    page = board.page
    expect(board.column("in-progress").locator("h2")).to_have_text("Em desenvolvimento")
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    expect(board.card("a")).to_contain_text("Crítica")
    board.button("Configurações e ajuda").click()
    page.get_by_role("menuitemradio", name="English").click()
    expect(board.column("in-progress").locator("h2")).to_have_text("In progress")
    page.reload()
    expect(board.column("in-progress").locator("h2")).to_have_text("In progress")


def test_the_system_chooses_the_theme_until_somebody_does(
    api: Api, boards: Boards
) -> None:
    board = boards.new(color_scheme="dark").open()
    root = board.page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    board.page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    board.button("Settings and help").click()
    board.page.get_by_role("menuitemradio", name="Dark").click()
    expect(root).to_have_attribute("data-theme", "dark")
    board.page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_the_keyboard_goes_everywhere(api: Api, board: Board) -> None:
    api.add("a")
    api.add("b")
    api.add("x", status="completed")
    board.open()
    keys = board.page.keyboard
    board.card("a").focus()
    keys.press("ArrowDown")
    expect(board.card("b")).to_be_focused()
    keys.press("ArrowRight")
    expect(board.card("x")).to_be_focused()
    keys.press("ArrowLeft")
    keys.press("Enter")
    expect(board.dialog()).to_be_visible()
    keys.press("Escape")
    expect(board.dialog()).to_have_count(0)
    keys.press("v")
    expect(board.page.locator(".table__count")).to_have_text("3 items")
    keys.press("v")
    board.shows("completed", "x")

"""Filters, search, sort, saved views, and the table of very many items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from board_harness.boards import Board
    from board_harness.services import Api, World

MANY = 100_000
COLUMNS = "title, description, category, priority, status, tags, position"
FILL = f"""
INSERT INTO workspace.workspace_items ({COLUMNS})
SELECT 'Item ' || lpad(n::text, 6, '0'), 'Made for a test.', 'dashboard',
    (ARRAY['low', 'medium', 'high', 'critical'])[n % 4 + 1], 'new', '{{}}', n
FROM generate_series(1, {MANY}) AS n"""


def choose(board: Board, menu: str, *options: str) -> None:
    toolbar = board.page.get_by_role("toolbar", name="Filters")
    toolbar.get_by_role("button", name=menu).click()
    for option in options:
        board.page.get_by_role("menuitemcheckbox", name=option).click()
    board.page.keyboard.press("Escape")


def test_filters_are_in_the_address_and_come_back_with_it(
    api: Api, board: Board
) -> None:
    api.add("a", priority="high", tags=["red"])
    api.add("b", priority="low", tags=["red", "blue"], category="banco-dados")
    api.add("c", priority="high", status="review", tags=["blue"])
    board.open()
    choose(board, "Priority", "High", "Critical")
    board.shows("new", "a")
    board.shows("review", "c")
    assert board.page.url.endswith("#/workspace?priority=high&priority=critical")
    board.page.reload()
    board.shows("new", "a")

    board.page.get_by_role("toolbar", name="Filters").get_by_role(
        "button", name="Tags"
    ).click()
    board.page.get_by_role("textbox", name="Tags").fill("blue,")
    board.shows("new")
    board.shows("review", "c")
    board.page.keyboard.press("Escape")
    board.button("Clear filters").click()
    board.shows("new", "a", "b")
    choose(board, "Category", "Banco de Dados")
    board.shows("new", "b")
    board.page.go_back()
    board.shows("new", "a", "b")
    choose(board, "Status", "In review")
    expect(board.page.locator("[data-status]")).to_have_count(1)
    board.shows("review", "c")


def test_the_search_finds_words_of_an_item(api: Api, board: Board) -> None:
    api.add("Retention", description="What we keep, and how long.")
    api.add("Quotes", tags=["venues"])
    board.open()
    board.page.keyboard.press("/")
    board.page.keyboard.type("venues")
    board.shows("new", "Quotes")
    board.page.keyboard.press("Escape")
    board.shows("new", "Retention", "Quotes")
    board.page.get_by_role("searchbox").fill("how long")
    board.shows("new", "Retention")
    assert "q=how+long" in board.page.url


def test_a_sorted_board_has_no_places_of_its_own(api: Api, board: Board) -> None:
    for title in ("b", "c", "a"):
        api.add(title)
    board.open("?sort=title")
    board.shows("new", "a", "b", "c")
    board.drag(board.card("c"), board.card("a"), at=0.1)
    board.shows("new", "a", "b", "c")
    board.drag(board.card("a"), board.column("review"))
    board.shows("review", "a")
    board.shows("new", "b", "c")
    assert api.titles("new") == ["b", "c"]


def test_a_view_is_kept_under_a_name(api: Api, board: Board) -> None:
    api.add("a", priority="low")
    api.add("b", priority="high")
    board.open("?priority=high")
    board.button("Views").click()
    board.page.get_by_label("Name of this view").fill("Pressing")
    board.button("Save this view").click()
    board.page.keyboard.press("Escape")
    board.button("Clear filters").click()
    board.shows("new", "a", "b")
    board.page.reload()
    board.button("Views").click()
    board.button("Pressing").click()
    board.shows("new", "b")


def test_a_table_of_very_many_items_holds_few_rows(
    api: Api, world: World, board: Board
) -> None:
    world.database.sql(FILL)
    asked: list[str] = []
    board.page.on("request", lambda request: asked.append(request.url))
    board.open("?view=table&sort=title")
    page = board.page
    expect(page.locator(".table__count")).to_have_text("100,000 items")
    expect(page.locator('[data-row="0"]')).to_contain_text("Item 000001")
    scroller = page.locator(".table__scroller")
    scroller.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
    expect(page.locator(f'[data-row="{MANY - 1}"]')).to_contain_text("Item 100000")
    # Through the whole of it, a hundred screens at a time.
    scroller.evaluate(
        """async (element) => {
            for (let top = element.scrollHeight; top > 0; top -= 60000) {
                element.scrollTo(0, top);
                await new Promise(requestAnimationFrame);
            }
            element.scrollTo(0, 0);
        }"""
    )
    expect(page.locator('[data-row="0"]')).to_contain_text("Item 000001")
    assert page.locator(".table__row").count() < 60
    assert sum("offset=" in url for url in asked) < 20

    page.get_by_role("columnheader", name="Title").get_by_role("button").click()
    expect(page.locator('[data-row="0"]')).to_contain_text("Item 100000")
    assert "sort=-title" in page.url
    page.get_by_role("button", name="Item 100000").click()
    expect(board.dialog("Item 100000")).to_be_visible()


def test_a_column_of_very_many_cards_loads_as_it_is_scrolled(
    api: Api, world: World, board: Board
) -> None:
    world.database.sql(FILL)
    board.open()
    expect(board.column("new").locator(".column__count")).to_have_text("100000")
    assert board.cards("new").count() < 200
    before = board.cards("new").count()
    board.page.locator('[data-list="new"]').evaluate(
        "(element) => element.scrollTo(0, element.scrollHeight)"
    )
    expect(board.cards("new").nth(before)).to_be_attached()

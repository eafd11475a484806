"""Making, reading, changing and deleting items, and the categories they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from board_harness.boards import Board
    from board_harness.services import Api


def test_an_item_is_made_read_changed_deleted_and_brought_back(
    api: Api, board: Board
) -> None:
    board.open()
    page = board.page
    page.keyboard.press("n")
    dialog = board.dialog("New item")
    dialog.get_by_label("Title").fill("Write the runbook")
    dialog.get_by_label("Description").fill("It **matters**.\n\n- one\n- two")
    dialog.get_by_label("Category").select_option("dashboard")
    dialog.get_by_label("Priority").select_option("critical")
    dialog.get_by_label("Tags").fill("ops, docs,")
    dialog.get_by_label("Tags").press("Control+Enter")
    dialog.get_by_role("button", name="Create").click()
    board.shows("new", "Write the runbook")
    board.told("“Write the runbook” was added.")
    made = api.want("GET", "/items")[0]
    assert (made["priority"], made["tags"]) == ("critical", ["ops", "docs"])

    board.card("Write the runbook").press("Enter")
    dialog = board.dialog("Write the runbook")
    expect(dialog.locator(".markdown strong")).to_have_text("matters")
    expect(dialog.locator(".markdown li")).to_have_count(2)
    dialog.get_by_role("button", name="Edit").last.click()
    dialog = board.dialog("Edit item")
    dialog.get_by_label("Title").fill("Write the runbook again")
    dialog.get_by_label("Status").select_option("review")
    dialog.get_by_role("button", name="Save").click()
    board.shows("review", "Write the runbook again")
    board.told("“Write the runbook again” was saved.")

    page.keyboard.press("Escape")
    expect(board.dialog()).to_have_count(0)
    board.card("Write the runbook again").press("Delete")
    board.dialog("Delete “Write the runbook again”?").get_by_role(
        "button", name="Delete"
    ).click()
    board.shows("review")
    board.told("was deleted")
    assert api.want("GET", "/items") == []
    board.button("Undo").last.click()
    board.shows("review", "Write the runbook again")
    api.has("review", ["Write the runbook again"])
    assert api.want("GET", "/items")[0]["id"] == made["id"]


def test_what_the_api_says_of_a_field_stands_beside_it(api: Api, board: Board) -> None:
    board.open()
    board.button("New item").first.click()
    dialog = board.dialog("New item")
    dialog.get_by_label("Description").fill("x" * 2001)
    dialog.get_by_label("Tags").fill("t" * 51 + ",")
    dialog.get_by_role("button", name="Create").click()
    for name in ("Title", "Description", "Tags"):
        field = dialog.get_by_label(name)
        expect(field).to_have_attribute("aria-invalid", "true")
        described = str(field.get_attribute("aria-describedby")).split()[0]
        expect(board.page.locator(f"[id='{described}']")).to_contain_text("character")
    assert api.want("GET", "/items") == []
    # Nothing that was written is lost, and putting it right is enough.
    dialog.get_by_label("Title").fill("right")
    dialog.get_by_label("Description").fill("right")
    dialog.get_by_role("button", name="Remove the tag").click()
    dialog.get_by_role("button", name="Create").click()
    board.shows("new", "right")


def test_markup_in_an_item_is_text(api: Api, board: Board) -> None:
    hostile = (
        "<img src=x onerror=\"document.title='run'\"><script>document.title='run'"
        "</script>\n\n[click](javascript:document.title='run') [safe](https://a.b)"
    )
    item = api.add("<b>not bold</b>", description=hostile)
    board.open(f"?item={item['id']}")
    text = board.dialog("<b>not bold</b>").locator(".markdown")
    expect(text).to_contain_text("<img src=x")
    expect(text.locator("img, script")).to_have_count(0)
    expect(text.get_by_text("safe")).to_have_attribute("href", "https://a.b")
    address = text.get_by_text("click", exact=True).get_attribute("href")
    assert "javascript" not in (address or "")
    assert board.page.title() == "Workspace"


def test_what_was_written_is_not_thrown_away_by_accident(
    api: Api, board: Board
) -> None:
    api.add("a")
    board.open()
    board.card("a").press("e")
    dialog = board.dialog("Edit item")
    dialog.get_by_label("Title").fill("b")
    board.page.keyboard.press("Escape")
    board.dialog("Discard what you wrote?").get_by_role(
        "button", name="Keep writing"
    ).click()
    expect(dialog.get_by_label("Title")).to_have_value("b")
    board.page.keyboard.press("Escape")
    board.dialog("Discard what you wrote?").get_by_role(
        "button", name="Discard"
    ).click()
    expect(board.dialog()).to_have_count(0)
    board.shows("new", "a")


@pytest.fixture
def category(api: Api) -> Iterator[str]:
    names = {one["name"] for one in api.want("GET", "/categories")}
    yield "field-work"
    for one in api.want("GET", "/categories"):
        if one["name"] not in names:
            api.want("DELETE", f"/categories/{one['name']}")


def test_categories_are_managed(api: Api, board: Board, category: str) -> None:
    board.open()
    board.page.keyboard.press("c")
    manager = board.dialog("Categories")
    manager.get_by_role("button", name="New category").click()
    form = board.dialog("New category")
    form.get_by_label("Name", exact=True).fill("Field Wórk")
    expect(form.get_by_label("Short name")).to_have_value(category)
    form.get_by_role("button", name="#C0262D").click()
    form.get_by_role("button", name="Create").click()
    row = manager.locator(f'[data-category="{category}"]')
    expect(row).to_contain_text("0 items")

    row.get_by_role("button", name="Edit the category").click()
    form = board.dialog("Edit the category")
    form.get_by_label("Name", exact=True).fill("Outdoors")
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Outdoors")
    told = api.want("GET", f"/categories/{category}")
    assert (told["display_name"], told["color"]) == ("Outdoors", "#C0262D")

    order = [one["name"] for one in api.want("GET", "/categories")]
    row.get_by_role("button", name="Move Outdoors up").click()
    expect(manager.locator(".category").nth(-2)).to_have_attribute(
        "data-category", category
    )
    row.get_by_role("switch").click()
    expect(row).to_contain_text("inactive")
    expect(row).to_have_attribute("data-active", "false")
    row.get_by_role("switch").click()
    expect(row).to_have_attribute("data-active", "true")
    moved = [one["name"] for one in api.want("GET", "/categories")]
    assert moved == [*order[:-2], order[-1], order[-2]]


def test_a_category_in_use_stays_and_says_why(
    api: Api, board: Board, category: str
) -> None:
    api.want("POST", "/categories", {"name": category, "display_name": "Outdoors"})
    item = api.add("a", category=category)
    board.open()
    board.page.keyboard.press("c")
    manager = board.dialog("Categories")
    row = manager.locator(f'[data-category="{category}"]')
    expect(row).to_contain_text("1 item")
    row.get_by_role("button", name="Delete the category").click()
    board.dialog("Delete the category “Outdoors”?").get_by_role(
        "button", name="Delete"
    ).click()
    board.told("1 item")
    expect(row).to_be_visible()
    api.want("DELETE", f"/items/{item['id']}")


def test_a_taken_name_is_said_beside_it(api: Api, board: Board, category: str) -> None:
    api.want("POST", "/categories", {"name": category, "display_name": "Outdoors"})
    board.open()
    board.page.keyboard.press("c")
    board.dialog("Categories").get_by_role("button", name="New category").click()
    form = board.dialog("New category")
    form.get_by_label("Name", exact=True).fill("Outdoors")
    form.get_by_label("Short name").fill("Not A Slug!")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_label("Short name")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Short name").fill(category)
    form.get_by_role("button", name="Create").click()
    expect(
        form.get_by_role("alert").or_(form.get_by_role("status")).first
    ).to_be_visible()
    expect(form.get_by_label("Short name")).to_have_value(category)


def test_metadata_stand_below_an_item_as_text(api: Api, board: Board) -> None:
    plain = api.add("plain")
    item = api.add(
        "a", metadata={"legacy_id": "7c1e", "sizes": [1, 2], "note": "<b>bold</b>"}
    )
    board.open(f"?item={item['id']}")
    metadata = board.dialog("a").get_by_role("region", name="Metadata")
    expect(metadata.locator("dl > div")).to_have_count(3)
    found = dict(
        zip(
            metadata.locator("dt").all_inner_texts(),
            metadata.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert found == {"legacy_id": "7c1e", "sizes": "[1,2]", "note": "<b>bold</b>"}
    board.page.keyboard.press("Escape")
    board.open(f"?item={plain['id']}")
    expect(board.dialog("plain")).to_be_visible()
    expect(board.page.get_by_role("region", name="Metadata")).to_have_count(0)

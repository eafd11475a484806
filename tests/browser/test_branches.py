"""Branches of the database, as the board shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from board_harness.boards import Board, Boards
    from board_harness.services import Api, World

NAME = "try-out"
ITEM = {"title": "b", "description": "On a branch.", "category": "dashboard"}


@pytest.fixture
def no_branch(world: World, api: Api) -> Iterator[Api]:
    """The API; afterwards the branch that a test has made is gone."""
    yield api
    if NAME in (one["name"] for one in api.want("GET", "/branches")):
        api.want("DELETE", f"/branches/{NAME}")


def branches(board: Board) -> None:
    board.page.keyboard.press("b")
    expect(board.dialog("Branches")).to_be_visible()


def test_a_branch_is_made_changed_compared_reset_and_left(
    no_branch: Api, board: Board
) -> None:
    api = no_branch
    for title in ("a", "b", "c"):
        api.add(title)
    board.open()
    page = board.page
    expect(page.get_by_label("Database branch: main")).to_be_visible()

    branches(board)
    dialog = board.dialog("Branches")
    dialog.get_by_label("Name of the branch").fill(NAME)
    dialog.get_by_role("button", name="Create and switch").click()
    expect(page.get_by_label(f"Database branch: {NAME}")).to_be_visible()
    assert f"branch={NAME}" in page.url
    board.shows("new", "a", "b", "c")

    # What is done here stays here.
    board.drag(board.card("a"), board.column("review"))
    board.card("b").press("Delete")
    board.dialog("Delete “b”?").get_by_role("button", name="Delete").click()
    board.shows("new", "c")
    board.told("“b” was deleted")
    api.has("new", ["a", "b", "c"])
    page.keyboard.press("n")
    form = board.dialog("New item")
    form.get_by_label("Title").fill("d")
    form.get_by_role("textbox", name="Description").fill("-")
    form.get_by_role("button", name="Create").click()
    board.told("“d” was added")

    branches(board)
    board.dialog("Branches").get_by_role(
        "button", name=f"Compare {NAME} with main"
    ).click()
    diff = board.dialog(f"{NAME} beside main")
    expect(diff.locator("[data-diff=added] li")).to_have_text(["d New"])
    expect(diff.locator("[data-diff=removed] li")).to_contain_text(["b"])
    expect(diff.locator("[data-diff=changed] li")).to_have_count(1)
    expect(diff.locator("[data-diff=changed] li")).to_contain_text("In review")
    page.keyboard.press("Escape")

    branches(board)
    board.dialog("Branches").get_by_role("button", name=f"Reset {NAME}").click()
    question = board.dialog(f"Reset “{NAME}”?")
    question.get_by_role("button", name="Reset").click()
    board.told(f"“{NAME}” is a copy of main again.")
    page.keyboard.press("Escape")
    board.shows("new", "a", "b", "c")
    board.shows("review")

    branches(board)
    page.locator("[data-branch=main] .branch-row__name").click()
    expect(page.get_by_label("Database branch: main")).to_be_visible()
    assert "branch=" not in page.url
    page.go_back()
    expect(page.get_by_label(f"Database branch: {NAME}")).to_be_visible()


def test_a_branch_is_deleted_and_whoever_is_on_it_comes_back(
    no_branch: Api, boards: Boards
) -> None:
    api = no_branch
    api.add("a")
    api.want("POST", "/branches", {"name": NAME, "parent": "main"})
    api.want("POST", f"/items?branch={NAME}", ITEM)
    board = boards.new().open(f"?branch={NAME}")
    board.shows("new", "a", "b")

    # The question has to be answered, and the other answer changes nothing.
    branches(board)
    delete = board.dialog("Branches").get_by_role("button", name=f"Delete {NAME}")
    delete.click()
    question = board.dialog(f"Delete the branch “{NAME}”?")
    expect(question).to_contain_text("Everything on it is lost.")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_have_count(0)
    assert NAME in [one["name"] for one in api.want("GET", "/branches")]

    delete.click()
    question.get_by_role("button", name="Delete").click()
    board.told(f"The branch “{NAME}” was deleted.")
    page = board.page
    expect(page.get_by_label("Database branch: main")).to_be_visible()
    expect(page.locator(f"[data-branch={NAME}]")).to_have_count(0)
    assert "branch=" not in page.url
    page.keyboard.press("Escape")
    board.shows("new", "a")
    assert [one["name"] for one in api.want("GET", "/branches")] == ["main"]


def test_the_branch_that_others_come_from_is_not_offered_for_deleting(
    no_branch: Api, board: Board
) -> None:
    no_branch.want("POST", "/branches", {"name": NAME, "parent": "main"})
    board.open()
    branches(board)
    dialog = board.dialog("Branches")
    expect(dialog.get_by_role("button", name=f"Delete {NAME}")).to_be_visible()
    expect(dialog.get_by_role("button", name="Delete main")).to_have_count(0)
    # From another branch the board stays where it is.
    dialog.get_by_role("button", name=f"Delete {NAME}").click()
    question = board.dialog(f"Delete the branch “{NAME}”?")
    question.get_by_role("button", name="Delete").click()
    board.told(f"The branch “{NAME}” was deleted.")
    expect(board.page.locator("[data-branch=main]")).to_be_visible()
    expect(board.page.locator(f"[data-branch={NAME}]")).to_have_count(0)


def test_a_branch_that_is_not_there_is_said_to_be_so(board: Board, api: Api) -> None:
    api.add("a")
    board.page.goto(f"{board.url}/#/workspace?branch=nowhere")
    expect(board.page.get_by_text("There is no branch “nowhere”")).to_be_visible()
    board.button("Back to the default branch").click()
    board.shows("new", "a")


def test_a_name_that_no_branch_can_have_is_refused_beside_it(
    board: Board, api: Api
) -> None:
    board.open()
    branches(board)
    dialog = board.dialog("Branches")
    dialog.get_by_label("Name of the branch").fill("main")
    dialog.get_by_role("button", name="Create and switch").click()
    expect(dialog.get_by_label("Name of the branch")).to_have_attribute(
        "aria-invalid", "true"
    )
    expect(dialog.get_by_role("alert")).to_contain_text("main")

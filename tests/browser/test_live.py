"""Two boards in step, and a board whose API is gone."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from board_harness.services import DEADLINE
from branchpg_harness.stack import wait_for
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from board_harness.boards import Board, Boards
    from board_harness.services import Api, World
    from playwright.sync_api import APIResponse, Route


@pytest.fixture
def killable(world: World, api: Api) -> Iterator[Api]:
    """The API, which is there again after the test."""
    yield api
    if world.api.child is None:
        world.api.start()
        world.api.wait()


def edit_title(board: Board, title: str, new: str) -> None:
    board.card(title).press("e")
    dialog = board.dialog("Edit item")
    dialog.get_by_label("Title").fill(new)
    dialog.get_by_role("button", name="Save").click()
    expect(board.dialog()).to_have_count(0)


def test_two_boards_stay_in_step(api: Api, boards: Boards) -> None:
    item = api.add("a")
    api.add("b")
    one, other = boards.new().open(), boards.new().open()
    one.drag(one.card("a"), one.column("review"))
    other.shows("review", "a")
    other.shows("new", "b")
    edit_title(other, "a", "a, but better")
    one.shows("review", "a, but better")
    api.add("c", status="completed")
    one.shows("completed", "c")
    other.shows("completed", "c")
    api.want("DELETE", f"/items/{item['id']}")
    one.shows("review")
    other.shows("review")
    expect(other.column("review").locator(".column__count")).to_have_text("0")


def test_very_many_changes_at_once_arrive_too(
    api: Api, world: World, board: Board
) -> None:
    api.add("a")
    board.open()
    fill = "INSERT INTO workspace.workspace_items (title, description, category, "
    fill += "priority, status) SELECT 'many', '-', 'dashboard', 'low', 'review' "
    world.database.sql(fill + "FROM generate_series(1, 300)")
    expect(board.column("review").locator(".column__count")).to_have_text("300")


def test_a_list_that_comes_late_takes_no_newer_card_away(
    api: Api, board: Board
) -> None:
    old = api.add("old")
    lists = re.compile(r"/items\?.*status=new")
    asked: list[Route] = []
    late: list[APIResponse] = []

    def hold_the_second(route: Route) -> None:
        asked.append(route)
        if len(asked) == 2:
            late.append(route.fetch())
        else:
            route.continue_()

    # The second is asked for when the change stream is there.
    board.page.route(lists, hold_the_second)
    board.open()
    wait_for(lambda: board.page.title() and late, "the list has been read", DEADLINE)

    api.add("new")
    board.shows("new", "old", "new")
    api.want("DELETE", f"/items/{old['id']}")
    board.shows("new", "new")
    with board.page.expect_response(lists) as told:
        asked[1].fulfill(response=late[0])
    told.value.finished()
    board.frames()
    board.shows("new", "new")
    expect(board.column("new").locator(".column__count")).to_have_text("1")


def test_edits_made_without_the_api_are_kept_and_sent_later(
    killable: Api, board: Board
) -> None:
    for title in ("a", "b", "c"):
        killable.add(title)
    board.open()
    killable.end(signal.SIGKILL)
    board.drag(board.card("a"), board.column("review"))
    board.offline()
    board.told("Saved on this device")
    board.page.keyboard.press("n")
    dialog = board.dialog("New item")
    dialog.get_by_label("Title").fill("made offline")
    dialog.get_by_role("textbox", name="Description").fill("-")
    dialog.get_by_role("button", name="Create").click()
    edit_title(board, "b", "b, changed offline")
    board.shows("review", "a")
    board.shows("new", "b, changed offline", "c", "made offline")
    expect(board.page.get_by_text("3 edits waiting")).to_be_visible()
    mark = board.page.get_by_role("img", name="Waiting to be sent")
    expect(mark).to_have_count(3)

    killable.start()
    killable.wait()
    board.online()
    board.told("Everything was sent")
    expect(mark).to_have_count(0)
    killable.has("new", ["b, changed offline", "c", "made offline"])
    killable.has("review", ["a"])


def test_edits_that_wait_survive_the_page(killable: Api, board: Board) -> None:
    for title in ("a", "b"):
        killable.add(title)
    board.open()
    killable.end(signal.SIGKILL)
    board.drag(board.card("a"), board.column("completed"))
    board.offline()
    board.page.reload()
    board.offline()
    expect(board.page.get_by_text("1 edit waiting")).to_be_visible()
    killable.start()
    killable.wait()
    board.shows("completed", "a")
    board.shows("new", "b")
    board.online()
    killable.has("completed", ["a"])


def test_the_api_may_die_while_a_card_hangs_at_the_pointer(
    killable: Api, board: Board
) -> None:
    for title in ("a", "b"):
        killable.add(title)
    board.open()
    board.lift(board.card("a"))
    board.hover(board.column("rejected"))
    killable.end(signal.SIGKILL)
    board.page.mouse.up()
    board.shows("rejected", "a")
    board.offline()
    killable.start()
    killable.wait()
    board.online()
    board.told("Everything was sent")
    board.shows("rejected", "a")
    board.shows("new", "b")
    killable.has("rejected", ["a"])


@pytest.mark.parametrize("keep", ["Keep mine", "Keep theirs"])
def test_two_versions_of_an_item_are_put_to_the_user(
    killable: Api, board: Board, keep: str
) -> None:
    item = killable.add("as it was")
    board.open()
    killable.end(signal.SIGKILL)
    edit_title(board, "as it was", "mine")
    board.offline()
    # Somebody else changes it on the way back, before the edit is sent again.
    board.page.route("**/items/*", lambda route: route.abort())
    killable.start()
    killable.wait()
    killable.want("PATCH", f"/items/{item['id']}", {"title": "theirs"})
    board.page.unroute("**/items/*")

    expect(board.page.get_by_text("One edit meets a change")).to_be_visible()
    board.button("Look at them").click()
    dialog = board.dialog("Two versions")
    row = dialog.get_by_role("row", name="Title")
    expect(row.get_by_role("cell").nth(0)).to_have_text("mine")
    expect(row.get_by_role("cell").nth(1)).to_have_text("theirs")
    dialog.get_by_role("button", name=keep).click()
    expect(board.dialog()).to_have_count(0)
    final = "mine" if keep == "Keep mine" else "theirs"
    board.shows("new", final)
    expect(board.page.get_by_text("One edit meets a change")).to_have_count(0)
    expect(board.page.locator(".card__mark")).to_have_count(0)
    board.page.reload()
    board.shows("new", final)


def test_changes_of_different_fields_both_stand(killable: Api, board: Board) -> None:
    item = killable.add("as it was")
    board.open()
    killable.end(signal.SIGKILL)
    edit_title(board, "as it was", "mine")
    board.offline()
    board.page.route("**/items/*", lambda route: route.abort())
    killable.start()
    killable.wait()
    killable.want("PATCH", f"/items/{item['id']}", {"priority": "critical"})
    board.page.unroute("**/items/*")
    board.told("Everything was sent")
    told = killable.item(item["id"])
    assert (told["title"], told["priority"]) == ("mine", "critical")

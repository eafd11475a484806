"""Signing in, where the API wants to know who asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from board_harness.axe import serious
from board_harness.boards import Boards
from board_harness.services import Served
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from board_harness.boards import Board
    from board_harness.services import Api, World
    from playwright.sync_api import Browser

KEYS = """\
ann:viewer:viewer-key-0123456789
bob:editor:editor-key-0123456789
eve:admin:admin-key-0123456789
"""
SECRET = "0123456789abcdef0123456789abcdef"
OTHER = SECRET[::-1]


def guarded(world: World, **settings: str) -> Served:
    """Return an API that wants credentials on the world's database, and its board."""
    return Served({**world.api_environment(), **settings})


@pytest.fixture(scope="module")
def with_keys(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(KEYS)
    with guarded(world, AUTH_MODE="api-key", API_KEYS_FILE=str(file)) as running:
        yield running


@pytest.fixture
def keyed(browser: Browser, with_keys: Served, api: Api) -> Iterator[Boards]:
    """Boards of an API with keys; `api` is another one on the same database, open."""
    opened = Boards(browser, with_keys.board.url)
    yield opened
    opened.close()


def arrive(board: Board) -> None:
    board.page.goto(f"{board.url}/#/workspace")
    expect(board.dialog("Sign in")).to_be_visible()


def sign_in(board: Board, secret: str, label: str = "API key") -> None:
    dialog = board.dialog("Sign in")
    dialog.get_by_label(label).fill(secret)
    dialog.get_by_role("button", name="Sign in").click()


def signed_in(board: Board, key: str) -> None:
    arrive(board)
    sign_in(board, key)
    expect(board.dialog()).to_have_count(0)
    board.ready()


def stored(board: Board) -> dict[str, list[str]]:
    """Return the names under which storages of the page keep credentials."""
    found: dict[str, list[str]] = board.page.evaluate("""() => Object.fromEntries(
        Object.entries({ sessionStorage, localStorage }).map(([kind, storage]) => [
            kind, Object.keys(storage).filter((one) => one.includes("credentials"))
        ]))""")
    return found


def change_stored(board: Board, change: str, value: str) -> None:
    """Change what is kept of a session, by a statement about `kept` and `value`."""
    text = """(value) => {
        const is_ours = (one) => one.includes("credentials");
        const name = Object.keys(sessionStorage).find(is_ours);
        const kept = JSON.parse(sessionStorage[name]);
        CHANGE;
        sessionStorage[name] = JSON.stringify(kept);
    }"""
    board.page.evaluate(text.replace("CHANGE", change), value)


def test_a_key_is_asked_for_refused_taken_and_kept_for_the_tab(
    keyed: Boards, with_keys: Served, api: Api
) -> None:
    api.add("a")
    board = keyed.new()
    arrive(board)
    dialog = board.dialog("Sign in")
    expect(dialog).to_contain_text("The API asks for an API key.")
    for wrong, message in (
        ("two words", "It has no spaces"),
        ("wrong-key-0123456789", "the API key is not known"),
    ):
        sign_in(board, wrong)
        expect(dialog.get_by_role("alert")).to_contain_text(message)
        assert stored(board) == {"sessionStorage": [], "localStorage": []}
    sign_in(board, "editor-key-0123456789")
    board.shows("new", "a")
    expect(board.dialog()).to_have_count(0)

    # Under the name that the key has.
    board.drag(board.card("a"), board.column("review"))
    api.has("review", ["a"])
    assert api.want("GET", "/items")[0]["updated_by"] == "bob"

    # The change stream has the credentials too.
    api.add("b")
    board.shows("new", "b")

    name = f"workspace.credentials {with_keys.api.url}"
    assert stored(board) == {"sessionStorage": [name], "localStorage": []}
    board.page.reload()
    board.shows("new", "b")
    assert "editor-key" not in with_keys.api.log() + with_keys.board.log()

    # A tab of its own knows nothing of it.
    other = board.page.context.new_page()
    other.goto(f"{board.url}/#/workspace")
    expect(other.get_by_role("dialog", name="Sign in")).to_be_visible()


def test_who_is_remembered_is_in_every_tab_and_signs_out_of_all(
    keyed: Boards, api: Api
) -> None:
    api.add("a")
    board = keyed.new()
    arrive(board)
    board.page.get_by_label("Remember me on this device").check()
    sign_in(board, "admin-key-0123456789")
    board.shows("new", "a")
    other = board.page.context.new_page()
    other.goto(f"{board.url}/#/workspace")
    expect(other.locator(".card__title")).to_have_text(["a"])

    board.button("Settings and help").click()
    leave = board.page.get_by_role("menuitem", name="Sign out eve")
    expect(leave).to_contain_text("Administrator")
    leave.click()
    for page in (board.page, other):
        expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
        expect(page.locator(".card__title")).to_have_count(0)
    assert stored(board) == {"sessionStorage": [], "localStorage": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_signing_in_and_in_what_a_viewer_sees(
    keyed: Boards, api: Api, scheme: str
) -> None:
    api.add("a", tags=["one"])
    board = keyed.new(color_scheme=scheme, reduced_motion="reduce")
    arrive(board)
    sign_in(board, "wrong-key-0123456789")
    expect(board.dialog("Sign in").get_by_role("alert")).to_be_visible()
    assert serious(board) == []
    sign_in(board, "viewer-key-0123456789")
    board.shows("new", "a")
    expect(board.dialog()).to_have_count(0)
    assert serious(board) == []


def test_a_viewer_reads_everything_and_is_offered_no_change(
    keyed: Boards, api: Api
) -> None:
    api.add("a", description="To read.")
    api.add("b")
    board = keyed.new()
    signed_in(board, "viewer-key-0123456789")
    board.shows("new", "a", "b")
    page = board.page
    expect(page.get_by_text("Read only", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="New item")).to_have_count(0)
    expect(page.locator(".card__check")).to_have_count(0)

    # By key and by mouse nothing but reading happens.
    board.card("a").focus()
    for key in ("n", "x", "e", "Delete", "Space"):
        page.keyboard.press(key)
    expect(board.dialog()).to_have_count(0)
    expect(page.locator("[data-dragging=true]")).to_have_count(0)
    expect(page.locator(".card--selected")).to_have_count(0)
    page.keyboard.press("Shift+ArrowDown")
    expect(board.card("b")).to_be_focused()
    expect(page.locator(".card--selected")).to_have_count(0)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(board.dialog("a")).to_contain_text("To read.")
    expect(board.dialog("a").get_by_role("button")).to_have_count(1)
    page.keyboard.press("Escape")

    page.keyboard.press("c")
    expect(board.dialog("Categories")).to_contain_text("Dashboard")
    expect(board.dialog("Categories").get_by_role("button")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    dialog = board.dialog("Branches")
    expect(dialog).to_contain_text("Administrators create, reset and delete branches.")
    expect(dialog.get_by_label("Name of the branch")).to_have_count(0)
    assert api.titles("new") == ["a", "b"]


def test_what_a_role_may_not_do_any_more_is_said_and_taken_back(
    keyed: Boards, api: Api
) -> None:
    api.add("a")
    board = keyed.new()
    signed_in(board, "viewer-key-0123456789")
    # The page believes that it is an editor's, as it would after the role was changed.
    change_stored(board, "kept.me.role = value", "editor")
    board.page.route("**/api/v1/me", lambda route: route.abort())
    board.page.reload()
    board.shows("new", "a")
    board.page.unroute("**/api/v1/me")
    board.drag(board.card("a"), board.column("review"))
    board.told("this needs the role editor")
    board.shows("new", "a")
    expect(board.page.get_by_text("Read only", exact=True)).to_be_visible()


def token(secret: str = SECRET, **claims: Any) -> str:
    whole = {"sub": "zoe", "role": "editor", "exp": time.time() + 3600, **claims}
    return jwt.encode(whole, secret, "HS256")


def test_tokens_are_asked_for_anew_when_they_are_over_and_no_edit_is_lost(
    browser: Browser, world: World, api: Api, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    api.add("a")
    with guarded(world, AUTH_MODE="jwt", JWT_SECRET_FILE=str(file)) as running:
        boards = Boards(browser, running.board.url)
        board = boards.new()
        arrive(board)
        expect(board.dialog("Sign in")).to_contain_text("The API asks for a token")
        sign_in(board, token(role="nobody"), "Token")
        expect(board.dialog("Sign in").get_by_role("alert")).to_contain_text(
            "the token has no role that this service knows"
        )
        sign_in(board, f"Bearer {token()}", "Token")
        board.shows("new", "a")
        expect(board.dialog()).to_have_count(0)

        # While the API is away, what it trusts changes: ours is worth nothing then.
        running.api.end()
        board.offline()  # the line that says so pushes the cards down
        board.drag(board.card("a"), board.column("review"))
        board.told("Saved on this device")
        file.write_text(OTHER)
        running.api.start()
        running.api.wait()
        dialog = board.dialog("Sign in")
        expect(dialog).to_contain_text("Signature verification failed")
        board.page.keyboard.press("Escape")
        expect(board.dialog()).to_have_count(0)
        board.shows("review", "a")
        assert api.titles("new") == ["a"]
        board.button("Sign in").click()
        sign_in(board, token(OTHER), "Token")
        expect(board.button("Sign in")).to_have_count(0)
        api.has("review", ["a"])
        board.shows("review", "a")

        # The stream goes on as well.
        api.add("b")
        board.shows("new", "b")
        boards.close()


def test_a_token_that_has_ended_is_not_kept(
    browser: Browser, world: World, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    settings = {"AUTH_MODE": "jwt", "JWT_SECRET_FILE": str(tmp_path / "secret")}
    api.add("a")
    with guarded(world, **settings) as running:
        boards = Boards(browser, running.board.url)
        board = boards.new()
        arrive(board)
        sign_in(board, token(), "Token")
        board.shows("new", "a")
        change_stored(board, "kept.secret = value", token(exp=time.time() - 60))
        board.page.reload()
        expect(board.dialog("Sign in")).to_contain_text("Signature has expired")
        assert stored(board) == {"sessionStorage": [], "localStorage": []}
        boards.close()

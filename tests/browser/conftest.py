"""One database, one API, one board and one Chromium for each worker."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from board_harness.boards import Board, Boards
from board_harness.services import World
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from board_harness.services import Api
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium")


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each of these tests the time that a very busy machine takes."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed: apt-get install chromium")
    return CHROMIUM


# Not longer than a module: while it lives, Playwright has an event loop running in this
# thread, in which tests of others could run none of their own.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=30_000)
    # As root, and in a container, Chromium has no sandbox of its own to offer.
    flags = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(chromium: str) -> Iterator[World]:
    """What boards are of; not started where there is no browser."""
    with World() as running:
        yield running


@pytest.fixture
def api(world: World) -> Api:
    """The API, on a database without items."""
    world.clean()
    return world.api


@pytest.fixture
def boards(browser: Browser, world: World, api: Api) -> Iterator[Boards]:
    """Opens boards; each a browser profile of its own."""
    opened = Boards(browser, world.board.url)
    yield opened
    opened.close()


@pytest.fixture
def board(boards: Boards) -> Board:
    """A board that is not open yet: a test adds its items first."""
    return boards.new()

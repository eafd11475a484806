"""One database, one API, one board and one Chromium for each worker."""

from __future__ import annotations

import os
import shutil
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=30_000)
    # As root, and in a container, Chromium has no sandbox of its own to offer.
    flags = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(browser: Browser) -> Iterator[World]:
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

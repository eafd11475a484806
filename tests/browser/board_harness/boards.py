"""A board in a browser, in the words of those who use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

STATUSES = {
    "new": "New",
    "review": "In review",
    "in-progress": "In progress",
    "completed": "Completed",
    "rejected": "Rejected",
}


class Boards:
    """Opens boards, and at the end asks each whether anything went wrong in it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._open: list[Board] = []

    def new(self, **options: Any) -> Board:
        """Return a board; the options are those of a browser context."""
        given = {"locale": "en-GB", "viewport": {"width": 1360, "height": 820}}
        context = self._browser.new_context(**{**given, **options})
        context.set_default_timeout(30_000)
        board = Board(context.new_page(), self._url)
        self._open.append(board)
        return board

    def close(self) -> None:
        """Close all of them."""
        for board in self._open:
            board.page.context.close()
        for board in self._open:
            assert board.faults == []


class Board:
    """One page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self._heard(message.text))

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.faults.append(text)

    def open(self, view: str = "") -> Board:
        """Go to a view, such as ?view=table, and wait until it is there."""
        self.page.goto(f"{self.url}/#/workspace{view}")
        self.ready()
        return self

    def ready(self) -> None:
        """Wait until what the address names is loaded."""
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)
        expect(self.page.locator(".column__count, .table__count").first).to_be_visible()

    def column(self, status: str) -> Locator:
        """Return a column."""
        return self.page.locator(f'[data-status="{status}"]')

    def cards(self, status: str) -> Locator:
        """Return the titles of a column's cards."""
        return self.column(status).locator(".card__title")

    def shows(self, status: str, *titles: str) -> None:
        """Wait until a column has just these cards, from the top down."""
        expect(self.cards(status)).to_have_text(list(titles))

    def card(self, title: str) -> Locator:
        """Return the card with a title."""
        exact = re.compile(f"^{re.escape(title)}$")
        inner = self.page.locator(".card__title", has_text=exact)
        return self.page.locator("[data-card] > .card__body", has=inner)

    def button(self, name: str) -> Locator:
        """Return the button with a name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def dialog(self, title: str = "") -> Locator:
        """Return the dialog with a title."""
        return self.page.locator("[role=dialog], [role=alertdialog]").filter(
            has_text=title
        )

    def told(self, text: str) -> None:
        """Wait for a message."""
        expect(self.page.locator(".ui-toast", has_text=text).last).to_be_visible()

    def offline(self) -> None:
        """Wait until it says that the API does not answer."""
        expect(self.page.get_by_text("The API does not answer")).to_be_visible()

    def online(self) -> None:
        """Wait until it does not say so."""
        expect(self.page.get_by_text("The API does not answer")).to_have_count(0)

    def drag(self, card: Locator, target: Locator, at: float = 0.5) -> None:
        """Drag a card to a height of another element, from 0 (top) to 1 (bottom)."""
        self.lift(card)
        self.hover(target, at)
        self.page.mouse.up()
        expect(self.page.locator("[data-dragging=true]")).to_have_count(0)

    def lift(self, card: Locator) -> None:
        """Press the mouse on a card and pull it away, until it hangs at the pointer."""
        card.hover()
        self.page.mouse.down()
        box = card.bounding_box()
        assert box
        self.page.mouse.move(box["x"] + 60, box["y"] + 30, steps=4)
        expect(self.page.locator("[data-dragging=true]")).to_have_count(1)

    def pick_up(self, title: str) -> None:
        """Pick a card up by keyboard, and wait until it heeds the next key."""
        self.card(title).focus()
        self.page.keyboard.press("Space")
        expect(self.page.locator("[data-dragging=true]")).to_have_count(1)
        # It listens from a timer on, which was set before this one.
        self.page.evaluate("new Promise((resolve) => setTimeout(resolve))")

    def hover(self, target: Locator, at: float = 0.5) -> None:
        """Move the mouse, which holds a card, to a height of an element."""
        box = target.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * at
        self.page.mouse.move(x, y, steps=8)
        self.frames()

    def frames(self) -> None:
        """Wait until the page has drawn whatever it knows by now."""
        # Twice: the first frame may have begun before that.
        frame = "new Promise(requestAnimationFrame)"
        self.page.evaluate(f"async () => {{ await {frame}; await {frame}; }}")

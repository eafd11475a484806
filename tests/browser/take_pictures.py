"""Takes the pictures of docs/guides/workspace/board.md, on a stack of its own.

python tests/browser/take_pictures.py
"""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "packages/branchpg/tests"), str(ROOT / "tests/browser")]

from board_harness.boards import STATUSES, Boards  # noqa: E402 - found by the line above
from board_harness.services import World  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

if TYPE_CHECKING:
    from board_harness.services import Api

PICTURES = ROOT / "docs/guides/workspace"
COLOURS = ("#4052D6", "#0D8BA1", "#2C9A57", "#B7791F", "#C0262D", "#A03FB0")
TITLES = (
    *("Describe the retention policy", "Collect quotes from three venues"),
    *("Index the audit log by actor", "Show drift beside the limit"),
    *("Rotate the credentials of the feed", "Replay a day of ticks into a branch"),
    *("Risk report misses overnight positions", "Compare brokers by slippage"),
    *("Write the runbook for a lost safekeeper", "Archive closed positions monthly"),
    *("Alert when the quorum is one short", "Clean duplicates in instruments"),
    *("Sketch the weekly review page", "Backfill candles of 2019"),
    *("Explain margin calls in the guide", "Import corporate actions"),
    *("Measure the cost of a branch", "Plan the move to new storage"),
    *("Review the access of contractors", "Draft the quarterly risk summary"),
    *("Chart volume by session", "Translate the onboarding page"),
)
TAGS = ("risk", "api", "docs", "feed", "storage", "legal", "ux")
PRIORITIES = ("medium", "high", "low", "critical", "medium")


def fill(api: Api) -> None:
    names = [one["name"] for one in api.want("GET", "/categories")]
    for name, colour in zip(names, itertools.cycle(COLOURS), strict=False):
        api.want("PATCH", f"/categories/{name}", {"color": colour})
    for number, title in enumerate(TITLES):
        api.add(
            title,
            category=names[number * 5 % len(names)],
            priority=PRIORITIES[number * 3 % len(PRIORITIES)],
            status=tuple(STATUSES)[number * 7 // 4 % 5],
            tags=[TAGS[(number + step) % len(TAGS)] for step in range(number % 4)],
        )


def main() -> None:
    with World() as world, sync_playwright() as playwright:
        fill(world.api)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        boards = Boards(browser, world.board.url)

        def shoot(name: str, width: int, height: int, scheme: str, view: str) -> None:
            size = {"width": width, "height": height}
            board = boards.new(
                viewport=size, color_scheme=scheme, reduced_motion="reduce"
            ).open(view)
            if "diff" in name:
                board.page.keyboard.press("b")
                board.page.get_by_role("button", name="Compare try-out").click()
                board.page.locator("[data-diff]").first.wait_for()
            board.page.screenshot(path=PICTURES / f"board-{name}.png")

        shoot("1600", 1600, 900, "light", "")
        shoot("1024", 1024, 700, "dark", "")
        shoot("390", 390, 800, "light", "")
        shoot("table", 1280, 620, "light", "?view=table&sort=-priority")
        world.api.want("POST", "/branches", {"name": "try-out", "parent": "main"})
        items = world.api.want("GET", "/items?branch=try-out&sort=title&limit=3")
        first, second = items[0]["id"], items[1]["id"]
        change = {"priority": "critical", "status": "review"}
        world.api.want("PATCH", f"/items/{first}?branch=try-out", change)
        world.api.want("DELETE", f"/items/{second}?branch=try-out")
        made = {"title": "Try the new index", "description": "-"}
        made |= {"category": items[0]["category"]}
        world.api.want("POST", "/items?branch=try-out", made)
        shoot("diff", 1280, 760, "light", "?branch=try-out")
        boards.close()
        browser.close()


if __name__ == "__main__":
    main()

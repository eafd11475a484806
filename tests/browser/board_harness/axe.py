"""What axe says of a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from board_harness.boards import Board

AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html).join(" | "));
}"""


def serious(board: Board) -> list[str]:
    """Return the serious findings: rules, each with its elements."""
    board.page.evaluate(AXE.read_text())
    # What is still fading in has not its own contrast yet.
    board.page.evaluate(
        "() => Promise.all(document.getAnimations().map((one) => one.finished))"
    )
    found: list[str] = board.page.evaluate(RUN)
    return found

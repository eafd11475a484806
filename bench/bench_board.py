"""The board's first load: bytes over the wire, and Lighthouse's opinion of it.

On a whole stack of its own (branchpg, the API, the board) with 500 items, in Debian's
Chromium. Lighthouse comes from npm when it is asked for. Writes results/board.md.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "packages/branchpg/tests"), str(ROOT / "tests/browser")]

from board_harness.services import World  # noqa: E402 - found by the line above
from playwright.sync_api import sync_playwright  # noqa: E402

RESULT = Path(__file__).with_name("results") / "board.md"
LIGHTHOUSE = "lighthouse@13.5.0"
ITEMS = 500
RUNS = 3
TRIES = 3
FILL = f"""
INSERT INTO workspace.workspace_items (title, description, category, priority, status)
SELECT 'Item ' || n, 'Made for a measurement.', 'dashboard', 'medium',
    (ARRAY['new', 'review', 'in-progress', 'completed', 'rejected'])[n % 5 + 1]
FROM generate_series(1, {ITEMS}) AS n"""
CODINGS = ("br", "gzip")
SHOWN = (
    ("first-contentful-paint", "first content"),
    ("largest-contentful-paint", "largest content"),
    ("total-blocking-time", "blocked"),
    ("cumulative-layout-shift", "layout shift"),
)

TRIED = """\
## What was tried

Before it, on a busy machine, a phone's profile had 69 to 91 points with 250 to 1,190 ms
blocked; after it, in turn with the old pages at the same load (8 to 15), 98 with 50 to
90 ms.

- **A first script of 3 kB** that sets the theme and asks for the data; React and the
  program are fetched meanwhile, after the styles. What is seen first came 0.9 s sooner.
- **Rendering in slices.** The first render is a transition, and cards are deferred:
  eight of a column, then the others. The longest task was 470 ms on a processor slowed
  down four times; now it is 170.
- **Menus and popovers without their program** until one opens, or nothing else is to
  do: 28 kB of brotli fewer to be there before the first cards. The table counts them,
  since they follow at once, and what signing in has added.
- **Formatters when they are needed.** Five of `Intl` made at the start took 70 ms.
- **React, what is shared and the board's own program as three tasks** instead of one.
- **Not taken:** to let dnd-kit measure only while something moves (80 ms less; part of
  the 98 points above; but a drag ended unheard in one test of many); one request for
  all columns (the API has none); the settings in the page itself (they are preloaded,
  and there when the first script has come).
"""


def bytes_of_first_load(chromium: str, url: str, coding: str) -> dict[str, int]:
    """Return bytes by kind, bodies and heads, until every column has its cards."""
    sizes: dict[str, int] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags())
        page = browser.new_page(extra_http_headers={"Accept-Encoding": coding})
        kinds: dict[str, str] = {}
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")

        def answered(event: dict[str, Any]) -> None:
            ours = event["response"]["url"].startswith(url)
            kinds[event["requestId"]] = event["type"] if ours else "API"

        def finished(event: dict[str, Any]) -> None:
            kind = kinds.get(event["requestId"], "other")
            sizes[kind] = sizes.get(kind, 0) + int(event["encodedDataLength"])

        network.on("Network.responseReceived", answered)
        network.on("Network.loadingFinished", finished)
        page.goto(f"{url}/#/workspace")
        page.locator("[data-list=rejected] .card").first.wait_for()
        browser.close()
    return sizes


def lighthouse(chromium: str, url: str, form: str) -> dict[str, Any]:
    """Return the report of the median run."""
    reports = [one_run(chromium, url, form) for _ in range(RUNS)]
    scores = [score(report, "performance") for report in reports]
    return reports[scores.index(statistics.median_low(scores))]


def one_run(chromium: str, url: str, form: str) -> dict[str, Any]:
    """Return one report; a run without one, as happens (NO_NAVSTART), is repeated."""
    preset = ["--preset=desktop"] if form == "desktop" else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        for _ in range(TRIES):
            done = subprocess.run(
                [
                    *(ROOT / "web/with-node", "npx", "--yes", LIGHTHOUSE, url, *preset),
                    *("--quiet", "--output=json", f"--output-path={path}"),
                    f"--chrome-flags={' '.join(['--headless=new', *flags()])}",
                ],
                cwd=folder,
                env={**os.environ, "CHROME_PATH": chromium},
                check=False,
                timeout=300,
            )
            if done.returncode == 0:
                return dict(json.loads(path.read_text("utf-8")))
    raise RuntimeError(f"Lighthouse gave no report of {url} in {TRIES} tries")


def score(report: dict[str, Any], category: str) -> float:
    return float(report["categories"][category]["score"]) * 100


def flags() -> list[str]:
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("bench_board: needs Debian's package chromium")
    lines = ["# The board's first load", ""]
    lines += [
        (
            f"`python bench/bench_board.py`: {ITEMS} items, one machine with "
            f"{os.cpu_count()} cores, Chromium; bodies and heads as sent, in bytes."
        ),
        "",
        "| coding | page | scripts | styles | other | together | answers of the API |",
        "|---|---|---|---|---|---|---|",
    ]
    with World() as world:
        world.database.sql(FILL)
        for coding in CODINGS:
            sizes = bytes_of_first_load(chromium, world.board.url, coding)
            page, scripts = sizes.pop("Document", 0), sizes.pop("Script", 0)
            styles, api = sizes.pop("Stylesheet", 0), sizes.pop("API", 0)
            rest = sum(sizes.values())
            total = page + scripts + styles + rest
            lines.append(
                f"| {coding} | {page:,} | {scripts:,} | {styles:,} | {rest:,} "
                f"| **{total:,}** | {api:,} |"
            )
        load = os.getloadavg()[1]
        lines += [
            "",
            (
                f"Lighthouse ({LIGHTHOUSE}), the median of {RUNS} runs, at a load "
                f"average of {load:.1f} (blocked time grows with it):"
            ),
            "",
            "| as | performance | accessibility | best practices | "
            + " | ".join(name for _, name in SHOWN)
            + " |",
            "|---|---|---|---|" + "---|" * len(SHOWN),
        ]
        for form in ("desktop", "mobile"):
            report = lighthouse(chromium, f"{world.board.url}/#/workspace", form)
            scores = [
                f"**{score(report, name):.0f}**"
                for name in ("performance", "accessibility", "best-practices")
            ]
            shown = [report["audits"][name]["displayValue"] for name, _ in SHOWN]
            cells = [form, *scores, *(text.replace("\xa0", " ") for text in shown)]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        (
            "Mobile is Lighthouse's simulated slow 4G (1.6 Mbit/s, 150 ms) on a "
            "processor slowed down four times; desktop is 10 Mbit/s, 40 ms."
        ),
        "",
        TRIED,
    ]
    RESULT.write_text("\n".join(lines), "utf-8")
    print(RESULT.read_text("utf-8"))


if __name__ == "__main__":
    main()

"""Render the diagrams beside this file: NAME.dot to NAME.svg, by Graphviz' `dot`.

Each SVG names the digest of its text, by which a test finds one that was not renewed:
Graphviz of another version draws the same text a little differently.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def mark(text: str) -> str:
    """Return the comment that an SVG of a text has."""
    return f"<!-- of {hashlib.sha256(text.encode()).hexdigest()} -->"


def main() -> None:
    """Render all of them."""
    for source in sorted(HERE.glob("*.dot")):
        done = subprocess.run(
            ["dot", "-Tsvg", str(source)], capture_output=True, text=True, check=True
        )
        picture = done.stdout[done.stdout.index("<svg") :]
        text = f"{mark(source.read_text())}\n{picture}"
        source.with_suffix(".svg").write_text(text)


if __name__ == "__main__":
    main()

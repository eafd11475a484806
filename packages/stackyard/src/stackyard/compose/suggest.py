"""The name that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that looks most like `name`, if one does."""
    # Imported on use: it is for errors, and takes as long as all of the loader.
    import difflib

    # Comparing takes long for long names, and a misspelt one is not that long.
    return next(iter(difflib.get_close_matches(name[:64], list(names), n=1)), None)


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """Return a hint with the nearest name, if there is one."""
    near = nearest(name, names)
    return f"did you mean {near}?" if near else None

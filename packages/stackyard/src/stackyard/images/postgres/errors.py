"""Why the entrypoint does not start a server."""

from __future__ import annotations


class EntrypointError(Exception):
    """The message is the whole text for standard error, with its remedy."""


def explained(message: str, *, hint: str) -> EntrypointError:
    """Return the error for one message and what would help."""
    return EntrypointError(f"error: {message}\n  hint: {hint}")

"""Why an operation was not done."""

from __future__ import annotations


class OperationError(Exception):
    """What went wrong and where; `hint` says what mends it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

"""The errors of branchpg: what is wrong, and how to mend it."""

from __future__ import annotations

from http import HTTPStatus

__all__ = [
    "BadRequest",
    "BranchpgError",
    "Conflict",
    "Forbidden",
    "NotFound",
    "PreconditionFailed",
    "TryLater",
    "Unsatisfiable",
]


class BranchpgError(Exception):
    """Anything a user can be told. `hint` says how to mend it.

    `status` is what an HTTP interface answers; the classes below are the cases that
    Neon's interfaces tell apart, with the prefixes of their messages.
    """

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    prefix: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class BadRequest(BranchpgError):
    """The request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST
    prefix = "Bad request: "


class Forbidden(BranchpgError):
    """Whoever asks may not."""

    status = HTTPStatus.FORBIDDEN
    prefix = "Forbidden: "


class NotFound(BranchpgError):
    """There is no such thing."""

    status = HTTPStatus.NOT_FOUND
    prefix = "NotFound: "


class Unsatisfiable(BranchpgError):
    """It can never be done, so that asking again is of no use."""

    status = HTTPStatus.NOT_ACCEPTABLE


class Conflict(BranchpgError):
    """It contradicts what is there, or is being done."""

    status = HTTPStatus.CONFLICT
    prefix = "Conflict: "


class PreconditionFailed(BranchpgError):
    """Something else has to be done first."""

    status = HTTPStatus.PRECONDITION_FAILED
    prefix = "Precondition failed: "


class TryLater(BranchpgError):
    """It cannot be done now; asking again is right."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

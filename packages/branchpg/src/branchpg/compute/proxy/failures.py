"""What a client is told when it cannot have a session."""

from __future__ import annotations

from typing import Final

from branchpg import errors
from branchpg.compute.proxy.sessions import TooManyError
from branchpg.wire import messages

__all__ = [
    "NOT_NOW",
    "TOO_MANY",
    "WrongPasswordError",
    "failure",
    "failure_of",
    "kind_of",
    "refusal",
]

# SQLSTATEs, PostgreSQL documentation, appendix A.
_PROTOCOL: Final = "08P01"
_CANNOT_CONNECT: Final = "08006"
NOT_NOW: Final = "57P03"
TOO_MANY: Final = "53300"


class WrongPasswordError(errors.Forbidden):
    """As PostgreSQL says it; of a role that may well not exist."""

    def __init__(self, user: bytes) -> None:
        name = user.decode(errors="replace")
        super().__init__(f'password authentication failed for user "{name}"')


# The first that fits, with the name under which the failure is counted.
_CASES: Final = (
    (errors.BadRequest, _PROTOCOL, "user"),
    (WrongPasswordError, "28P01", "user"),
    (errors.Forbidden, "28000", "user"),
    (errors.NotFound, "3D000", "user"),
    (errors.Unsatisfiable, "22023", "user"),
    (errors.Conflict, "55000", "user"),
    (errors.PreconditionFailed, "55000", "user"),
    (TooManyError, TOO_MANY, "limit"),
    (errors.TryLater, NOT_NOW, "retry"),
)


def failure(message: str, *, code: str, hint: str | None = None) -> bytes:
    """Return the message that ends a session."""
    return messages.error(message, code=code, severity="FATAL", hint=hint)


def failure_of(error: errors.BranchpgError) -> bytes:
    """Return what tells a client of an error."""
    code = next(
        (code for kind, code, _ in _CASES if isinstance(error, kind)), _CANNOT_CONNECT
    )
    return failure(error.message, code=code, hint=error.hint)


def kind_of(error: errors.BranchpgError) -> str:
    """Return whose failure it is: user, retry (later) or compute."""
    return next(
        (name for kind, _, name in _CASES if isinstance(error, kind)), "compute"
    )


def refusal(body: bytes) -> str | None:
    """Return the SQLSTATE of an error message's body."""
    for part in body.split(b"\0"):
        if part[:1] == b"C":
            return part[1:].decode(errors="replace")
    return None

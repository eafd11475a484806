"""The errors that a client is told, in one shape.

{"success": false, "error": CODE, "message": str,
 "errors"?: [{"field", "message", "code"}], "data"?: ...}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Problem",
    "ServiceError",
    "conflict",
    "forbidden",
    "internal",
    "not_found",
    "too_large",
    "too_many",
    "unauthorized",
    "unavailable",
    "validation",
]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of a request."""

    field: str
    message: str
    code: str


@dataclass
class ServiceError(Exception):
    """Whatever a client is told instead of what it asked for.

    Attributes:
        code: CAPITALS_WITH_UNDERSCORES, stable.
        data: what helps the client on, such as the item as it is now.
        raw: the same as JSON that is ready.
    """

    status: int
    code: str
    message: str
    problems: Sequence[Problem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    raw: bytes | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def body(self) -> bytes:
        """Return the JSON of the answer."""
        told: dict[str, Any] = {
            "success": False,
            "error": self.code,
            "message": self.message,
        }
        if self.problems:
            told["errors"] = [
                {"field": one.field, "message": one.message, "code": one.code}
                for one in self.problems
            ]
        if self.raw is not None:
            told["data"] = msgspec.Raw(self.raw)
        elif self.data is not None:
            told["data"] = self.data
        return _ENCODER.encode(told)


_ENCODER: Final = msgspec.json.Encoder()


def validation(*problems: Problem, message: str = "") -> ServiceError:
    """The request cannot be understood or is not allowed by the schema."""
    words = message or "; ".join(f"{one.field}: {one.message}" for one in problems)
    return ServiceError(
        HTTPStatus.BAD_REQUEST, "VALIDATION_FAILED", words[:1000], problems
    )


def not_found(message: str, *, code: str = "NOT_FOUND") -> ServiceError:
    """There is no such thing."""
    return ServiceError(HTTPStatus.NOT_FOUND, code, message)


def conflict(message: str, *, code: str = "CONFLICT", data: Any = None) -> ServiceError:
    """The request contradicts what is there."""
    return ServiceError(HTTPStatus.CONFLICT, code, message, data=data)


def unauthorized(message: str, scheme: str = "Bearer") -> ServiceError:
    """Nobody knows who is asking; the scheme says how to tell."""
    headers = {"WWW-Authenticate": f'{scheme} realm="service"'}
    return ServiceError(
        HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", message, headers=headers
    )


def forbidden(message: str) -> ServiceError:
    """Whoever asks may not."""
    return ServiceError(HTTPStatus.FORBIDDEN, "FORBIDDEN", message)


def too_large(limit: int) -> ServiceError:
    """The body is larger than the service takes."""
    return ServiceError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "PAYLOAD_TOO_LARGE",
        f"the body may have {limit} bytes at most",
    )


def too_many(retry_after: int) -> ServiceError:
    """The client asks too often; `retry_after` is in seconds."""
    return ServiceError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "RATE_LIMITED",
        f"too many requests; try again in {retry_after} s",
        headers={"Retry-After": str(retry_after)},
    )


def unavailable(message: str, *, retry_after: int = 1) -> ServiceError:
    """It cannot be done now; asking again is right. `retry_after` is in seconds."""
    return ServiceError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        message,
        headers={"Retry-After": str(retry_after)},
    )


def internal() -> ServiceError:
    """A fault of ours; the log says which."""
    return ServiceError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR",
        "the service failed; its log tells more under this x-correlation-id",
    )

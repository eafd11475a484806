"""How routes are declared for the OpenAPI document: shared answers and parameters."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header

from servicekit.plain import PlainRoute
from workspace_api.models import BRANCH_PATTERN, Failure

__all__ = ["FAILURES", "IF_MATCH", "etag", "failures", "router"]

_WORDS: Final = {
    400: "The request is malformed, or not what the schema says",
    401: "Nobody knows who asks",
    403: "Whoever asks may not",
    404: "There is no such thing, or no such branch",
    409: "It contradicts what is there",
    412: "If-Match names another version; `data` is the item as it is now",
    413: "The body is too large",
    429: "Too many requests; Retry-After says when to try again",
    501: "The database has no branches",
    503: "Not now; Retry-After says when to try again",
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of these errors."""
    return {
        status: {"model": Failure, "description": _WORDS[status]} for status in statuses
    }


FAILURES: Final = failures(400, 401, 403, 404, 409, 413, 429, 503)
"""What every route may answer."""

IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "Change this version only, as ETag said it",
    "schema": {"type": "string"},
}


def etag(description: str) -> dict[str, Any]:
    """Return an answer that has an ETag."""
    return {
        "description": description,
        "headers": {"ETag": {"schema": {"type": "string"}}},
    }


def _on_branch(
    x_branch: Annotated[
        str | None,
        Header(
            description="The branch of the database; without it the service's own",
            pattern=BRANCH_PATTERN,
        ),
    ] = None,
) -> None:
    del x_branch


def router(base: str, tag: str, *, branch: bool = True) -> APIRouter:
    """Return a router of plain routes."""
    return APIRouter(
        prefix=base,
        tags=[tag],
        route_class=PlainRoute,
        responses=FAILURES,
        dependencies=[Depends(_on_branch)] if branch else [],
    )

"""What routes take from a request: branch, client, conditions, body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from servicekit.app import unfit
from servicekit.errors import Problem, validation
from servicekit.responses import read_body
from workspace_api.item_values import Match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from starlette.types import Receive, Scope

    from servicekit.auth import Principal

__all__ = [
    "actor",
    "body",
    "branch",
    "header",
    "if_match",
    "if_none_match",
    "parsed",
    "text",
]

M = TypeVar("M", bound="BaseModel")

_TAGS: Final = re.compile(
    r'(?:W/)?"[\x21\x23-\x7e]{0,64}"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e]{0,64}")*'
)
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e]{0,64})"')
_MOST_TAGS: Final = 50
_MAX_BODY: Final = 1 << 20


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header; of several with this name, the last."""
    for key, value in reversed(scope["headers"]):
        if key == name:
            return bytes(value).decode("latin-1")
    return None


def actor(scope: Scope) -> str:
    """Return in whose name a request is."""
    principal: Principal = scope["principal"]
    return principal.name


def branch(scope: Scope, query: Mapping[str, Any]) -> str | None:
    """Return the branch that a request names.

    Raises:
        ServiceError: the header and the query name two.
    """
    by_header, by_query = header(scope, b"x-branch"), query.get("branch")
    if by_header is not None and by_query is not None and by_header != by_query:
        raise validation(
            Problem("branch", "the header X-Branch names another one", "contradiction")
        )
    return by_header if by_header is not None else by_query


async def body(receive: Receive, model: type[M]) -> M:
    """Return the body of a request, checked.

    Raises:
        ServiceError: it is not JSON, or not what the model says.
    """
    return checked(await read_body(receive, _MAX_BODY), model)


def checked(data: bytes, model: type[M]) -> M:
    """Return JSON as a model."""
    try:
        found = model.model_validate_json(data)
    except ValidationError as error:
        raise unfit(error) from None
    if not found.model_fields_set and "minProperties" in _extra(model):
        raise validation(Problem("body", "names nothing to change", "empty"))
    return found


def _extra(model: type[BaseModel]) -> Mapping[str, Any]:
    found: Any = model.model_config.get("json_schema_extra") or {}
    return found  # type: ignore[no-any-return]


def parsed(model: type[M], query: Mapping[str, Any]) -> M:
    """Return the parameters of a query, checked."""
    try:
        return model.model_validate(query)
    except ValidationError as error:
        raise unfit(error) from None


def if_match(scope: Scope) -> Match:
    """Return what If-Match asks for; without one, nothing.

    Raises:
        ServiceError: it is not a list of entity tags.
    """
    given = header(scope, b"if-match")
    if given is None or given.strip() == "*":
        return Match()
    return Match(tuple(_versions(given, "If-Match", weak=False)))


def if_none_match(scope: Scope, version: int) -> bool:
    """Return whether the client has this version already."""
    given = header(scope, b"if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or version in _versions(
        given, "If-None-Match", weak=True
    )


def text(given: str, name: str) -> str:
    """Return a part of the path that goes to the database.

    Raises:
        ServiceError: it has a NUL character, which no text has there.
    """
    if "\x00" in given:
        raise validation(Problem(name, "has a NUL character", "nul_character"))
    return given


def _versions(given: str, name: str, *, weak: bool) -> list[int]:
    """Return the versions that entity tags name; If-Match takes no weak ones."""
    if len(given) > 4000 or not _TAGS.fullmatch(given.strip()):
        raise validation(Problem(name, 'is not a list of "version"', "invalid"))
    found = _TAG.findall(given)[:_MOST_TAGS]
    return [
        int(tag)
        for is_weak, tag in found
        if (weak or not is_weak) and tag.isdigit() and len(tag) < 10
    ]

"""A FastAPI application that tells errors in our shape, and the gate around it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from servicekit.errors import Problem, ServiceError, internal, validation
from servicekit.responses import from_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from starlette.requests import Request

__all__ = ["application", "problems", "unfit"]

_CODES: Final = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 400: "BAD_REQUEST"}
_WHERE: Final = frozenset(("body", "query", "path", "header"))


def application(**options: Any) -> FastAPI:
    """Return an application without routes; the options are FastAPI's."""
    app = FastAPI(redoc_url=None, redirect_slashes=False, **options)
    app.add_exception_handler(ServiceError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)
    return app


def problems(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Return pydantic's errors as ours."""
    return [
        Problem(_field(one["loc"]), _words(one), str(one["type"])) for one in errors
    ]


def unfit(error: ValidationError) -> ServiceError:
    """Return the error that says what is wrong with a body or a query."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return validation(*problems(found))


def _field(where: Iterable[Any]) -> str:
    parts = [str(part) for part in where]
    if len(parts) > 1 and parts[0] in _WHERE:
        parts = parts[1:]
    return ".".join(parts)[:200] or "body"


def _words(error: Mapping[str, Any]) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


async def _told(_request: Request, error: Exception) -> Any:
    assert isinstance(error, ServiceError)
    return from_error(error)


async def _invalid(_request: Request, error: Exception) -> Any:
    assert isinstance(error, RequestValidationError)
    return from_error(validation(*problems(error.errors())))


async def _http(request: Request, error: Exception) -> Any:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, HTTPStatus(error.status_code).name)
    message = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"there is no {request.method} {request.url.path[:200]}"
    headers = dict(error.headers or {})
    return from_error(ServiceError(error.status_code, code, message, headers=headers))


async def _fault(_request: Request, _error: Exception) -> Any:
    return from_error(internal())

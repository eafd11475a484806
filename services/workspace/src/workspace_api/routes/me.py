"""The route that tells those who ask who they are here."""

from fastapi import APIRouter
from starlette.types import Receive, Scope

from servicekit.plain import documented_as
from servicekit.responses import Answer, encode, json_answer
from workspace_api.models import Me, One
from workspace_api.routes.declare import router
from workspace_api.service import Service

__all__ = ["routes"]


class _Me:
    """The endpoint."""

    def __init__(self, service: Service) -> None:
        self._mode = service.settings.auth_mode

    async def show(self, scope: Scope, _receive: Receive) -> Answer:
        principal = scope["principal"]
        told = {"name": principal.name, "role": principal.role.name}
        data = {**told, "auth_mode": self._mode}
        return json_answer(200, encode({"success": True, "data": data}))


def routes(service: Service, base: str) -> APIRouter:
    """Return the route, as the OpenAPI document has it."""
    do, made = _Me(service), router(base, "me", branch=False)

    @made.get("/me", response_model=One[Me])
    @documented_as(do.show)
    def show_me() -> None:
        """Who asks: the name and the role of the credentials that came along."""

    return made

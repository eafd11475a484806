"""The settings of the service."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, HttpUrl

from servicekit.settings import ServiceSettings

__all__ = ["NAME", "Settings"]

NAME: Final = "workspace-board"


def _bare(url: HttpUrl) -> HttpUrl:
    if url.query or url.fragment or url.username or url.password:
        raise ValueError("is an address without user, query or fragment")
    return url


class Settings(ServiceSettings):
    """What the board's service can be told.

    Attributes:
        board_api_url: where a browser, not this service, reaches the workspace API;
            so never a name that only containers know.
    """

    port: int = Field(3103, ge=0, le=65535)
    board_api_url: Annotated[HttpUrl, AfterValidator(_bare)] = HttpUrl(
        "http://localhost:3200"
    )

    @property
    def api_url(self) -> str:
        """The API's address, without a slash at its end."""
        return str(self.board_api_url).rstrip("/")

    @property
    def api_origin(self) -> str:
        """Scheme, host and port of the API's address, as policies name it."""
        url = self.board_api_url
        host = url.host or ""
        default = {"http": 80, "https": 443}[url.scheme]
        port = "" if url.port == default else f":{url.port}"
        return f"{url.scheme}://{host}{port}"

"""Whether the services answer that a database with branches is made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError
from branchpg.http.client import HttpClient, http_address
from servicekit.health import Check
from servicekit.settings import ConfigurationError

if TYPE_CHECKING:
    from workspace_api.settings import Settings

__all__ = ["storage_checks"]

_SECONDS: Final = 1.5


def storage_checks(settings: Settings) -> list[Check]:
    """Return a check for each kind of service whose address the settings have.

    None is critical: the database itself says whether requests can be answered.

    Raises:
        ConfigurationError: one of them is no address.
    """
    if settings.library_db_strategy != "neon":
        return []
    token = settings.branchpg_token
    secret = token.get_secret_value() if token else None

    def clients(given: tuple[str, ...], http: int, pg: int) -> list[HttpClient]:
        try:
            addresses = [http_address(one, http_port=http, pg_port=pg) for one in given]
        except BranchpgError as error:
            raise ConfigurationError(f"BRANCHPG_…: {error}") from error
        return [HttpClient(one, token=secret) for one in addresses]

    keepers = settings.branchpg_safekeepers
    pageserver = (settings.branchpg_api,) if settings.branchpg_api else ()
    compute = (settings.branchpg_compute,) if settings.branchpg_compute else ()
    kinds = (
        ("pageserver", clients(pageserver, 9898, 6400), "/v1/status"),
        ("safekeeper", clients(keepers, 7676, 5454), "/v1/status"),
        ("compute", clients(compute, 3080, 55432), "/status"),
    )
    return [_check(*kind) for kind in kinds if kind[1]]


def _check(name: str, clients: list[HttpClient], path: str) -> Check:
    async def probe() -> str:
        found = await asyncio.gather(
            *(asyncio.to_thread(_answers, client, path) for client in clients)
        )
        if len(clients) == 1 and found[0]:
            return "connected"
        silent = [
            str(client.address)
            for client, answers in zip(clients, found, strict=True)
            if not answers
        ]
        count = f"{len(clients) - len(silent)} of {len(clients)} connected"
        if silent:
            raise BranchpgError(f"{count}; no answer from {', '.join(silent)}")
        return count

    return Check(name, probe, critical=False)


def _answers(client: HttpClient, path: str) -> bool:
    try:
        client.raw("GET", path, within=_SECONDS)
    except BranchpgError:
        return False
    return True

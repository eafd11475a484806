"""A project whose services somebody else runs: a stack, containers, another machine.

It is known by variables rather than by a directory:

    BRANCHPG_PAGESERVER   HTTP address of the pageserver; it makes a project attached
    BRANCHPG_COMPUTE      HTTP address of the compute  [default: 127.0.0.1:3080]
    BRANCHPG_POSTGRES     where PostgreSQL answers     [default: 127.0.0.1:5433]
    BRANCHPG_DATABASE, BRANCHPG_ROLE                   [default: workspace, postgres]
    BRANCHPG_TOKEN, BRANCHPG_PASSWORD                  the secrets
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from branchpg.client.api import Api
from branchpg.client.place import Place
from branchpg.client.project import Project
from branchpg.client.settings import Settings
from branchpg.client.urls import Target
from branchpg.errors import BranchpgError
from branchpg.http.client import Address, HttpClient, address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from branchpg.client.services import Services

__all__ = ["VARIABLE", "AttachedProject"]

VARIABLE: Final = "BRANCHPG_PAGESERVER"
_PAGESERVER_PORT: Final = 9898
_COMPUTE: Final = "127.0.0.1:3080"
_POSTGRES: Final = "127.0.0.1:5433"
_COMPUTE_PORT: Final = 3080
_POSTGRES_PORT: Final = 5433


class AttachedProject(Project):
    """A project that is reached by its services alone.

    What needs its directory, such as starting it, raises BranchpgError.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.place = Place("")
        self._pageserver = address(variables[VARIABLE], default_port=_PAGESERVER_PORT)
        self._compute = _address(variables, "COMPUTE", _COMPUTE, _COMPUTE_PORT)
        self._postgres = _address(variables, "POSTGRES", _POSTGRES, _POSTGRES_PORT)
        self.settings = Settings(
            database=variables.get("BRANCHPG_DATABASE") or Settings.database,
            role=variables.get("BRANCHPG_ROLE") or Settings.role,
            host=self._postgres.host,
        )
        self._started = []

    @property
    def services(self) -> Services:  # type: ignore[override]
        """Its services are not ours to start, stop or look for.

        Raises:
            BranchpgError: always.
        """
        return _refuse()

    @property
    def directory(self) -> str:
        """It has none here.

        Raises:
            BranchpgError: always.
        """
        return _refuse()

    def check_running(self, name: str) -> None:
        """Do nothing: whoever does not run does not answer."""

    def start(self, tell: Callable[[str, str], None] | None = None) -> None:
        """Refuse, as all that changes what runs."""
        _refuse()

    def stop(self, tell: Callable[[str, str], None] | None = None) -> None:
        """Refuse."""
        _refuse()

    @property
    def api(self) -> Api:
        """The interface of branches over HTTP."""
        token = self.variables.get("BRANCHPG_TOKEN") or None
        compute = HttpClient(self._compute, token=token)
        return Api(HttpClient(self._pageserver, token=token), lambda: compute)

    @property
    def password(self) -> str:
        """The password of the role."""
        return self.variables.get("BRANCHPG_PASSWORD", "")

    def libpq(self) -> dict[str, str]:
        """Return the variables by which libpq finds the password."""
        return {"PGPASSWORD": self.password} if self.password else {}

    def target(self, branch: str | None = None) -> Target:
        """Return where a branch is connected to; None is the default one."""
        return Target(
            host=self._postgres.host,
            port=self._postgres.port,
            role=self.settings.role,
            database=self.settings.database,
            branch=branch,
        )


def _address(variables: Mapping[str, str], name: str, usual: str, port: int) -> Address:
    return address(variables.get(f"BRANCHPG_{name}") or usual, default_port=port)


def _refuse() -> NoReturn:
    raise BranchpgError(
        "this project is run by somebody else, and only its branches are reached here",
        hint=f"use the commands of the stack, or unset {VARIABLE}",
    )

"""Where the stack is, read once from the variables that `yard` hands over."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "load"]

_HOST = "127.0.0.1"
_RUN_BY_YARD = "run it as a command of the stack: yard -s workspace ..."


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The stack as seen from this machine.

    Attributes:
        variables: all that the process was given, for programs it runs.
        yard: the command that leads to the stack.
        password, token: of the role `workspace`, and of the database's services.
        database_port, pageserver_port, compute_port: where they are published.
        branch: what is meant where no branch is named; None is the default one.
    """

    variables: Mapping[str, str]
    yard: tuple[str, ...]
    password: str
    token: str
    host: str = _HOST
    database_port: int
    pageserver_port: int
    compute_port: int
    role: str = "workspace"
    database: str = "workspace"
    branch: str | None = None

    def dsn(self, branch: str | None = None) -> dict[str, str | int]:
        """Return what psycopg2 needs to connect to a branch."""
        name = branch or self.branch
        return {
            "host": self.host,
            "port": self.database_port,
            "user": self.role,
            "password": self.password,
            "dbname": f"{self.database}@{name}" if name else self.database,
            "connect_timeout": 30,
            "application_name": "workspace-ops",
        }

    def libpq(self, branch: str | None = None) -> dict[str, str]:
        """Return the variables with which PostgreSQL's programs connect."""
        found = self.dsn(branch)
        return {
            **self.variables,
            "PGHOST": str(found["host"]),
            "PGPORT": str(found["port"]),
            "PGUSER": str(found["user"]),
            "PGPASSWORD": str(found["password"]),
            "PGDATABASE": str(found["dbname"]),
        }

    def branchpg(self) -> dict[str, str]:
        """Return the variables with which branchpg reaches the stack's branches."""
        return {
            **self.variables,
            "BRANCHPG_PAGESERVER": f"{self.host}:{self.pageserver_port}",
            "BRANCHPG_COMPUTE": f"{self.host}:{self.compute_port}",
            "BRANCHPG_POSTGRES": f"{self.host}:{self.database_port}",
            "BRANCHPG_DATABASE": self.database,
            "BRANCHPG_ROLE": self.role,
            "BRANCHPG_TOKEN": self.token,
            "BRANCHPG_PASSWORD": self.password,
        }


def load(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings.

    Raises:
        OperationError: a variable is missing or no number.
    """
    found = dict(os.environ) if variables is None else dict(variables)
    return Settings(
        variables=found,
        yard=tuple(shlex.split(found.get("YARD_COMMAND") or "yard -s workspace")),
        password=_needed(found, "WORKSPACE_DB_PASSWORD"),
        token=_needed(found, "WORKSPACE_DB_TOKEN"),
        database_port=_port(found, "WORKSPACE_DB_PORT", 5433),
        pageserver_port=_port(found, "WORKSPACE_PAGESERVER_HTTP_PORT", 9898),
        compute_port=_port(found, "WORKSPACE_COMPUTE_HTTP_PORT", 3080),
        role=found.get("WORKSPACE_DB_ROLE") or "workspace",
        branch=found.get("WORKSPACE_BRANCH") or None,
    )


def _needed(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "")
    if not value:
        raise OperationError(
            f"{name} is not set",
            hint=f"{_RUN_BY_YARD} (yard up generates it at first)",
        )
    return value


def _port(variables: Mapping[str, str], name: str, usual: int) -> int:
    value = variables.get(name) or str(usual)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise OperationError(f"{name} is no port: {value!r}", hint="mend it in .env")
    return int(value)

"""Connection strings: `postgresql://role:password@host:port/database@branch`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from branchpg.client.points import Point

__all__ = ["Target"]

_PLAIN: Final = "@/-._~:+"
"""What stays as it is in a path: not every driver decodes what is quoted."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What to connect to.

    Attributes:
        branch: its name; None is the default branch, whichever that is by then.
        point: of its history, to be read only.
        read_only: an endpoint that cannot write.
        pooled: a server process that may have served others before.
        ssl: libpq's sslmode.
    """

    host: str
    port: int
    role: str
    database: str
    branch: str | None = None
    point: Point | None = None
    read_only: bool = False
    pooled: bool = False
    ssl: str | None = None

    @property
    def name(self) -> str:
        """The database as the proxy reads it."""
        return f"{self.database}@{self.branch}" if self.branch else self.database

    @property
    def options(self) -> str:
        """What goes to the proxy in the startup parameter `options`."""
        said = []
        if self.point and self.point.lsn is not None:
            said.append(f"neon_lsn:{self.point.lsn}")
        elif self.point and self.point.time is not None:
            said.append(f"neon_timestamp:{self.point}")
        if self.read_only:
            said.append("neon_endpoint_type:read_only")
        if self.pooled:
            said.append("pooler=true")
        return " ".join(said)

    def of(self, database: str) -> Target:
        """Return the same for another database."""
        return replace(self, database=database)

    def url(self, password: str | None = None) -> str:
        """Return it as a URL; without a password libpq looks for one itself."""
        secret = f":{quote(password, safe='')}" if password else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = {"sslmode": self.ssl, "options": self.options}
        said = [f"{name}={quote(v, safe='')}" for name, v in query.items() if v]
        text = f"postgresql://{quote(self.role, safe='')}{secret}@{host}:{self.port}"
        text += f"/{quote(self.name, safe=_PLAIN)}"
        return f"{text}?{'&'.join(said)}" if said else text

    def environment(self) -> dict[str, str]:
        """Return it as the variables that libpq reads."""
        found = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.role,
            "PGDATABASE": self.name,
        }
        if self.options:
            found["PGOPTIONS"] = self.options
        if self.ssl:
            found["PGSSLMODE"] = self.ssl
        return found

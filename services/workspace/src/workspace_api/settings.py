"""The settings of the service, and which database they lead to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AliasChoices, Field, SecretStr

from servicekit.database import Target
from servicekit.settings import ConfigurationError, Names, ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["APPLICATION", "MAIN", "Settings", "replica", "target", "with_branch"]

APPLICATION: Final = "workspace-api"
MAIN: Final = "main"
"""The branch that a database stands for whose name says none."""

_PORTS: Final[Mapping[str, int]] = {
    "neon": 5433,
    "postgresql": 5432,
    "timescaledb": 5432,
}
_PREFIXES: Final[Mapping[str, str]] = {
    "neon": "neon",
    "postgresql": "postgres",
    "timescaledb": "workspace_database",
}

_ENDPOINT: Final = re.compile(r"(?:^|\s)(?:endpoint|project)=\S*")
"""Where the options of a connection name an endpoint to branchpg's proxy."""


class Settings(ServiceSettings):
    """What the workspace API can be told. `docs/reference/workspace-api.md` has all."""

    port: int = Field(3200, ge=0, le=65535)
    cors_origins: Names = Field(
        ("http://localhost:3103", "http://127.0.0.1:3103"),
        validation_alias=AliasChoices("cors_origin", "cors_origins"),
    )

    library_db_strategy: Literal["neon", "postgresql", "timescaledb"] = "neon"

    neon_database_url: SecretStr | None = None
    neon_host: str = "127.0.0.1"
    neon_port: int | None = Field(None, ge=1, le=65535)
    neon_database: str = "workspace"
    neon_user: str = "postgres"
    neon_password: SecretStr | None = None
    neon_ssl: str | None = None
    neon_branch: str | None = None

    postgres_url: SecretStr | None = None
    postgres_host: str = "127.0.0.1"
    postgres_port: int | None = Field(None, ge=1, le=65535)
    postgres_database: str = "workspace"
    postgres_user: str = "postgres"
    postgres_password: SecretStr | None = None
    postgres_ssl: str | None = None

    workspace_database_url: SecretStr | None = None
    workspace_database_host: str = "127.0.0.1"
    workspace_database_port: int | None = Field(None, ge=1, le=65535)
    workspace_database_database: str = "workspace"
    workspace_database_user: str = "postgres"
    workspace_database_password: SecretStr | None = None
    workspace_database_ssl: str | None = None

    replica_database_url: SecretStr | None = None

    workers: int = Field(1, ge=1, le=64)
    pool_max: int = Field(20, ge=1, le=1000)
    pool_min: int = Field(2, ge=0, le=1000)
    pool_idle_timeout_ms: int = Field(30_000, ge=100)
    connection_timeout_ms: int = Field(10_000, ge=100)
    statement_timeout_ms: int = Field(30_000, ge=100)

    branchpg_api: str | None = None
    branchpg_compute: str | None = None
    branchpg_safekeepers: Names = ()
    branchpg_token: SecretStr | None = None
    branch_pools_max: int = Field(8, ge=1, le=100)
    branch_pool_size: int = Field(4, ge=1, le=100)
    branch_idle_seconds: float = Field(30.0, gt=0)

    migrate_on_start: bool = True
    event_queue_max: int = Field(1000, ge=1)
    event_streams_max: int = Field(1000, ge=1)
    heartbeat_seconds: float = Field(15.0, gt=0)
    audit_retention_days: int = Field(90, ge=1)
    deleted_retention_days: int = Field(30, ge=1)

    @property
    def own_branch(self) -> str:
        """The branch of requests that name none."""
        return self.neon_branch or MAIN

    @property
    def has_branches(self) -> bool:
        """Whether the database is one that branches."""
        return self.library_db_strategy == "neon" and self.branchpg_api is not None


def target(settings: Settings, *, branch: str | None = None) -> Target:
    """Return where the database is; without a branch, the service's own.

    Raises:
        ConfigurationError: the URL of the database cannot be understood.
    """
    prefix = _PREFIXES[settings.library_db_strategy]
    url: SecretStr | None = getattr(
        settings, "neon_database_url" if prefix == "neon" else f"{prefix}_url"
    )
    found = _from_url(url, settings) if url else _from_parts(settings, prefix)
    wanted = branch or settings.neon_branch
    return with_branch(found, wanted) if wanted and prefix == "neon" else found


def replica(settings: Settings) -> Target | None:
    """Return where a read replica is, if there is one."""
    url = settings.replica_database_url
    return _from_url(url, settings) if url else None


def with_branch(found: Target, branch: str) -> Target:
    """Return the same database on a branch, as branchpg's proxy has it.

    An endpoint that the options name is one of another branch.
    """
    bare = found.database.partition("@")[0]
    settings = dict(found.settings)
    options = _ENDPOINT.sub("", settings.pop("options", "")).strip()
    if options:
        settings["options"] = options
    return replace(found, database=f"{bare}@{branch}", settings=settings)


def _from_parts(settings: Settings, prefix: str) -> Target:
    password: SecretStr | None = getattr(settings, f"{prefix}_password")
    port: int | None = getattr(settings, f"{prefix}_port")
    return _target(
        settings,
        host=getattr(settings, f"{prefix}_host"),
        port=port or _PORTS[settings.library_db_strategy],
        database=getattr(settings, f"{prefix}_database"),
        user=getattr(settings, f"{prefix}_user"),
        password=password.get_secret_value() if password else None,
        ssl=getattr(settings, f"{prefix}_ssl"),
    )


def _from_url(url: SecretStr, settings: Settings) -> Target:
    try:
        parts = urlsplit(url.get_secret_value())
        options = parse_qs(parts.query)
        port = parts.port or _PORTS[settings.library_db_strategy]
    except ValueError:
        parts = urlsplit("")
        options, port = {}, 0
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname:
        raise ConfigurationError("the URL of the database: write postgresql://…")
    host = options.get("host", [parts.hostname])[0]
    return _target(
        settings,
        host=host,
        port=port,
        database=unquote(parts.path.lstrip("/")) or "workspace",
        user=unquote(parts.username or "postgres"),
        password=unquote(parts.password) if parts.password else None,
        ssl=options.get("sslmode", [None])[0],
        options=options.get("options", [""])[0],
    )


def _target(
    settings: Settings,
    *,
    host: str,
    port: int,
    database: str,
    user: str,
    password: str | None,
    ssl: str | None,
    options: str = "",
) -> Target:
    return Target(
        host=host,
        port=port,
        database=database,
        user=user,
        password=password or None,
        ssl=ssl,
        minimum=min(settings.pool_min, settings.pool_max),
        maximum=settings.pool_max,
        idle_seconds=settings.pool_idle_timeout_ms / 1000,
        connect_seconds=settings.connection_timeout_ms / 1000,
        statement_seconds=settings.statement_timeout_ms / 1000,
        settings={
            "application_name": APPLICATION,
            "TimeZone": "UTC",
            "search_path": "workspace,public",
            "statement_timeout": str(settings.statement_timeout_ms),
            "jit": "off",
            # By them the proxy routes; the rest of them is PostgreSQL's.
            **({"options": options} if options else {}),
        },
    )

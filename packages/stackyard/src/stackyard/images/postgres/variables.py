"""The variables of the official image: POSTGRES_* and PGDATA, with their files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stackyard.images.mounts import Mounts
from stackyard.images.postgres.errors import EntrypointError, explained

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DATA", "FIRST_WITH_VERSIONED_DATA", "Variables"]

DATA: Final = "/var/lib/postgresql/data"
FIRST_WITH_VERSIONED_DATA: Final = 18
"""Since then the image keeps each major version in a directory of its own."""

_DEFAULT_METHOD = "scram-sha-256"
_NO_PASSWORD = """\
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, under "environment" in the Compose file.

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about "trust":
       https://www.postgresql.org/docs/current/auth-trust.html"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Variables:
    """What one start was told. There is no repr: it would show the password."""

    data: str
    user: str
    password: str
    database: str
    initdb_arguments: str
    wal_directory: str
    method: str
    address: str
    run_directory: str
    tools_directory: str
    mounts: Mounts

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Variables:
        """Read the environment and the files it names.

        Raises:
            EntrypointError: a variable and its file are both set, or a file is missing.
        """
        try:
            mounts = Mounts.read(environment)
        except ValueError as error:
            raise explained(
                f"cannot read YARD_MOUNTS: {error}", hint="the engine sets it"
            ) from error

        def value(name: str, default: str = "") -> str:
            return _value_or_file(name, environment, mounts) or default

        user = value("POSTGRES_USER", "postgres")
        return cls(
            data=_data_directory(environment, mounts),
            user=user,
            password=value("POSTGRES_PASSWORD"),
            database=value("POSTGRES_DB", user),
            initdb_arguments=value("POSTGRES_INITDB_ARGS"),
            wal_directory=environment.get("POSTGRES_INITDB_WALDIR", ""),
            method=environment.get("POSTGRES_HOST_AUTH_METHOD", ""),
            address=environment.get("YARD_ADDRESS") or "127.0.0.1",
            run_directory=environment.get("YARD_RUN_DIR", ""),
            tools_directory=environment.get("YARD_TOOLS_DIR", ""),
            mounts=mounts,
        )

    def require_password(self) -> None:
        """Raise the image's own error if a new cluster would have no password."""
        if not self.password and self.method != "trust":
            raise EntrypointError(_NO_PASSWORD)

    def require_used_volume(self) -> None:
        """Raise if the old volume of the image is mounted, and the data elsewhere.

        Since 18 the image refuses it too: the data there would look lost.
        """
        volume = self.mounts.targets.get(DATA)
        if volume and not f"{self.data}/".startswith(f"{os.path.abspath(volume)}/"):
            raise explained(
                f"a volume is at {DATA}, and since PostgreSQL 18 the image keeps "
                f'its data elsewhere, here in "{self.data}"',
                hint="mount the volume at /var/lib/postgresql, or set PGDATA to "
                f"{DATA} to go on using it there",
            )

    def access_rules(self) -> str:
        """Return pg_hba.conf.

        The image trusts 127.0.0.1 because only its own container comes from there. Here
        every neighbour does, so that only the socket is trusted.
        """
        return (
            "# TYPE  DATABASE     USER  ADDRESS  METHOD\n"
            "local   all          all            trust\n"
            "local   replication  all            trust\n"
            f"host    all          all   all      {self.method or _DEFAULT_METHOD}\n"
        )

    def exported(self) -> dict[str, str]:
        """Return the variables as the image's entrypoint exports them to scripts."""
        return {
            "POSTGRES_USER": self.user,
            "POSTGRES_PASSWORD": self.password,
            "POSTGRES_DB": self.database,
            "POSTGRES_INITDB_ARGS": self.initdb_arguments,
            "PGDATA": self.data,
        }


def _value_or_file(name: str, environment: Mapping[str, str], mounts: Mounts) -> str:
    variable = f"{name}_FILE"
    value, path = environment.get(name, ""), environment.get(variable, "")
    if value and path:
        raise EntrypointError(
            f"error: both {name} and {variable} are set (but are exclusive)"
        )
    if not path:
        return value
    if not os.path.exists(path):
        path = mounts.host_path(path) or path
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\n")  # as $(< file) does
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise explained(
            f'cannot read {variable} "{path}": {reason}',
            hint="name a file that is there, such as one under /run/secrets",
        ) from error


def _data_directory(environment: Mapping[str, str], mounts: Mounts) -> str:
    named = environment.get("PGDATA", "") or DATA
    path = named if os.path.isdir(named) else mounts.host_path(named) or named
    if path == DATA and not os.path.isdir(path):
        raise explained(
            "there is no directory for the data",
            hint=f"mount a volume at {DATA}, or set PGDATA",
        )
    return os.path.abspath(path)

"""The official image `postgres` in native terms.

The server always starts through `stackyard.images.postgres.entrypoint`, which ends by
becoming it. The launcher directory has that entrypoint under the name it has in the
image, so that `sh -c "... && docker-entrypoint.sh postgres"` works as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stackyard.images import binaries, launchers, reference
from stackyard.images.adapter import NativeImage
from stackyard.images.postgres import sockets
from stackyard.images.postgres.variables import DATA, FIRST_WITH_VERSIONED_DATA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["PostgresAdapter"]

_ENTRYPOINT = "docker-entrypoint.sh"
_PORT = 5432


class PostgresAdapter:
    """`postgres:TAG` on one host."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._host = host
        self._wanted = reference.major(image)
        self._found: binaries.Postgres | None = None

    def image(self) -> NativeImage:
        """Return the image's configuration, and where its programs lie."""
        found = self._programs()
        launcher = launchers.script(*self._own_entrypoint())
        volume, data = _layout(self._wanted or found.major)
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=("postgres",),
            environment={"PGDATA": data, "PG_MAJOR": found.major},
            exposed_ports=(_PORT,),
            volumes=(volume,),
            stop_signal="SIGINT",
            tools=(
                launchers.directory(self._host.cache, {_ENTRYPOINT: launcher}),
                found.directory,
            ),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the entrypoint with what runs; other programs run as they are."""
        if argv and argv[0].rpartition("/")[2] == _ENTRYPOINT:
            argv = argv[1:]
        if argv and argv[0] != "postgres" and not argv[0].startswith("-"):
            return argv
        return (*self._own_entrypoint(), *argv)

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return libpq's variables: the server's own socket, which asks no password.

        A client that names a host comes by TCP, where a password is asked; the
        entrypoint left it in a file that only the user may read.
        """
        user = environment.get("POSTGRES_USER") or "postgres"
        port = sockets.port(argv, environment)
        return {
            "PGUSER": user,
            "PGPORT": port,
            **sockets.client_environment(environment),
        }

    def _programs(self) -> binaries.Postgres:
        if self._found is None:
            self._found = binaries.postgres(self._host, self._wanted)
        return self._found

    def _own_entrypoint(self) -> tuple[str, ...]:
        found = self._programs()
        module = ("-P", "-m", "stackyard.images.postgres")
        programs = ("--bin", found.directory, "--version", found.version)
        templates = ("--templates", os.path.join(self._host.cache, "clusters"))
        wanted = ("--wanted", self._wanted) if self._wanted else ()
        return (self._host.python, *module, *programs, *templates, *wanted, "--")


def _layout(major: str) -> tuple[str, str]:
    """Return the image's volume and its PGDATA."""
    if major.isdecimal() and int(major) >= FIRST_WITH_VERSIONED_DATA:
        return "/var/lib/postgresql", f"/var/lib/postgresql/{major}/docker"
    return DATA, DATA

"""What an adapter is: it says what an image would have run, in native terms.

An adapter speaks for one image reference on one host. `stackyard.images.registry` finds
it by the image's repository (`postgres`, `valkey/valkey`): ours stand there, other
packages offer theirs under the entry point group `stackyard.images`, with the
repository as the entry point's name and an `AdapterFactory` as its object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

SELF: Final = "\0self\0"
"""Stands for the replica's own address wherever an adapter writes a text."""


class ImageError(Exception):
    """An image cannot run natively here; `hint` says what would help."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class ImageReference:
    """`[registry/]repository[:tag][@digest]`, as in the OCI distribution specification.

    `repository` has no registry and, for Docker's own images, no `library/`.
    """

    repository: str
    tag: str = "latest"
    registry: str = "docker.io"
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine an adapter looks for programs on.

    Attributes:
        environment: variables of the `yard` process: PATH and the YARD_* settings.
        cache: a directory of the user's own, for launchers; made when first needed.
        python: the interpreter that has this package.
        system_postgres: where the system keeps one PostgreSQL for each major version.
    """

    environment: Mapping[str, str]
    cache: str
    python: str = sys.executable
    system_postgres: str = "/usr/lib/postgresql"


@dataclass(frozen=True, kw_only=True)
class NativeImage:
    """The native counterpart of an image's configuration (OCI image specification).

    Attributes:
        entrypoint: what runs, before the command.
        command: default arguments; an entrypoint in the Compose file drops them.
        environment: variables under those of the Compose file.
        working_directory: container path; empty is as without a container.
        exposed_ports: TCP ports the service listens on by itself.
        volumes: container paths that get a volume where the file mounts none.
        stop_signal: name of the signal that stops it; empty is SIGTERM.
        tools: directories of its programs, put first on PATH.
        warnings: how this differs from the image, to be told once.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = ""
    exposed_ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    tools: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Adapter(Protocol):
    """One known image.

    Three environments must not be confused: the one of the `yard` process (`Host`), the
    image's (`NativeImage.environment`) and the replica's, which the engine has put
    together from the image's and the file's, with YARD_ADDRESS and its like.
    """

    def image(self) -> NativeImage:
        """Return what the image means on this machine.

        Raises:
            ImageError: its programs are not here, or not in the version asked for.
        """

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return what really runs for `entrypoint + command`.

        This is where a server is made to listen on the replica's own address. Texts may
        hold `SELF`. What the adapter does not know is returned as it is.
        """

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return variables for `exec`, probes and hooks, under those of the service.

        `argv` is `entrypoint + command`, `environment` the replica's. A value may hold
        `SELF`, and be a path below YARD_RUN_DIR: where a replica leaves a symbolic link
        there, clients get what it points to.
        """


AdapterFactory: TypeAlias = Callable[[ImageReference, Host], Adapter]

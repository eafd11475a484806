"""The official images `redis` and `valkey/valkey` in native terms.

No program of ours runs beside the server: `launch` returns its command line. The client
has no variable for the host, so that `redis-cli` is a launcher that puts the replica's
address first; `-h`, `-s` and `-u` override it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from stackyard.images import binaries, launchers, reference
from stackyard.images.adapter import SELF, NativeImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["RedisAdapter"]

_PORT: Final = 6379
_DATA: Final = "/data"
_ENTRYPOINT: Final = "docker-entrypoint.sh"
_SERVERS: Final = ("redis-server", "valkey-server")
_CLIENTS: Final = ("redis-cli", "valkey-cli")
_INFORMATION: Final = frozenset({"-v", "--version", "-h", "--help"})
_WILDCARDS: Final = frozenset(
    {"*", "-*", "0.0.0.0", "::", "-::", "::*", "-::*", "[::]"}
)
_VALKEY_IS_LIKE: Final = 7  # the last major version of Redis it was forked from


class RedisAdapter:
    """`redis:TAG` or `valkey/valkey:TAG` on one host."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._reference = image
        self._host = host
        self._found: binaries.Redis | None = None

    def image(self) -> NativeImage:
        """Return the image's configuration, and where its programs lie."""
        found = self._programs()
        name = "redis" if self._reference.repository == "redis" else "valkey"
        scripts = {server: launchers.script(found.server) for server in _SERVERS}
        if found.client:
            scripts |= dict.fromkeys(_CLIENTS, _client_script(found.client))
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=(f"{name}-server",),
            working_directory=_DATA,
            exposed_ports=(_PORT,),
            volumes=(_DATA,),
            tools=(launchers.directory(self._host.cache, scripts),),
            warnings=self._warnings(found),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the server's command line; other programs run as they are."""
        if argv and argv[0].rpartition("/")[2] == _ENTRYPOINT:
            argv = argv[1:]
        if not argv or argv[0].startswith("-") or argv[0].endswith(".conf"):
            argv = ("redis-server", *argv)  # as the image's entrypoint does
        if argv[0].rpartition("/")[2] not in _SERVERS:
            return argv
        server, arguments = self._programs().server, argv[1:]
        if _INFORMATION.intersection(arguments):
            return (server, *arguments)
        return (server, *_on_own_address(arguments))

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return nothing: the launcher of the client reads the replica's YARD_ADDRESS.

        A password is not handed on, for the image asks for it too.
        """
        return {}

    def _programs(self) -> binaries.Redis:
        if self._found is None:
            self._found = binaries.redis(self._host)
        return self._found

    def _warnings(self, found: binaries.Redis) -> tuple[str, ...]:
        major = reference.major(self._reference)
        is_newer = major and int(major) > _VALKEY_IS_LIKE
        if self._reference.repository != "redis" or not found.is_valkey or not is_newer:
            return ()
        text = (
            f"redis:{self._reference.tag} runs as Valkey, which has what Redis "
            f"{_VALKEY_IS_LIKE} has; set YARD_REDIS_SERVER to run another server"
        )
        return (text,)


def _client_script(client: str) -> str:
    program = shlex.quote(client)
    return f'#!/bin/sh\nexec {program} -h "${{YARD_ADDRESS:-127.0.0.1}}" "$@"\n'


def _on_own_address(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Add what an option does not say already; options override a file before them."""
    has_file = bool(arguments) and not arguments[0].startswith("-")
    given = {argument.lower() for argument in arguments}
    added: list[str] = []
    if "--bind" not in given:
        added += ["--bind", SELF]
    # The image is built without it; loopback is as private as a container's network.
    if "--protected-mode" not in given:
        added += ["--protected-mode", "no"]
    if "--dir" not in given and not has_file:
        added += ["--dir", _DATA]
    return (*_without_wildcards(arguments), *added)


def _without_wildcards(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Replace "every address" after --bind by the replica's own."""
    kept: list[str] = []
    is_bind = False
    for argument in arguments:
        if argument.startswith("--"):
            is_bind = argument.lower() == "--bind"
        elif is_bind and _WILDCARDS.intersection(argument.split()):
            if SELF not in kept:
                kept.append(SELF)
            continue
        kept.append(argument)
    return tuple(kept)

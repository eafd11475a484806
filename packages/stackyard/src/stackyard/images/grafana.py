"""The image `grafana/grafana` in native terms."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from stackyard.images.adapter import SELF, ImageError, NativeImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["GrafanaAdapter"]

_ENTRYPOINT: Final = "/run.sh"
_PORT: Final = 3000
_DATA: Final = "/var/lib/grafana"
_PROVISIONING: Final = "/etc/grafana/provisioning"
_HOMES: Final = ("/usr/share/grafana", "/opt/grafana")


class GrafanaAdapter:
    """`grafana/grafana:TAG` on one host, by the program that is installed there."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._host = host

    def image(self) -> NativeImage:
        """Return the image's configuration.

        Raises:
            ImageError: Grafana is not installed.
        """
        self._program()
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=(),
            environment={
                "GF_PATHS_DATA": _DATA,
                "GF_PATHS_LOGS": f"{_DATA}/log",
                "GF_PATHS_PLUGINS": f"{_DATA}/plugins",
                "GF_PATHS_PROVISIONING": _PROVISIONING,
            },
            exposed_ports=(_PORT,),
            volumes=(_DATA,),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the server's command line, on the replica's own address."""
        if not argv or argv[0] != _ENTRYPOINT:
            return argv
        program, home = self._program()
        options = ("--homepath", home, *argv[1:])
        return (program, "server", *options, f"cfg:server.http_addr={SELF}")

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return nothing: Grafana is reached by HTTP."""
        return {}

    def _program(self) -> tuple[str, str]:
        """Return the program, and the directory of its static files."""
        home = self._host.environment.get("YARD_GRAFANA_HOME", "")
        for place in (home, *_HOMES) if home else _HOMES:
            program = os.path.join(place, "bin", "grafana")
            if os.access(program, os.X_OK):
                return program, place
            on_path = shutil.which(
                "grafana", path=self._host.environment.get("PATH", "")
            )
            if on_path and os.path.isdir(os.path.join(place, "public")):
                return on_path, place
        raise ImageError(
            "Grafana is not installed, and Debian does not package it",
            hint="install it as grafana.com/docs says, or unpack its archive and set "
            "YARD_GRAFANA_HOME to its directory; Prometheus' own pages show the same "
            "figures without it",
        )

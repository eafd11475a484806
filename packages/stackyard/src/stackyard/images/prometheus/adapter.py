"""The official image `prom/prometheus` in native terms.

Its configuration names hosts, and lies in a file, where the engine translates nothing.
So the server starts through `stackyard.images.prometheus`, which writes a configuration
with the addresses in place of the names, and keeps it true while replicas come and go.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from stackyard.images import launchers
from stackyard.images.adapter import ImageError, NativeImage
from stackyard.images.listening import on_own_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["PrometheusAdapter"]

_NAME: Final = "prometheus"
_ENTRYPOINT: Final = "/bin/prometheus"
_PORT: Final = 9090
_DATA: Final = "/prometheus"
_COMMAND: Final = (
    "--config.file=/etc/prometheus/prometheus.yml",
    f"--storage.tsdb.path={_DATA}",
)
_LISTEN: Final = "--web.listen-address"
_INFORMATION: Final = frozenset({"--version", "--help", "-h"})


class PrometheusAdapter:
    """`prom/prometheus:TAG` on one host, by the program that is installed there."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._host = host

    def image(self) -> NativeImage:
        """Return the image's configuration.

        Raises:
            ImageError: Prometheus is not installed.
        """
        script = launchers.script(self._program())
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=_COMMAND,
            exposed_ports=(_PORT,),
            volumes=(_DATA,),
            tools=(launchers.directory(self._host.cache, {_NAME: script}),),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the entrypoint with the server's command line."""
        if not argv or os.path.basename(argv[0]) != _NAME:
            return argv
        program, arguments = self._program(), argv[1:]
        if _INFORMATION.intersection(arguments):
            return (program, *arguments)
        own = on_own_address(arguments, {_LISTEN: _PORT}, glue="=")
        module = ("-P", "-m", "stackyard.images.prometheus")
        return (self._host.python, *module, "--", program, *own)

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return nothing: Prometheus is reached by HTTP."""
        return {}

    def _program(self) -> str:
        named = self._host.environment.get("YARD_PROMETHEUS", "")
        path = self._host.environment.get("PATH", "")
        found = named or shutil.which(_NAME, path=path)
        if not found or not os.access(found, os.X_OK):
            raise ImageError(
                f'YARD_PROMETHEUS: "{named}" is not a program'
                if named
                else "Prometheus is not installed",
                hint="install it (on Debian: apt-get install prometheus), or set "
                "YARD_PROMETHEUS to its file",
            )
        return os.path.abspath(found)

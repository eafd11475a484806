"""Images of our own services: a console script of the environment `yard` runs in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from stackyard.images.adapter import ImageError, NativeImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["ScriptAdapter"]

_PORTS: Final = {"workspace-api": 3200, "workspace-board": 3103}
_PACKAGES: Final = {
    "workspace-api": "stackyard-workspace",
    "workspace-board": "stackyard-workspace-board",
}


class ScriptAdapter:
    """`stackyard/NAME`: the console script NAME, which HOST and PORT tell its place."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._name = image.repository.rpartition("/")[2]
        self._host = host

    def image(self) -> NativeImage:
        """Return the script as the image's entrypoint.

        Raises:
            ImageError: the script is not installed beside the interpreter of `yard`.
        """
        directory = os.path.dirname(self._host.python)
        script = os.path.join(directory, self._name)
        if not os.access(script, os.X_OK):
            raise ImageError(
                f'there is no program {self._name} in "{directory}"',
                hint=f"make setup, or pip install {_PACKAGES[self._name]} into the "
                "environment of yard",
            )
        return NativeImage(
            entrypoint=(script,),
            command=(),
            exposed_ports=(_PORTS[self._name],),
            tools=(directory,),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command as it is: the services read HOST and PORT."""
        return argv

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return nothing: the service is reached by HTTP."""
        return {}

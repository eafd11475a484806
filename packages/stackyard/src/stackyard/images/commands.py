"""Images that bring no service, only programs: a distribution, an interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stackyard.images import binaries, launchers, reference
from stackyard.images.adapter import NativeImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["CommandAdapter", "NodeAdapter", "PythonAdapter"]

_COMMANDS: Final = {
    "alpine": ("/bin/sh",),
    "busybox": ("sh",),
    "debian": ("bash",),
    "ubuntu": ("/bin/bash",),
}
_ENTRYPOINT: Final = "docker-entrypoint.sh"  # of node


class CommandAdapter:
    """A distribution: its command runs with the programs of this machine."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._reference = image
        self._host = host

    def image(self) -> NativeImage:
        """Return the image's default command."""
        return NativeImage(command=_COMMANDS[self._reference.repository])

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command as it is."""
        return argv

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return nothing: there is no service to reach."""
        return {}


class PythonAdapter(CommandAdapter):
    """`python:TAG`: an interpreter, by preference of the tag's version."""

    def image(self) -> NativeImage:
        """Return the image's default command, and the interpreter by its two names."""
        wanted = reference.version(self._reference, parts=2)
        found = binaries.python(self._host, wanted)
        script = launchers.script(found.path)
        scripts = {"python": script, "python3": script}
        return NativeImage(
            command=("python3",),
            tools=(launchers.directory(self._host.cache, scripts),),
            warnings=_other_version("python", wanted, found),
        )


class NodeAdapter(CommandAdapter):
    """`node:TAG`: Node.js, by preference of the tag's version."""

    def image(self) -> NativeImage:
        """Return the image's default command, and where node lies."""
        wanted = reference.major(self._reference)
        found = binaries.node(self._host, wanted)
        scripts = {"node": launchers.script(found.path)}
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=("node",),
            tools=(launchers.directory(self._host.cache, scripts),),
            warnings=_other_version("node", wanted, found),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Do what the image's entrypoint does: options are for node."""
        if argv and argv[0].rpartition("/")[2] == _ENTRYPOINT:
            argv = argv[1:]
            if not argv or argv[0].startswith("-"):
                return ("node", *argv)
        return argv


def _other_version(image: str, wanted: str, found: binaries.Program) -> tuple[str, ...]:
    if binaries.matches(found.version, wanted):
        return ()
    text = (
        f"{image}:{wanted} runs as {image} {found.version}, which this machine has; "
        f"set YARD_{image.upper()} to the file of another one"
    )
    return (text,)

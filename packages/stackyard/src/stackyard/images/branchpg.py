"""The image `stackyard/branchpg` in native terms: one of its three services by name.

The image's command begins with the service: `pageserver --workdir /data ...`. Natively
that is `python -m branchpg.pageserver` in the environment that `yard` itself runs in;
nothing of branchpg is imported here.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from stackyard.images import binaries, launchers
from stackyard.images.adapter import SELF, ImageError, NativeImage
from stackyard.images.listening import on_own_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.images.adapter import Host, ImageReference

__all__ = ["BranchpgAdapter"]

_ENTRYPOINT: Final = "branchpg-service"
_PORTS: Final = {
    "safekeeper": {"--listen-pg": 5454, "--listen-http": 7676},
    "pageserver": {"--listen-pg": 6400, "--listen-http": 9898},
    "compute": {"--listen-pg": 55432, "--listen-http": 3080},
}
_HELP: Final = frozenset({"-h", "--help"})


class BranchpgAdapter:
    """`stackyard/branchpg` on one host."""

    def __init__(self, image: ImageReference, host: Host) -> None:
        self._host = host

    def image(self) -> NativeImage:
        """Return the image's configuration, with PostgreSQL's programs as its tools."""
        if find_spec("branchpg") is None:
            raise ImageError(
                "branchpg is not installed where yard runs",
                hint="pip install 'branchpg[postgres]' into the same environment",
            )
        script = launchers.script(self._host.python, "-P", "-m", "branchpg")
        return NativeImage(
            entrypoint=(_ENTRYPOINT,),
            command=("pageserver",),
            tools=(
                launchers.directory(self._host.cache, {"branchpg": script}),
                binaries.postgres(self._host, "").directory,
            ),
        )

    def launch(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the service's command line; other programs run as they are."""
        if argv and argv[0].rpartition("/")[2] == _ENTRYPOINT:
            argv = argv[1:]
        name = argv[0] if argv else "pageserver"
        if name not in _PORTS:
            return argv
        run = (self._host.python, "-P", "-m", f"branchpg.{name}")
        arguments = argv[1:]
        if _HELP.intersection(arguments):
            return (*run, *arguments)
        return (*run, *on_own_address(arguments, _PORTS[name]))

    def client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return libpq's variables for a compute: how its proxy is reached."""
        if "compute" not in argv[:2]:
            return {}
        role, database = _option(argv, "--role"), _option(argv, "--database")
        return {
            "PGHOST": SELF,
            "PGPORT": str(_PORTS["compute"]["--listen-pg"]),
            "PGUSER": role or "postgres",
            "PGDATABASE": database or "postgres",
        }


def _option(argv: tuple[str, ...], name: str) -> str:
    for before, word in zip(argv, argv[1:], strict=False):
        if before == name:
            return word
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""

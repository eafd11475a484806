"""Where container paths lie on the host, as the engine hands it over in YARD_MOUNTS."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "YARD_MOUNTS"


@dataclass(frozen=True)
class Mounts:
    """Host paths by container path."""

    targets: Mapping[str, str]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Mounts:
        """Read the JSON object `{container path: host path}`; no variable, no mounts.

        Raises:
            ValueError: the variable holds something else.
        """
        text = environment.get(VARIABLE, "")
        if not text:
            return cls({})
        import json  # on use: as slow as all else here, and a server may have no mounts

        targets = json.loads(text)
        if not isinstance(targets, dict):
            raise ValueError(f"{VARIABLE} is not a JSON object")
        return cls({_clean(target): str(host) for target, host in targets.items()})

    def host_path(self, path: str) -> str | None:
        """Return where a container path lies on the host, None below no mount."""
        cleaned = _clean(path)
        target = cleaned
        while target not in self.targets:
            parent = posixpath.dirname(target)
            if parent == target:
                return None
            target = parent
        rest = posixpath.relpath(cleaned, target)
        host = self.targets[target]
        return host if rest == "." else posixpath.join(host, rest)

    def below(self, path: str) -> dict[str, str]:
        """Return the host paths of what is mounted right below a container path."""
        cleaned = _clean(path)
        return {
            posixpath.basename(target): host
            for target, host in self.targets.items()
            if target != "/" and posixpath.dirname(target) == cleaned
        }


def _clean(path: str) -> str:
    # A second leading slash is kept by normpath, and means nothing on Linux.
    return "/" + posixpath.normpath("/" + path).lstrip("/")

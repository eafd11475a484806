"""A configuration that names services -> one that reads their addresses from files.

In a container Prometheus resolves names: `dns_sd_configs` finds every replica of a
service, `static_configs` one. Natively there is no such resolver, so that both become
`file_sd_configs`, whose files hold the addresses of the replicas there are.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "Configuration",
    "Replica",
    "absolute",
    "replicas_of",
    "targets",
    "translated",
]

_REFRESH: Final = "1m"  # changes are seen at once; this is for lost notifications


class Replica(msgspec.Struct, frozen=True):
    """What the project's state says of one container; it says more."""

    service: str
    number: int
    address: str
    wanted: bool = False
    oneoff: bool = False


class _State(msgspec.Struct):
    containers: list[Replica] = []


@dataclass(frozen=True)
class Configuration:
    """A translated configuration.

    Attributes:
        content: what the server reads.
        files: name of a file of targets -> the service, its port, and its labels.
    """

    content: dict[str, Any]
    files: Mapping[str, tuple[str, int, Mapping[str, str]]]


def replicas_of(state: bytes) -> list[Replica]:
    """Read the replicas that are meant to run from the project's `containers.json`."""
    found = msgspec.json.decode(state, type=_State)
    ours = (item for item in found.containers if item.wanted and not item.oneoff)
    return sorted(ours, key=lambda item: (item.service, item.number, item.address))


def targets(
    replicas: Iterable[Replica], service: str, port: int, labels: Mapping[str, str]
) -> bytes:
    """Return a file of targets for one service."""
    found = [f"{item.address}:{port}" for item in replicas if item.service == service]
    return msgspec.json.encode([{"targets": found, "labels": dict(labels)}])


def translated(
    content: dict[str, Any],
    *,
    file: Callable[[str], str],
    path: Callable[[str], str],
) -> Configuration:
    """Return a configuration with files in place of what names services.

    A name without a dot is that of a service, as in a container's network; one that the
    project does not have has no targets. Everything else stays as it is.

    Args:
        content: the configuration as the file has it.
        file: a name -> where that file of targets will lie.
        path: a path of the configuration -> the same on this machine.
    """
    translator = _Translator(file)
    scrapes = [translator.scrape(item) for item in content.get("scrape_configs") or []]
    result = {**content, "scrape_configs": scrapes}
    if content.get("rule_files"):
        result["rule_files"] = [path(item) for item in content["rule_files"]]
    return Configuration(result, translator.files)


class _Translator:
    def __init__(self, file: Callable[[str], str]) -> None:
        self._file = file
        self.files: dict[str, tuple[str, int, Mapping[str, str]]] = {}

    def scrape(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return one item of `scrape_configs`."""
        result = dict(job)
        files = list(result.pop("file_sd_configs", None) or [])
        dns = [
            left
            for item in result.pop("dns_sd_configs", None) or []
            if (left := self._dns(item, files))
        ]
        static = [
            left
            for item in result.pop("static_configs", None) or []
            if (left := self._static(item, files))
        ]
        rest = {"dns_sd_configs": dns, "static_configs": static}
        result |= {name: items for name, items in rest.items() if items}
        if files:
            result["file_sd_configs"] = files
        return result

    def _dns(self, item: dict[str, Any], files: list[Any]) -> dict[str, Any] | None:
        left = []
        for name in item.get("names") or []:
            service = name.removeprefix("tasks.")  # as Swarm names all replicas
            if _is_service(service):
                files.append(self._reading(service, int(item.get("port", 80)), {}))
            else:
                left.append(name)
        return {**item, "names": left} if left else None

    def _static(self, item: dict[str, Any], files: list[Any]) -> dict[str, Any] | None:
        left = []
        for target in item.get("targets") or []:
            host, _, port = str(target).rpartition(":")
            if _is_service(host) and port.isdecimal():
                labels = item.get("labels") or {}
                files.append(self._reading(host, int(port), labels))
            else:
                left.append(target)
        return {**item, "targets": left} if left else None

    def _reading(
        self, service: str, port: int, labels: Mapping[str, str]
    ) -> dict[str, Any]:
        name = f"{service}-{port}-{len(self.files)}.json"
        self.files[name] = (service, port, labels)
        return {"files": [self._file(name)], "refresh_interval": _REFRESH}


def _is_service(name: str) -> bool:
    return bool(name) and name != "localhost" and not set(".:[") & set(name)


def absolute(path: str, directory: str) -> str:
    """Return a path of a configuration that lies in a directory."""
    return posixpath.normpath(posixpath.join(directory, path))

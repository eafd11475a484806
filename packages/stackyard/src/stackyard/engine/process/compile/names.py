"""Who can reach whom, and by what name: networks as groups of reachability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.engine.process.spec import service_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.compose.model import Project, Service


class Names:
    """The host names of one project's services."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._on_networks: dict[frozenset[str], dict[str, str]] = {}

    def reachable(self, service: Service) -> dict[str, str]:
        """Return the names a service can resolve -> what stands for the address.

        As in Docker: the names, container names and aliases of services that share a
        network, and its own links. `network_mode: none` or `host` reaches nobody by
        name.
        """
        networks = frozenset(_networks(self._project, service))
        # Most services are on the same networks, and projects may have a thousand.
        if networks not in self._on_networks:
            self._on_networks[networks] = self._of(networks)
        names = self._on_networks[networks]
        links = dict(self._links(service))
        return {**names, **links} if links else names

    def _of(self, networks: frozenset[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for other in self._project.services.values():
            shared = networks & _networks(self._project, other)
            if not shared:
                continue
            for name in _names(other, shared):
                names.setdefault(name, service_token(other.name))
        return names

    def _links(self, service: Service) -> Iterator[tuple[str, str]]:
        for link in service.links:
            target, _, alias = link.partition(":")
            if target in self._project.services:
                yield alias or target, service_token(target)


def _names(service: Service, networks: frozenset[str]) -> list[str]:
    attachments = (service.networks.get(network) for network in networks)
    aliases = [alias for item in attachments if item for alias in item.aliases]
    return [name for name in (service.name, service.container_name, *aliases) if name]


def _networks(project: Project, service: Service) -> set[str]:
    mode = service.network_mode
    if mode.startswith("service:"):
        other = project.services.get(mode.removeprefix("service:"))
        return set(other.networks) if other else set()
    return set() if mode else set(service.networks)

"""Who can reach whom, and by what name: networks as groups of reachability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.engine.process.spec import service_token

if TYPE_CHECKING:
    from stackyard.compose.model import Project, Service


def reachable_names(project: Project, service: Service) -> dict[str, str]:
    """Return the host names a service can resolve -> what stands for the address.

    As in Docker: the names, container names and aliases of services that share a
    network, and its own links. `network_mode: none` or `host` reaches nobody by name.
    """
    names: dict[str, str] = {}
    networks = _networks(project, service)
    for other in project.services.values():
        shared = networks & _networks(project, other)
        if not shared:
            continue
        for name in _names(other, shared):
            names.setdefault(name, service_token(other.name))
    for link in service.links:
        target, _, alias = link.partition(":")
        if target in project.services:
            names[alias or target] = service_token(target)
    return names


def _names(service: Service, networks: set[str]) -> list[str]:
    attachments = (service.networks.get(network) for network in networks)
    aliases = [alias for item in attachments if item for alias in item.aliases]
    return [name for name in (service.name, service.container_name, *aliases) if name]


def _networks(project: Project, service: Service) -> set[str]:
    mode = service.network_mode
    if mode.startswith("service:"):
        other = project.services.get(mode.removeprefix("service:"))
        return set(other.networks) if other else set()
    return set() if mode else set(service.networks)

"""The service, put together from its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from servicekit.app import application
from servicekit.auth import Role, Rule, authenticator
from servicekit.clients import Clients
from servicekit.gate import Gate, Policy
from servicekit.headers import CrossOrigin
from servicekit.health import Check, Health
from servicekit.metrics import Metrics
from servicekit.plain import Alias, Front, PlainRoute
from servicekit.ratelimit import RateLimit
from workspace_api.branches import Branches
from workspace_api.databases import Databases
from workspace_api.events import Events
from workspace_api.routes import branches as branch_routes
from workspace_api.routes import categories, items, me
from workspace_api.routes import events as event_routes
from workspace_api.service import Service
from workspace_api.storage import storage_checks

if TYPE_CHECKING:
    from fastapi import FastAPI

    from workspace_api.settings import Settings

__all__ = ["Assembly", "assemble"]

_NAME: Final = "workspace-api"
_BASE: Final = "/api/v1"
_ALIAS: Final = "/api"
_ROUTES: Final = (
    items.routes,
    categories.routes,
    event_routes.routes,
    branch_routes.routes,
    me.routes,
)
_RULES: Final = tuple(
    rule
    for base in (_BASE, _ALIAS)
    for rule in (
        Rule(f"{base}/audit", Role.admin),
        Rule(
            f"{base}/branches",
            Role.admin,
            frozenset(("POST", "DELETE", "PUT", "PATCH")),
        ),
    )
)


@dataclass
class Assembly:
    """The parts of a service that its life has to know."""

    gate: Gate
    document: FastAPI
    service: Service
    health: Health
    metrics: Metrics


def assemble(settings: Settings) -> Assembly:
    """Put a service together; nothing is connected yet.

    Raises:
        ConfigurationError: what the settings ask for cannot be had.
    """
    metrics = Metrics("workspace_api")
    databases = Databases(settings)
    metrics.watch_pools(databases.pools)
    branches = Branches(settings, databases)
    events = Events(settings, branches.history)
    databases.on_open = events.watch
    events.watch(databases.own, settings.own_branch)
    service = Service(settings, databases, branches, events)
    metrics.gauge("event_streams", "Clients that listen", lambda: events.streams)
    health = Health(_NAME, version(_NAME), metrics)
    health.checks.extend(_checks(service))
    app = application(
        title="Workspace API",
        version=version(_NAME),
        description="Items and categories of a workspace.",
    )
    app.router.routes.extend(health.routes())
    plain = _mount(app, service)
    front = Alias(Front(app, plain), _ALIAS, _BASE)
    policy = Policy(
        clients=Clients(trusted=settings.trusted_proxies, allowed=settings.allowed_ips),
        limit=RateLimit(
            maximum=settings.rate_limit_max,
            window=settings.rate_limit_window_ms / 1000,
            clock=time.monotonic,
        ),
        cross_origin=CrossOrigin(settings.cors_origins),
        authenticator=authenticator(settings),
        max_body=settings.max_body_bytes,
        rules=_RULES,
    )
    return Assembly(Gate(front, policy, metrics), app, service, health, metrics)


def _mount(app: FastAPI, service: Service) -> list[PlainRoute]:
    found = [route for made in _ROUTES for route in made(service, _BASE).routes]
    app.router.routes.extend(found)
    return [route for route in found if isinstance(route, PlainRoute)]


def _checks(service: Service) -> list[Check]:
    databases = service.databases
    strategy = service.settings.library_db_strategy

    async def database() -> str:
        await databases.own.value("SELECT 1")
        if not databases.ready.is_set():
            raise RuntimeError("the schema is being brought up to date")
        return f"{strategy} connected"

    async def read_replica() -> str:
        assert databases.replica is not None
        await databases.replica.value("SELECT 1")
        return "connected"

    found = [Check("database", database)]
    found += storage_checks(service.settings)
    if databases.replica is not None:
        found.append(Check("replica", read_replica, critical=False))
    return found

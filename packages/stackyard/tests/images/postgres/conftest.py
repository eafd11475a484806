"""Services of the image postgres: as whoever runs the tests, and as root's others."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest
from postgres_service import Service
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORDINARY_USER = "nobody"


def ordinary_uid() -> int | None:
    """Return whom root starts a service as, to be an ordinary user."""
    return pwd.getpwnam(ORDINARY_USER).pw_uid if os.geteuid() == 0 else None


@pytest.fixture
def make_service(room: Path, address: str) -> Iterator[Callable[..., Service]]:
    """Makes services that are gone after the test, with all their processes."""
    services: list[Service] = []

    def make(**changes: object) -> Service:
        services.append(Service(room=room, address=address, **changes))  # type: ignore[arg-type]
        return services[-1]

    yield make
    for service in services:
        service.kill()
    for service in services:
        until(lambda service=service: not service.processes())


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service of whoever runs the tests."""
    return make_service()


@pytest.fixture(params=["as_started", "as_an_ordinary_user"])
def either_service(
    request: pytest.FixtureRequest, make_service: Callable[..., Service]
) -> Service:
    """A service as root, which steps down, and one that never was root."""
    uid = ordinary_uid()
    if request.param == "as_started":
        return make_service()
    if uid is None:
        pytest.skip("it is the same without root")
    return make_service(uid=uid)

"""What the tests of the workspace API share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from workspace_harness.postgres import Postgres
from workspace_harness.service import ServiceProcess, ServiceThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace_harness.client import Client


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a worker."""
    made = Postgres()
    yield made
    made.close()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """A database that has the schema and nothing else."""
    name = postgres.database()
    yield name
    postgres.drop(name)


def _settings(postgres: Postgres, database: str) -> dict[str, Any]:
    return {
        "port": 0,
        "library_db_strategy": "postgresql",
        "postgres_port": postgres.port,
        "postgres_database": database,
        "rate_limit_max": 0,
        "drain_seconds": 0,
        "pool_min": 0,
    }


@pytest.fixture
def start(postgres: Postgres, database: str) -> Iterator[Callable[..., ServiceThread]]:
    """Start services on the database; settings as keywords."""
    running: list[ServiceThread] = []

    def begin(**settings: Any) -> ServiceThread:
        running.append(ServiceThread(**{**_settings(postgres, database), **settings}))
        running[-1].wait_until_ready()
        return running[-1]

    yield begin
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def shared_service(postgres: Postgres) -> Iterator[ServiceThread]:
    """One service for the tests of a module that share a database."""
    name = postgres.database()
    made = ServiceThread(**_settings(postgres, name))
    made.wait_until_ready()
    yield made
    made.stop()
    postgres.drop(name)


@pytest.fixture
def service(start: Callable[..., ServiceThread]) -> ServiceThread:
    """One service, as it is without settings, and without a rate limit."""
    return start()


@pytest.fixture
def client(service: ServiceThread) -> Iterator[Client]:
    """A client of that service."""
    made = service.client()
    yield made
    made.close()


@pytest.fixture
def processes(
    postgres: Postgres, database: str
) -> Iterator[Callable[..., ServiceProcess]]:
    """Start services as processes."""
    running: list[ServiceProcess] = []

    def begin(name: str = database, **settings: str) -> ServiceProcess:
        running.append(ServiceProcess(postgres, name, **settings))
        return running[-1]

    yield begin
    for one in running:
        one.stop()

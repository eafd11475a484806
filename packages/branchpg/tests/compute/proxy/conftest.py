"""Two PostgreSQL servers, and proxies before them, each on a thread with its loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

# In pytest's importlib mode a test module does not see its neighbours by itself.
sys.path.insert(0, str(Path(__file__).parent))

from proxy_clients import Cluster, Running, Yard, make_cluster

from branchpg.compute.proxy.settings import Settings
from branchpg.compute.proxy.tls import context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The same examples each time; pytest's timeout bounds a test.
settings.register_profile(
    "proxy",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("proxy")


@pytest.fixture(scope="session")
def clusters() -> Iterator[dict[str, Cluster]]:
    """Two servers with the same roles, and a database that says which it is."""
    root = tempfile.mkdtemp(prefix="bp", dir="/tmp")
    os.chmod(root, 0o755)
    found: dict[str, Cluster] = {}
    try:
        for name in ("main", "preview"):
            found[name] = make_cluster(os.path.join(root, name), name)
        yield found
    finally:
        for each in found.values():
            asyncio.run(each.server.stop(fast=False))
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def yard(clusters: dict[str, Cluster]) -> Yard:
    return Yard(dict(clusters))


@pytest.fixture
def run_proxy(yard: Yard) -> Iterator[Callable[..., Running]]:
    """Start proxies, which end with the test."""
    running: list[Running] = []

    def start(**settings: Any) -> Running:
        given = {"listen": (("127.0.0.1", 0),), "domains": ("localhost", "db.test")}
        running.append(Running(yard, replace(Settings(), **given | settings)))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def proxy(run_proxy: Callable[..., Running]) -> Running:
    return run_proxy()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a key and its certificate."""
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key", directory / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        + ["ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
        + ["-out", certificate, "-days", "2", "-subj", "/CN=*.localhost"],
        check=True,
        capture_output=True,
    )
    both = directory / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return str(both)


@pytest.fixture
def tls_proxy(run_proxy: Callable[..., Running], certificate: str) -> Running:
    return run_proxy(tls=context_of(certificate))

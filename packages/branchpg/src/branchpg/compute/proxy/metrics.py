"""What the proxy counts, under the names of Neon's proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from branchpg.compute.proxy.pumps import Moved

__all__ = ["Metrics"]

_WAKE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Counters of one proxy, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.accepted = Counter(
            "proxy_accepted_connections_by_sni",
            "Sessions that were routed, by what named their endpoint.",
            ["protocol", "kind"],
            registry=own,
        )
        self.latency = Histogram(
            "proxy_compute_connection_latency_seconds",
            "From the startup message to a server that has let the client in.",
            buckets=_WAKE_BUCKETS,
            registry=own,
        )
        self.failures = Counter(
            "proxy_connection_failures",
            "Sessions that did not begin: user, compute, retry or limit.",
            ["kind"],
            registry=own,
        )
        self.errors = Counter(
            "proxy_errors",
            "Connections that ended before they were a session, by reason.",
            ["type"],
            registry=own,
        )
        self.cancellations = Counter(
            "proxy_cancellation_requests",
            "Requests to cancel a statement, by whether the key was known.",
            ["kind"],
            registry=own,
        )
        self.tls_failures = Counter(
            "proxy_tls_handshake_failures",
            "TLS handshakes that failed.",
            registry=own,
        )
        self.clients = _Pair("client", self.registry)
        self.servers = _Pair("db", self.registry)
        self.sessions = Gauge(
            "proxy_sessions",
            "Open sessions, by endpoint.",
            ["endpoint"],
            registry=own,
        )
        self._bytes = Counter(
            "proxy_io_bytes",
            "Bytes passed on: rx from clients, tx to them.",
            ["direction"],
            registry=own,
        )
        self._counted = (0, 0)

    def count_bytes(self, moved: Moved) -> None:
        """Set the bytes to what has been passed on up to now, in all sessions."""
        sent, received = self._counted
        self._bytes.labels("rx").inc(max(0, moved.from_client - sent))
        self._bytes.labels("tx").inc(max(0, moved.from_server - received))
        self._counted = (
            max(sent, moved.from_client),
            max(received, moved.from_server),
        )


class _Pair:
    """Connections that were opened, and those that were closed again."""

    def __init__(self, name: str, registry: CollectorRegistry) -> None:
        self.opened = Counter(
            f"proxy_opened_{name}_connections", "Connections opened.", registry=registry
        )
        self.closed = Counter(
            f"proxy_closed_{name}_connections", "Connections closed.", registry=registry
        )

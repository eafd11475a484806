"""How a proxy is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What clients may use up, in counts and seconds.

    Attributes:
        sessions: clients at a time, those that wait for an endpoint included.
        endpoint_sessions: the same for one endpoint.
        handshake_seconds: for TLS and the startup message.
        wake_seconds: until an endpoint has been started, and lets the client log in.
        login_seconds: for the login itself, as PostgreSQL's authentication_timeout.
    """

    sessions: int = 4000
    endpoint_sessions: int = 1000
    handshake_seconds: float = 10.0
    wake_seconds: float = 60.0
    login_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A proxy's addresses and what it offers.

    Attributes:
        listen: hosts (names, IPv4 or IPv6 addresses) and ports; 0 is any free port.
        tls: the server's context, of `tls.context_of`; without one TLS is declined.
        domains: where a TLS server name LABEL.DOMAIN stands for the endpoint LABEL.
        password_routing: whether clients with TLS that name no endpoint are asked for
            their password in clear text, which may begin with `endpoint=ID;`.
        replication: whether a session may be one of the replication protocol; if so,
            PostgreSQL decides by the role.
        pumps: processes that pass the bytes of sessions without TLS.
    """

    listen: tuple[tuple[str, int], ...] = (("127.0.0.1", 55432),)
    tls: ssl.SSLContext | None = None
    domains: tuple[str, ...] = ("localhost",)
    password_routing: bool = False
    replication: bool = True
    pumps: int = 2
    limits: Limits = field(default_factory=Limits)

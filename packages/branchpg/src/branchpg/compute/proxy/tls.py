"""The proxy's certificate, and the name that a client asks it for."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from branchpg.compute.proxy.channel import TlsChannel

__all__ = ["ALPN", "CLIENT_HELLO", "Tls", "context_of"]

ALPN: Final = "postgresql"
CLIENT_HELLO: Final = 0x16
"""The first byte of a client that begins with TLS, without PostgreSQL's request."""


def context_of(certificate: str, key: str | None = None) -> ssl.SSLContext:
    """Return a server's context for files in PEM; the key may be in the same file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


class Tls:
    """A context, and the server names that its clients have sent."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self._names: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        context.set_alpn_protocols([ALPN])
        context.sni_callback = self._remember

    def server_name(self, channel: TlsChannel) -> str | None:
        """Return the name that a client asked for in its handshake (SNI)."""
        return self._names.get(channel.tls)

    def _remember(
        self, connection: object, name: str | None, _context: ssl.SSLContext
    ) -> None:
        if name is not None:
            self._names[connection] = name

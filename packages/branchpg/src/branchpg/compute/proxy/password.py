"""Logging in in a client's name, with the password that it gave to the proxy.

Only for the routing by password: everybody else's SCRAM is passed through untouched.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final

from scramp import (  # type: ignore[import-untyped]
    ScramClient,
    ScramException,
)

from branchpg.compute.proxy.login import password_message
from branchpg.errors import BadRequest, BranchpgError
from branchpg.wire import messages

if TYPE_CHECKING:
    from branchpg.compute.proxy.channel import Channel

__all__ = ["InItsName", "asked_password"]

_CLEARTEXT: Final = 3
_MECHANISM: Final = "SCRAM-SHA-256"


async def asked_password(client: Channel) -> bytes:
    """Ask a client for its password in clear text, which only TLS allows."""
    await client.send(messages.frame(b"R", struct.pack("!I", _CLEARTEXT)))
    answer = await password_message(client)
    password, end, rest = answer[5:].partition(b"\0")
    if not end or rest:
        raise BadRequest("invalid password packet size")
    return password


class InItsName:
    """Answers the server's requests for a password, unseen by the client."""

    sees_requests = False

    def __init__(self, client: Channel, *, user: bytes, password: bytes) -> None:
        self._user = user
        self._password = password
        self._scram: ScramClient | None = None
        self.tell = client.send

    async def answer(self, code: int, request: bytes) -> bytes | None:
        """Return what to send for an authentication request, None for nothing.

        Raises:
            BranchpgError: the server asks for what cannot be answered with a password,
                or does not know the password itself.
        """
        try:
            return self._reply(code, request[4:])
        except (ScramException, UnicodeDecodeError) as error:
            raise BranchpgError(f"the login at the server failed: {error}") from error

    def _reply(self, code: int, data: bytes) -> bytes | None:
        match code:
            case 3:
                return messages.frame(b"p", self._password + b"\0")
            case 5:
                inner = hashlib.md5(self._password + self._user).hexdigest().encode()
                digest = hashlib.md5(inner + data).hexdigest().encode()
                return messages.frame(b"p", b"md5" + digest + b"\0")
            case 10:
                return self._first(data)
            case 11 if self._scram:
                self._scram.set_server_first(data.decode())
                return messages.frame(b"p", self._scram.get_client_final().encode())
            case 12 if self._scram:
                self._scram.set_server_final(data.decode())
                return None
        raise BranchpgError(f"the server wants an authentication of kind {code}")

    def _first(self, mechanisms: bytes) -> bytes:
        if _MECHANISM.encode() not in mechanisms.split(b"\0"):
            raise BranchpgError("the server does not offer SCRAM-SHA-256")
        self._scram = ScramClient(
            [_MECHANISM], self._user.decode(), self._password.decode()
        )
        first = self._scram.get_client_first().encode()
        head = _MECHANISM.encode() + b"\0" + struct.pack("!I", len(first))
        return messages.frame(b"p", head + first)

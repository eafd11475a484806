"""A login at a server process that is logged in already: the proxy asks in its place.

By SCRAM-SHA-256 (RFC 5802, RFC 7677), with the secret that PostgreSQL has of the role,
from which the password does not follow. Not by scramp, which has a server's side, too:
it refuses the empty name that libpq sends, as PostgreSQL has it from the startup.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import struct
from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.failures import WrongPasswordError
from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from branchpg.compute.proxy.pool import Standing
    from branchpg.compute.proxy.servers import ServerProcess

__all__ = ["Doorkeeper"]

_MECHANISM: Final = b"SCRAM-SHA-256"
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12
_NONCE_BYTES: Final = 18  # as PostgreSQL's
# Without a name to act as, without channel binding, without extensions.
_FIRST: Final = re.compile(rb"([ny],,)(n=[^,]*,r=([!-+\--~]+))")
_LAST: Final = re.compile(rb"(c=([^,]+),r=([^,]+)),p=([^,]+)")
_SECRET: Final = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")


class Doorkeeper:
    """Says to a client what a server would, up to its first ReadyForQuery."""

    def __init__(self, process: ServerProcess, standing: Standing) -> None:
        self._process = process
        self._scram = _Scram(_Secret.parse(standing.secret))
        self._said: deque[tuple[bytes, bytes]] = deque()
        self._ask(_SASL, _MECHANISM + b"\0\0")

    async def message(self, _limit: int) -> tuple[bytes, bytes]:
        """Return the next message to the client."""
        return self._said.popleft()

    async def send(self, data: bytes) -> None:
        """Take the client's answer.

        Raises:
            BadRequest: it makes no sense.
            WrongPasswordError: it does not prove that the client has the password.
        """
        body = data[5:]
        if not self._scram.has_begun:
            mechanism, _, rest = body.partition(b"\0")
            if mechanism != _MECHANISM or len(rest) < 4:
                raise BadRequest("invalid SASL authentication mechanism")
            self._ask(_CONTINUE, self._scram.begin(rest[4:]))
            return
        final = self._scram.finish(body)
        if final is None:
            raise WrongPasswordError(self._process.login.user)
        self._ask(_FINAL, final)
        self._ask(_OK)
        self._said += self._process.greeting
        self._said += [(b"K", self._process.key), (b"Z", b"I")]

    def _ask(self, code: int, data: bytes = b"") -> None:
        self._said.append((b"R", struct.pack("!I", code) + data))


@dataclass(frozen=True)
class _Secret:
    """What a server knows of a password (RFC 5803); the salt is in base64."""

    iterations: str
    salt: str
    stored_key: bytes
    server_key: bytes

    @staticmethod
    def parse(text: str) -> _Secret:
        """Return what `pg_authid.rolpassword` says."""
        match = _SECRET.fullmatch(text)
        if match is None:
            raise BadRequest("invalid SCRAM secret")
        iterations, salt, stored, server = match.groups()
        return _Secret(
            iterations, salt, base64.b64decode(stored), base64.b64decode(server)
        )


class _Scram:
    """The server's side of one exchange."""

    def __init__(self, secret: _Secret) -> None:
        self._secret = secret
        self._header = self._nonce = self._said = b""

    @property
    def has_begun(self) -> bool:
        """Whether the client's first message has come."""
        return bool(self._nonce)

    def begin(self, first: bytes) -> bytes:
        """Return the answer to a client's first message; raise BadRequest for noise."""
        match = _FIRST.fullmatch(first)
        if match is None:
            raise BadRequest("malformed SCRAM message")
        self._header, bare, nonce = match.groups()
        own = base64.b64encode(secrets.token_bytes(_NONCE_BYTES))
        self._nonce = nonce + own
        secret = self._secret
        tail = f",s={secret.salt},i={secret.iterations}".encode()
        answer = b"r=" + self._nonce + tail
        self._said = bare + b"," + answer + b","
        return answer

    def finish(self, last: bytes) -> bytes | None:
        """Return the server's proof for the client's, None if that proves nothing."""
        match = _LAST.fullmatch(last)
        if match is None:
            raise BadRequest("malformed SCRAM message")
        unproved, binding, nonce, proof = match.groups()
        if nonce != self._nonce or binding != base64.b64encode(self._header):
            raise BadRequest("malformed SCRAM message")
        said = self._said + unproved
        signature = _hmac(self._secret.stored_key, said)
        key = _xor(_decoded(proof), signature)
        if not hmac.compare_digest(sha256(key).digest(), self._secret.stored_key):
            return None
        return b"v=" + base64.b64encode(_hmac(self._secret.server_key, said))


def _decoded(proof: bytes) -> bytes:
    try:
        found = base64.b64decode(proof, validate=True)
    except binascii.Error:
        found = b""
    if len(found) != sha256().digest_size:
        raise BadRequest("malformed SCRAM message")
    return found


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

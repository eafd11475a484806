"""Who asks, and what they may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from servicekit.errors import unauthorized
from servicekit.settings import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicekit.settings import ServiceSettings

__all__ = ["ANYBODY", "Authenticator", "Principal", "Role", "Rule", "authenticator"]

_SHORTEST_KEY: Final = 16
_SHORTEST_SECRET: Final = 32
_LONGEST_NAME: Final = 100
_KEY: Final = "ApiKey"
"""How a challenge calls what is wanted: a key, where others want a token (Bearer)."""


class Role(IntEnum):
    """What somebody may do; each role may do what those before it may."""

    viewer = 1
    editor = 2
    admin = 3


@dataclass(frozen=True)
class Principal:
    """Somebody who asks."""

    name: str
    role: Role


@dataclass(frozen=True)
class Rule:
    """The role that requests to paths with this beginning need.

    Attributes:
        methods: those that the rule is about; none of them: all.
    """

    path: str
    role: Role
    methods: frozenset[str] = frozenset()


ANYBODY: Final = Principal("anonymous", Role.admin)
"""Everybody, where the service is open."""


class Authenticator(Protocol):
    """Finds out who asks."""

    def identify(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Return who asks; raise ServiceError UNAUTHORIZED if that is unknown."""


def authenticator(settings: ServiceSettings) -> Authenticator:
    """Return what the settings ask for.

    Raises:
        ConfigurationError: a key is missing or too weak.
    """
    if settings.auth_mode == "api-key":
        keys = settings.api_keys
        if keys is None:
            raise ConfigurationError("AUTH_MODE=api-key needs API_KEYS_FILE")
        return _ApiKeys(keys.get_secret_value())
    if settings.auth_mode == "jwt":
        return _Tokens(settings)
    return _Open()


class _Open:
    def identify(self, headers: Mapping[bytes, bytes]) -> Principal:
        del headers
        return ANYBODY


class _ApiKeys:
    """Keys, one a line: `name:role:key`. Only their digests are kept."""

    def __init__(self, text: str) -> None:
        self._known: dict[bytes, Principal] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                self._add(number, line.strip())
        if not self._known:
            raise ConfigurationError("API_KEYS: there is no key")

    def _add(self, number: int, line: str) -> None:
        name, _, rest = line.partition(":")
        role, _, key = rest.partition(":")
        if role not in Role.__members__ or not name or len(name) > _LONGEST_NAME:
            raise ConfigurationError(
                f"API_KEYS, line {number}: write name:role:key, "
                f"where role is one of {', '.join(Role.__members__)}"
            )
        if len(key) < _SHORTEST_KEY:
            raise ConfigurationError(
                f"API_KEYS, line {number}: a key needs {_SHORTEST_KEY} characters"
            )
        self._known[_digest(key.encode())] = Principal(name, Role[role])

    def identify(self, headers: Mapping[bytes, bytes]) -> Principal:
        given = headers.get(b"x-api-key") or _bearer(headers)
        if given is None:
            raise unauthorized("this service needs an API key, in X-API-Key", _KEY)
        found = self._known.get(_digest(given))
        if found is None:
            raise unauthorized("the API key is not known", _KEY)
        return found


class _Tokens:
    """JSON web tokens with the claims `sub`, `exp` and `role` (or `roles`)."""

    def __init__(self, settings: ServiceSettings) -> None:
        # Only who uses tokens pays for the cryptography.
        import jwt

        self._jwt = jwt
        self._algorithm = settings.jwt_algorithm
        self._key = _verification_key(settings)
        self._options: dict[str, Any] = {
            "audience": settings.jwt_audience,
            "issuer": settings.jwt_issuer,
            "options": {"require": ["exp", "sub"]},
        }

    def identify(self, headers: Mapping[bytes, bytes]) -> Principal:
        token = _bearer(headers)
        if token is None:
            raise unauthorized("this service needs a token, in Authorization: Bearer")
        try:
            claims = self._jwt.decode(
                token.decode("latin-1"),
                self._key,
                algorithms=[self._algorithm],
                **self._options,
            )
        except self._jwt.InvalidTokenError as error:
            raise unauthorized(f"the token is not valid: {error}") from error
        return Principal(str(claims["sub"])[:_LONGEST_NAME], _role(claims))


def _verification_key(settings: ServiceSettings) -> str:
    if settings.jwt_algorithm == "RS256":
        if not settings.jwt_public_key:
            raise ConfigurationError("JWT_ALGORITHM=RS256 needs JWT_PUBLIC_KEY_FILE")
        return settings.jwt_public_key
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
    if len(secret.encode()) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"AUTH_MODE=jwt with HS256 needs JWT_SECRET_FILE, {_SHORTEST_SECRET} bytes "
            "or more"
        )
    return secret


def _role(claims: Mapping[str, Any]) -> Role:
    given = claims.get("roles", claims.get("role"))
    names: Sequence[Any] = given if isinstance(given, list) else [given]
    roles = [Role[name] for name in names if name in Role.__members__]
    if not roles:
        raise unauthorized("the token has no role that this service knows")
    return max(roles)


def _bearer(headers: Mapping[bytes, bytes]) -> bytes | None:
    scheme, _, value = headers.get(b"authorization", b"").partition(b" ")
    return value.strip() if scheme.lower() == b"bearer" and value.strip() else None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()

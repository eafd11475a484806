"""Which endpoint a client means, by Neon's conventions and by `database@branch`.

Everything here is a pure function of what the client sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.backend import Route
from branchpg.errors import BadRequest, Forbidden
from branchpg.lsn import Lsn
from branchpg.postgres.cluster import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchpg.wire.startup import Startup

__all__ = ["Named", "endpoint_of_server_name", "route", "with_password"]

_ENDPOINT: Final = re.compile(r"[A-Za-z0-9-]{1,128}")
_POOLER: Final = "-pooler"
_LONGEST_BRANCH: Final = 256
# What separates PostgreSQL's options: isspace() of C, unless after a backslash.
_TOKEN: Final = re.compile(rb"(?:\\.|[^\\ \t\n\v\f\r]|\\$)+", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_PASSWORD: Final = re.compile(rb"(?:endpoint|project)=([^;$]*)[;$](.*)", re.DOTALL)


@dataclass(frozen=True)
class Named:
    """An endpoint, as a client has named it.

    Attributes:
        endpoint: its id.
        pooled: whether -pooler followed.
    """

    endpoint: str
    pooled: bool = False


def endpoint_of_server_name(name: str | None, domains: Iterable[str]) -> Named | None:
    """Return the endpoint that a TLS server name means: LABEL of LABEL.DOMAIN."""
    label, dot, rest = (name or "").partition(".")
    domain = rest.rstrip(".").lower()
    if not dot or domain not in {known.lower() for known in domains}:
        return None
    return _endpoint(label)


def route(startup: Startup, *, server_name_endpoint: Named | None) -> Route:
    """Return where a client wants to go, and the parameters to go on with.

    Raises:
        BadRequest: what it says contradicts itself, or makes no sense.
        Forbidden: it wants to be the superuser of the services.
    """
    if startup.user == SUPERUSER.encode():
        raise Forbidden(
            f'role "{SUPERUSER}" is for the services of branchpg only',
            hint="log in as another role",
        )
    parameters = dict(startup.parameters)
    options = _options(parameters.pop(b"options", b""))
    if options.rest:
        parameters[b"options"] = options.rest
    endpoint = _agreed(server_name_endpoint, options.endpoint)
    database, branch = startup.database, None
    # Who names the endpoint in the options has the database's name taken literally.
    if startup.parameters.get(b"database") and options.endpoint is None:
        database, branch = _split(database)
    for name in (b"user", b"database"):
        parameters.pop(name, None)
    return Route(
        endpoint=endpoint.endpoint if endpoint else None,
        branch=branch,
        database=database or startup.user,
        user=startup.user,
        parameters=parameters,
        lsn=options.lsn,
        timestamp=options.timestamp,
        read_only=options.read_only,
        pooled=options.pooled or (endpoint is not None and endpoint.pooled),
    )


def with_password(way: Route, password: bytes) -> tuple[Route, bytes]:
    """Return the route and the password that `endpoint=ID;PASSWORD` stands for.

    A password without such a beginning is the password.
    """
    match = _PASSWORD.fullmatch(password)
    if match is None:
        return way, password
    named = _endpoint(match[1].decode(errors="replace"))
    if way.endpoint not in {None, named.endpoint}:
        raise BadRequest(
            f"Inconsistent project name inferred from SNI ('{way.endpoint}') "
            f"and password ('{named.endpoint}')."
        )
    pooled = way.pooled or named.pooled
    return replace(way, endpoint=named.endpoint, pooled=pooled), match[2]


@dataclass(frozen=True)
class _Options:
    """What the startup parameter `options` says to the proxy, and what is left."""

    endpoint: Named | None = None
    lsn: str | None = None
    timestamp: str | None = None
    read_only: bool = False
    pooled: bool = False
    rest: bytes = b""


def _options(text: bytes) -> _Options:
    found = _Options()
    rest: list[bytes] = []
    for token in _TOKEN.findall(text):
        # The word after -c is a setting, whatever it looks like.
        mine = None if rest and rest[-1] == b"-c" else _ours(token)
        if mine is None:
            rest.append(token)
        else:
            found = _with_option(found, *mine)
    if found.lsn and found.timestamp:
        raise BadRequest("neon_lsn and neon_timestamp exclude each other")
    return replace(found, rest=b" ".join(rest))


def _ours(token: bytes) -> tuple[str, str] | None:
    text = _ESCAPED.sub(rb"\1", token).decode(errors="replace")
    for name in ("endpoint", "project", "pooler"):
        if text.startswith(f"{name}="):
            return name, text.removeprefix(f"{name}=")
    if text.startswith("neon_") and ":" in text:
        name, _, value = text.partition(":")
        return name, value
    return None


def _with_option(found: _Options, name: str, value: str) -> _Options:
    match name:
        case "endpoint" | "project":
            named = _endpoint(value)
            if found.endpoint and found.endpoint.endpoint != named.endpoint:
                raise BadRequest(
                    f"Inconsistent project options ('{found.endpoint.endpoint}' "
                    f"and '{named.endpoint}')."
                )
            return replace(found, endpoint=_either(found.endpoint, named))
        case "pooler":
            if value not in {"true", "false"}:
                raise BadRequest(
                    f'invalid pooler "{_shown(value)}"', hint="it is true or false"
                )
            return replace(found, pooled=value == "true")
        case "neon_lsn":
            return replace(found, lsn=str(Lsn.parse(value)))
        case "neon_timestamp":
            return replace(found, timestamp=_timestamp(value))
        case "neon_endpoint_type":
            if value not in {"read_only", "read_write"}:
                raise BadRequest(
                    f'invalid neon_endpoint_type "{_shown(value)}"',
                    hint="it is read_only or read_write",
                )
            return replace(found, read_only=value == "read_only")
        case "neon_proxy_params_compat":
            return found  # all parameters are passed on as it is
    raise BadRequest(f'unknown option "{_shown(name)}"')


def _agreed(server_name: Named | None, option: Named | None) -> Named | None:
    if server_name and option and server_name.endpoint != option.endpoint:
        raise BadRequest(
            f"Inconsistent project name inferred from SNI ('{server_name.endpoint}') "
            f"and project option ('{option.endpoint}')."
        )
    return _either(server_name, option)


def _either(one: Named | None, other: Named | None) -> Named | None:
    """Return an endpoint that was named once, or twice."""
    if one and other:
        return replace(one, pooled=one.pooled or other.pooled)
    return one or other


def _endpoint(text: str) -> Named:
    if not _ENDPOINT.fullmatch(text):
        raise BadRequest(
            f"Project name ('{_shown(text)}') must contain only alphanumeric "
            "characters and hyphen."
        )
    name = text.lower()
    endpoint = name.removesuffix(_POOLER) or name
    return Named(endpoint, endpoint != name)


def _split(name: bytes) -> tuple[bytes, str | None]:
    database, at, branch = name.rpartition(b"@")
    if not at:
        return name, None
    try:
        text = branch.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the branch's name is not UTF-8") from error
    if not text or len(text) > _LONGEST_BRANCH or not text.isprintable():
        raise BadRequest(
            f'invalid branch name "{_shown(text)}"',
            hint="DATABASE@BRANCH; a database whose name has an @ is reached with "
            "'?options=endpoint%3D<endpoint-id>'",
        )
    return database, text


def _timestamp(text: str) -> str:
    try:
        if datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass
    raise BadRequest(
        f'invalid neon_timestamp "{_shown(text)}"',
        hint="with a time zone, as in 2026-11-21T10:15:00Z",
    )


def _shown(text: str) -> str:
    """Return what may stand in a message: short, and on one line."""
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_BRANCH])

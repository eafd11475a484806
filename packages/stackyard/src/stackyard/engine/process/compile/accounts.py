"""`user:` -> numbers."""

from __future__ import annotations

import grp
import os
import pwd

from stackyard.engine.errors import CompileError
from stackyard.engine.process.spec import Account


def account_of(
    user: str, groups: tuple[str, ...], *, service: str
) -> tuple[Account | None, str]:
    """Return who a service runs as, None for whoever runs `yard`, and a warning.

    Raises:
        CompileError: there is no such user or group.
    """
    if not user:
        return None, ""
    name, _, group = user.partition(":")
    entry = _entry(name, service)
    uid = entry.pw_uid if entry else int(name)
    gid = _group(group, service) if group else (entry.pw_gid if entry else 0)
    if os.geteuid() != 0:
        if uid == os.geteuid():
            return None, ""
        return None, (
            f"service {service}: runs as you, not as user {user}; "
            "only root can run it as somebody else"
        )
    more = tuple(_group(item, service) for item in groups)
    if entry and not group:
        more = tuple(dict.fromkeys((*os.getgrouplist(entry.pw_name, gid), *more)))
    return Account(uid=uid, gid=gid, groups=more), ""


def _entry(name: str, service: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        if name.isdigit():
            return None
        raise CompileError(
            f"service {service}: there is no user {name!r} on this machine",
            hint="create it, give a number, or set another one under x-yard.user",
        ) from None


def _group(name: str, service: str) -> int:
    if name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise CompileError(
            f"service {service}: there is no group {name!r} on this machine",
            hint="create it, or give a number",
        ) from None

"""Servers that only the services reach: by Unix sockets, on data that may be lost."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

from branchpg.postgres import owner
from branchpg.postgres.cluster import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchpg.postgres.programs import Programs

__all__ = ["dsn", "settings", "socket_directory", "socket_path"]

_SHORT: Final = "/tmp/branchpg-"


@contextlib.contextmanager
def socket_directory(programs: Programs, workdir: str) -> Iterator[str]:
    """Make a directory for sockets: its name is short, and only ours to enter.

    It is removed at the end. A link in `workdir` leads to it, so that the next one
    removes what a process left that was killed.
    """
    link = os.path.join(workdir, "run")
    with contextlib.suppress(OSError):
        left = os.readlink(link)
        os.unlink(link)
        if left.startswith(_SHORT):
            shutil.rmtree(left, ignore_errors=True)
    parent, prefix = os.path.split(_SHORT)
    run = tempfile.mkdtemp(prefix=prefix, dir=parent)
    try:
        os.symlink(run, link)
        _write_access_files(run, programs)
        owner.give(run, programs.identity)
        yield run
    finally:
        shutil.rmtree(run, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(link)


def socket_path(run: str, port: int) -> str:
    """Return where a server listens."""
    return os.path.join(run, f".s.PGSQL.{port}")


def dsn(run: str, port: int) -> str:
    """Return how a server is reached as the superuser of the services."""
    return f"host={run} port={port} user={SUPERUSER} dbname=postgres connect_timeout=10"


def settings(run: str, port: int) -> Mapping[str, str]:
    """Return the settings of any server here, which a user must not change.

    Without fsync, since its directory is a cache; the log lasts at the safekeepers,
    which flush it before a commit is acknowledged.
    """
    return {
        "listen_addresses": "",
        "unix_socket_directories": run,
        "unix_socket_permissions": "0700",
        "port": str(port),
        "hba_file": os.path.join(run, "pg_hba.conf"),
        "ident_file": os.path.join(run, "pg_ident.conf"),
        "fsync": "off",
        "full_page_writes": "on",
        "wal_init_zero": "off",
        "wal_keep_size": "256MB",
        "max_wal_senders": "20",
        "max_replication_slots": "20",
        "hot_standby": "on",
        "ssl": "off",
        "logging_collector": "off",
        "archive_mode": "off",
    }


def _write_access_files(run: str, programs: Programs) -> None:
    """Write who may log in: our services as the superuser, others by password."""
    users = {pwd.getpwuid(os.geteuid()).pw_name}
    if programs.identity:
        users.add(programs.identity.name)
    rules = (
        f"local all         {SUPERUSER} peer map=branchpg\n"
        f"local replication {SUPERUSER} peer map=branchpg\n"
        "local all         all scram-sha-256\n"
        "local replication all scram-sha-256\n"
    )
    maps = "".join(f'branchpg "{user}" {SUPERUSER}\n' for user in sorted(users))
    for name, content in (("pg_hba.conf", rules), ("pg_ident.conf", maps)):
        path = os.path.join(run, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, 0o600)
        owner.give(path, programs.identity)

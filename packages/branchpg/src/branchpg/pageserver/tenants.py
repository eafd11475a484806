"""The tenants of a pageserver: their catalogs, on disk and in memory."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BranchpgError, NotFound
from branchpg.http import codec
from branchpg.postgres.server import end_now
from branchpg.store import durable, snapshots
from branchpg.store.catalog import FORMAT, Catalog
from branchpg.store.ease import AT_ONCE, Ease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from branchpg.store.layout import Layout

__all__ = ["History", "Tenant", "Tenants", "now"]

_LOG: Final = logging.getLogger(__name__)
_RETURN_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.2


def now() -> datetime:
    """Return the time, to the millisecond, in UTC."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class History:
    """Who reads snapshots and WAL, and who removes some: never both at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reading: list[Ease] = []
        self._removing = False
        self._waiting = 0

    @contextlib.contextmanager
    def reading(self, ease: Ease = AT_ONCE) -> Iterator[None]:
        """Keep everything as it is during a block; who waits for its end hurries it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._removing)
            self._reading.append(ease)
            if self._waiting:
                ease.hurry()
        try:
            yield
        finally:
            with self._changed:
                self._reading.remove(ease)
                self._changed.notify_all()

    @contextlib.contextmanager
    def removing(self) -> Iterator[None]:
        """Have everything for oneself during a block."""
        with self._changed:
            for one in self._reading:
                one.hurry()
            self._waiting += 1
            self._changed.wait_for(lambda: not self._removing and not self._reading)
            self._waiting -= 1
            self._removing = True
        try:
            yield
        finally:
            with self._changed:
                self._removing = False
                self._changed.notify_all()


class Tenant:
    """One tenant: a catalog that is replaced as a whole, and who waits for it."""

    def __init__(self, layout: Layout, catalog: Catalog) -> None:
        self._layout = layout
        self._catalog = catalog
        self._changed = threading.Condition()
        self._told = catalog.version
        self._seen: dict[str, tuple[int, float]] = {}
        self._loaded = time.monotonic()
        self._locks: dict[str, threading.RLock] = {}
        self._is_closing = False
        self.history = History()

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self._catalog.tenant_id

    @property
    def catalog(self) -> Catalog:
        """The tenant as it is now."""
        return self._catalog

    def change(self, change: Callable[[Catalog], Catalog]) -> Catalog:
        """Replace the catalog by what a function makes of it, once that is on disk."""
        with self._changed:
            old = self._catalog
            new = change(old)
            if new == old:
                return old
            new = msgspec.structs.replace(new, version=old.version + 1)
            durable.replace_file(self._layout.catalog(self.id), codec.encode(new))
            self._catalog = new
            if _concerns_computes(old, new):
                self._told = new.version
            self._changed.notify_all()
            return new

    def lock(self, timeline_id: str) -> threading.RLock:
        """Return the lock of work on one timeline that takes its time."""
        with self._changed:
            return self._locks.setdefault(timeline_id, threading.RLock())

    def watch(self, watcher: str, seen: int, seconds: float) -> Catalog:
        """Wait until there is something to act on that a watcher has not seen.

        Or until time is up. That it asks says that it has acted on what it has seen.
        """
        with self._changed:
            self._seen[watcher] = (seen, time.monotonic() + seconds)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._told > seen or self._is_closing, seconds
            )
            self._seen[watcher] = (seen, time.monotonic() + seconds)
            return self._catalog

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the catalog changes, or time is up."""
        with self._changed:
            self._changed.wait(seconds)

    def close(self) -> None:
        """Let nobody wait for news any more: the service ends."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def settle(self, version: int, seconds: float) -> bool:
        """Wait until every watcher has acted on a version; return whether all have.

        After a start of this service they have some seconds to come back.
        """

        def settled() -> bool:
            moment = time.monotonic()
            alive = [seen for seen, until in self._seen.values() if until > moment]
            attached = any(one.attachment for one in self._catalog.timelines.values())
            if not self._seen and attached:
                return moment - self._loaded > _RETURN_SECONDS
            # What came after the last thing that computes act on they need not see.
            return all(seen >= min(version, self._told) for seen in alive)

        with self._changed:
            deadline = time.monotonic() + seconds
            while not settled():  # also by the mere lapse of time
                if time.monotonic() > deadline:
                    return False
                self._changed.wait(_LOOK_SECONDS)
            return True


def _concerns_computes(old: Catalog, new: Catalog) -> bool:
    """Return whether a change is one that computes act on.

    They learn of what is new when it is asked for; but not that it is gone, or leads
    elsewhere, or that a timeline which they may run was given to another one.
    """
    names = ("branches", "endpoints", "aliases")
    if any(getattr(old, name) != getattr(new, name) for name in names):
        return True
    for timeline_id, before in old.timelines.items():
        after = new.timelines.get(timeline_id)
        was_taken = before.attachment and after and after.generation > before.generation
        if after is None or was_taken:
            return True
    return False


class Tenants:
    """All tenants of a pageserver."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._tenants: dict[str, Tenant] = {}

    def load(self) -> None:
        """Read the catalogs; sweep away what a crash left unfinished."""
        for directory in Path(self._layout.staging).glob("*/data"):
            end_now(str(directory))  # a spare, which its compute does not end
        shutil.rmtree(self._layout.staging, ignore_errors=True)
        durable.make_directory(self._layout.staging)
        durable.make_directory(self._layout.tenants)
        for tenant_id in sorted(os.listdir(self._layout.tenants)):
            catalog = self._read(tenant_id)
            if catalog is None:
                continue
            self._tenants[tenant_id] = Tenant(self._layout, catalog)
            self._sweep(catalog)

    def all(self) -> tuple[Tenant, ...]:
        """Return every tenant."""
        return tuple(self._tenants.values())

    def get(self, tenant_id: str) -> Tenant:
        """Return a tenant; raise NotFound in Neon's words."""
        try:
            return self._tenants[tenant_id]
        except KeyError:
            raise NotFound(f"tenant {tenant_id}") from None

    def only(self) -> Tenant:
        """Return the tenant of a project that has just one."""
        if len(self._tenants) != 1:
            raise NotFound(
                f"there are {len(self._tenants)} tenants", hint="name one of them"
            )
        return next(iter(self._tenants.values()))

    def create(self, tenant_id: str) -> Tenant:
        """Return a tenant, made if there is none of this id."""
        with self._lock:
            if tenant_id in self._tenants:
                return self._tenants[tenant_id]
            durable.make_directory(self._layout.tenant(tenant_id))
            durable.make_directory(self._layout.timelines(tenant_id))
            catalog = Catalog(tenant_id=tenant_id, created_at=now())
            durable.replace_file(self._layout.catalog(tenant_id), codec.encode(catalog))
            tenant = Tenant(self._layout, catalog)
            self._tenants[tenant_id] = tenant
            return tenant

    def delete(self, tenant_id: str) -> None:
        """Remove a tenant with all it has; none is well, too."""
        with self._lock:
            self._tenants.pop(tenant_id, None)
            directory = self._layout.tenant(tenant_id)
            # The catalog goes first: without it there is no tenant.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._layout.catalog(tenant_id))
            shutil.rmtree(directory, ignore_errors=True)

    def _read(self, tenant_id: str) -> Catalog | None:
        path = self._layout.catalog(tenant_id)
        try:
            with open(path, "rb") as file:
                catalog = codec.decode(file.read(), Catalog)
        except FileNotFoundError:
            _LOG.warning("removing what is left of tenant %s", tenant_id)
            shutil.rmtree(self._layout.tenant(tenant_id), ignore_errors=True)
            return None
        if catalog.format > FORMAT:
            raise BranchpgError(
                f'"{path}" is of format {catalog.format}, this branchpg knows {FORMAT}',
                hint="use the newer branchpg that wrote it",
            )
        return catalog

    def _sweep(self, catalog: Catalog) -> None:
        root = self._layout.timelines(catalog.tenant_id)
        for timeline_id in os.listdir(root):
            if timeline_id not in catalog.timelines:
                _LOG.warning("removing what is left of timeline %s", timeline_id)
                end_now(os.path.join(root, timeline_id, "seed", "data"))
                shutil.rmtree(os.path.join(root, timeline_id), ignore_errors=True)
            elif not snapshots.seed_of(self._layout, catalog.tenant_id, timeline_id):
                seed = self._layout.seed(catalog.tenant_id, timeline_id)
                shutil.rmtree(seed, ignore_errors=True)  # of an earlier boot

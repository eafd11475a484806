"""The timelines of a safekeeper: those in its directory, made, copied and removed."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest, BranchpgError, Conflict, NotFound, TryLater
from branchpg.lsn import history_name
from branchpg.safekeeper import state as states
from branchpg.safekeeper.history import upto
from branchpg.safekeeper.state import is_id
from branchpg.safekeeper.timeline import Timeline
from branchpg.store.durable import make_directory, sync_directory, sync_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.lsn import Lsn
    from branchpg.safekeeper.state import State, TimelineKey
    from branchpg.safekeeper.timeline import Keeping

__all__ = ["Registry"]

_LOADERS: Final = 4

_log = logging.getLogger(__name__)


class Registry:
    """All timelines. Names that begin with a dot are unfinished, and go at a start."""

    def __init__(self, directory: str, keeping: Keeping) -> None:
        self.directory = directory
        self._keeping = keeping
        self._lock = threading.Lock()
        self._timelines: dict[TimelineKey, Timeline] = {}
        self._building: set[TimelineKey] = set()

    def load(self) -> None:
        """Load what is there; a timeline that cannot be is said, and left alone."""
        found: list[str] = []
        for tenant in self._tenants():
            for name in os.listdir(tenant):
                path = os.path.join(tenant, name)
                if name.startswith("."):
                    shutil.rmtree(path, ignore_errors=True)
                elif os.path.isdir(path):
                    found.append(path)
        with ThreadPoolExecutor(_LOADERS, "load") as loaders:
            for timeline in loaders.map(self._load, found):
                if timeline:
                    self._timelines[timeline.key] = timeline

    def all(self) -> list[Timeline]:
        """Return all timelines in the order of their ids."""
        with self._lock:
            return [timeline for _, timeline in sorted(self._timelines.items())]

    def get(self, key: TimelineKey) -> Timeline:
        """Return a timeline; raise NotFound."""
        timeline = self._timelines.get(key)
        if timeline is None:
            raise NotFound(f"Timeline {key} was not found")
        return timeline

    def find(self, timeline_id: str) -> Timeline:
        """Return the timeline of an id, whosever it is; raise NotFound."""
        for timeline in self.all():
            if timeline.key.timeline_id == timeline_id:
                return timeline
        raise NotFound(f"Timeline {timeline_id} was not found")

    def create(self, state: State) -> tuple[Timeline, bool]:
        """Return a timeline, and whether it is new.

        Raises:
            Conflict: it is there, and starts elsewhere.
        """
        timeline = self._timelines.get(state.key)
        if timeline is None:
            with contextlib.suppress(Conflict):  # somebody else made it meanwhile
                return self.build(state, lambda staging: None), True
            timeline = self._timelines.get(state.key)
        if timeline is None:
            raise TryLater(f"Timeline {state.key} is being made")
        if timeline.state.start_lsn != state.start_lsn:
            raise Conflict(
                f"Timeline {state.key} starts at {timeline.state.start_lsn}, not at "
                f"{state.start_lsn}"
            )
        return timeline, False

    def build(self, state: State, fill: Callable[[str], None]) -> Timeline:
        """Make a timeline out of files that `fill` writes into a directory.

        Raises:
            Conflict: it is there.
        """
        with self._lock:
            if state.key in self._timelines or state.key in self._building:
                raise Conflict(f"Timeline {state.key} exists already")
            self._building.add(state.key)
        try:
            timeline = self._build(state, fill)
            with self._lock:
                self._timelines[state.key] = timeline
        finally:
            self._building.discard(state.key)
        _log.info("%s: made, from %s on", state.key, state.start_lsn)
        return timeline

    def copy(self, source: Timeline, target: TimelineKey, until: Lsn) -> Timeline:
        """Make a timeline of another one's WAL up to a position."""
        flush = source.flush_lsn
        if flush is None or not source.state.start_lsn < until <= flush:
            raise BadRequest(f"until_lsn {until} is not in the WAL of {source.key}")
        state = msgspec.structs.replace(
            source.state,
            tenant_id=target.tenant_id,
            timeline_id=target.timeline_id,
            history=upto(source.state.history, until),
        )

        def fill(staging: str) -> None:
            name = history_name(source.state.postgres_timeline)
            with contextlib.suppress(FileNotFoundError):  # the first one has none
                shutil.copy(os.path.join(source.directory, name), staging)
            for segment in source.segments.present():
                if segment.start < until:
                    path = os.path.join(staging, segment.name)
                    shutil.copyfile(source.segments.path(segment), path)
            last = source.segments.at(until)
            if until > last.start:
                with open(os.path.join(staging, last.name), "r+b") as file:
                    file.truncate(until - last.start)
                    file.seek(0, os.SEEK_END)
                    file.write(bytes(last.end - until))

        return self.build(state, fill)

    def delete(self, key: TimelineKey) -> bool:
        """Remove a timeline for good; return whether there was one."""
        with self._lock:
            if key in self._building:
                raise Conflict(f"Timeline {key} is being made")
            timeline = self._timelines.pop(key, None)
            self._building.add(key)
        try:
            if timeline is not None:
                timeline.close(delete=True)
            gone = self._remove(self._path(key))
        finally:
            self._building.discard(key)
        if gone:
            _log.info("%s: deleted", key)
        return gone

    def delete_tenant(self, tenant_id: str) -> dict[str, bool]:
        """Remove all timelines of a tenant."""
        keys = [t.key for t in self.all() if t.key.tenant_id == tenant_id]
        return {key.timeline_id: self.delete(key) for key in keys}

    def close(self) -> None:
        """Stop receiving, everywhere."""
        for timeline in self.all():
            timeline.close()

    def _tenants(self) -> list[str]:
        names = filter(is_id, os.listdir(self.directory))
        return [os.path.join(self.directory, name) for name in names]

    def _path(self, key: TimelineKey) -> str:
        return os.path.join(self.directory, key.tenant_id, key.timeline_id)

    def _load(self, path: str) -> Timeline | None:
        try:
            return Timeline(path, states.load(path), self._keeping)
        except (BranchpgError, OSError) as error:
            _log.error("%s cannot be used: %s", path, error)
            return None

    def _build(self, state: State, fill: Callable[[str], None]) -> Timeline:
        path = self._path(state.key)
        tenant, name = os.path.split(path)
        make_directory(tenant)
        if os.path.exists(path):
            raise BranchpgError(
                f'"{path}" cannot be used', hint="the log says why; delete the timeline"
            )
        staging = os.path.join(tenant, f".new-{name}")
        shutil.rmtree(staging, ignore_errors=True)
        os.mkdir(staging, 0o700)
        try:
            fill(staging)
            states.store(staging, state)
            if len(os.listdir(staging)) > 1:
                sync_tree(staging)
            os.rename(staging, path)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync_directory(tenant)
        return Timeline(path, state, self._keeping)

    def _remove(self, path: str) -> bool:
        # It loses its name first: half a timeline must never be taken for all of it.
        tenant, name = os.path.split(path)
        doomed = os.path.join(tenant, f".deleted-{name}")
        shutil.rmtree(doomed, ignore_errors=True)
        try:
            os.rename(path, doomed)
        except FileNotFoundError:
            return False
        sync_directory(tenant)
        shutil.rmtree(doomed)
        return True

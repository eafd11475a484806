"""Snapshots: data directories as they were at an LSN, complete or not there at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.lsn import Lsn
from branchpg.promotions import Promotion
from branchpg.store import durable, failpoints
from branchpg.store.ease import AT_ONCE, Ease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.store.layout import Layout

__all__ = [
    "Snapshot",
    "all_of",
    "cold_label",
    "is_cold",
    "keep",
    "publish",
    "remove",
    "seed_of",
    "staging",
]

_ABOUT: Final = "snapshot.json"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A consistent physical copy of a timeline.

    Attributes:
        lsn: where replay makes it consistent: it serves this LSN and every later one.
        redo: where replay begins.
        boot_id: of a snapshot that is not all on disk yet: another boot of the machine
            must not use it. None for one that lasts.
        path: its data directory.
        promotion: of what was promoted at its position: it is complete as it is, with
            its log.
        follower: the server that was, and runs still.
    """

    lsn: Lsn
    redo: Lsn
    taken_at: datetime
    boot_id: str | None = None
    path: str = ""
    promotion: Promotion | None = None
    follower: str | None = None

    @property
    def lasts(self) -> bool:
        """Whether it is all on disk."""
        return self.boot_id is None


@contextlib.contextmanager
def staging(layout: Layout) -> Iterator[str]:
    """Yield a new name for something to be made; what is left of it is removed."""
    path = os.path.join(layout.staging, uuid.uuid4().hex)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def publish(directory: str, snapshot: Snapshot, target: str) -> Snapshot:
    """Make a directory, which holds `data`, a snapshot; see `keep` for its lasting.

    It serves branches at once: until it lasts, what came before it is there, too.
    """
    fresh = msgspec.structs.replace(snapshot, path="", boot_id=durable.boot_id())
    _describe(directory, fresh)
    failpoints.step()
    try:
        os.rename(directory, target)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
    return msgspec.structs.replace(fresh, path=os.path.join(target, "data"))


def keep(snapshot: Snapshot, ease: Ease = AT_ONCE) -> Snapshot:
    """Make a snapshot last."""
    directory = os.path.dirname(snapshot.path)
    durable.sync_tree(directory, ease)
    durable.sync_directory(os.path.dirname(directory))
    lasting = msgspec.structs.replace(snapshot, path="", boot_id=None)
    _describe(directory, lasting)
    return msgspec.structs.replace(lasting, path=snapshot.path)


def _describe(directory: str, about: Snapshot) -> None:
    content = msgspec.json.encode(about, enc_hook=str)
    durable.replace_file(os.path.join(directory, _ABOUT), content)


def all_of(layout: Layout, tenant_id: str, timeline_id: str) -> tuple[Snapshot, ...]:
    """Return a timeline's own snapshots, the oldest first."""
    root = layout.snapshots(tenant_id, timeline_id)
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        return ()
    found = []
    for name in names:
        about = _at(os.path.join(root, name))
        if about:
            found.append(about)
    return tuple(found)


def seed_of(layout: Layout, tenant_id: str, timeline_id: str) -> Snapshot | None:
    """Return what the first endpoint of a timeline may have for itself, if anything."""
    return _at(layout.seed(tenant_id, timeline_id))


def _at(directory: str) -> Snapshot | None:
    """Return the snapshot in a directory, unless it is of another boot."""
    try:
        with open(os.path.join(directory, _ABOUT), "rb") as file:
            about = msgspec.json.decode(file.read(), type=Snapshot, dec_hook=_lsn)
    except FileNotFoundError:  # being removed
        return None
    if about.boot_id not in {None, durable.boot_id()}:
        return None
    return msgspec.structs.replace(about, path=os.path.join(directory, "data"))


def remove(snapshot: Snapshot) -> None:
    """Remove a snapshot: first what makes it one, then the rest."""
    directory = os.path.dirname(snapshot.path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, _ABOUT))
    shutil.rmtree(directory, ignore_errors=True)


def cold_label(*, redo: Lsn, checkpoint: Lsn, segment: str, timeline: int) -> str:
    """Return the backup_label of a cluster that was copied while no server ran on it.

    There is no end-of-backup record to wait for, hence no BACKUP METHOD: see
    read_backup_label in PostgreSQL's xlogrecovery.c.
    """
    return (
        f"START WAL LOCATION: {redo} (file {segment})\n"
        f"CHECKPOINT LOCATION: {checkpoint}\n"
        "BACKUP FROM: primary\n"
        "START TIME: 2000-01-01 00:00:00 UTC\n"
        "LABEL: branchpg\n"
        f"START TIMELINE: {timeline}\n"
    )


def is_cold(label: str) -> bool:
    """Return whether a file is a label that `cold_label` made."""
    with open(label, encoding="utf-8") as file:
        return "BACKUP METHOD" not in file.read()


def _lsn(_wanted: type, value: object) -> Lsn:
    return Lsn.parse(str(value))

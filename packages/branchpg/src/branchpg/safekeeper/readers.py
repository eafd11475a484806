"""Who reads WAL: streams that are open, and slots, which outlast them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import Conflict, NotFound
from branchpg.http import codec
from branchpg.lsn import Lsn
from branchpg.store.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Readers", "Sender", "Slot"]

_FILE: Final = "slots.json"


class Slot(msgspec.Struct, frozen=True):
    """The first position that somebody who is not here still needs; None: any."""

    name: str
    restart_lsn: Lsn | None


class Sender(msgspec.Struct):
    """One open stream: what was sent, and what the standby says it has."""

    name: str
    sent_lsn: Lsn
    write_lsn: Lsn = Lsn(0)
    flush_lsn: Lsn = Lsn(0)
    apply_lsn: Lsn = Lsn(0)
    slot: str | None = None


class Readers:
    """The readers of one timeline."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, _FILE)
        self._lock = threading.Lock()
        self._senders: tuple[Sender, ...] = ()
        self._slots: dict[str, Slot] = {}
        self._temporary: set[str] = set()
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                slots = codec.decode(file.read(), tuple[Slot, ...])
            self._slots = {slot.name: slot for slot in slots}

    @property
    def senders(self) -> tuple[Sender, ...]:
        """The streams that are open."""
        return self._senders

    def pins(self) -> Iterator[Lsn]:
        """Yield the positions from which on WAL must stay."""
        yield from (sender.sent_lsn for sender in self._senders)
        for slot in tuple(self._slots.values()):
            if slot.restart_lsn is not None:
                yield slot.restart_lsn

    def add(self, sender: Sender) -> None:
        """Note that a stream has begun."""
        with self._lock:
            self._senders += (sender,)

    def remove(self, sender: Sender) -> None:
        """Note that a stream has ended."""
        with self._lock:
            self._senders = tuple(s for s in self._senders if s is not sender)
        if sender.slot:
            self.advance(sender.slot, sender.flush_lsn, lasting=True)

    def slot(self, name: str) -> Slot | None:
        """Return a slot."""
        return self._slots.get(name)

    def make_slot(self, slot: Slot, *, temporary: bool) -> None:
        """Make a slot; a temporary one does not outlast this process."""
        with self._lock:
            if slot.name in self._slots:
                raise Conflict(f'replication slot "{slot.name}" already exists')
            self._slots[slot.name] = slot
            if temporary:
                self._temporary.add(slot.name)
            else:
                self._store()

    def drop_slot(self, name: str) -> None:
        """Remove a slot."""
        with self._lock:
            if name not in self._slots:
                raise NotFound(f'replication slot "{name}" does not exist')
            del self._slots[name]
            self._temporary.discard(name)
            self._store()

    def advance(self, name: str, lsn: Lsn, *, lasting: bool) -> None:
        """Note that a slot's standby has all before a position.

        An older position on disk keeps more than needed, which does no harm.
        """
        with self._lock:
            slot = self._slots.get(name)
            if slot is None or lsn <= (slot.restart_lsn or 0):
                return
            self._slots[name] = Slot(name, lsn)
            if lasting and name not in self._temporary:
                self._store()

    def _store(self) -> None:
        lasting = [s for s in self._slots.values() if s.name not in self._temporary]
        replace_file(self._path, codec.encode(lasting))

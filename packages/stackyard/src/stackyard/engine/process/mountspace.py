"""Read-only mounts: a name space of mounts in which some paths cannot be written.

Services see the machine's files at their own paths, so there is nothing to mount; but
a path can be mounted onto itself, for one process and all it starts, without the right
to write. Root has a mount name space for the asking, others get a user name space with
it, in which they are still themselves (mount_namespaces(7), user_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import os
import re
import struct

from stackyard.engine.process.seal import Seal

__all__ = ["apply", "is_possible"]

_NEWNS, _NEWUSER = 0x20000, 0x10000000  # CLONE_…, linux/sched.h
_BIND, _REC, _SLAVE = 0x1000, 0x4000, 0x80000  # MS_…, linux/mount.h
_MOUNT_SETATTR = 442  # the same on every architecture
_RDONLY = 0x1  # MOUNT_ATTR_RDONLY
_AT_FDCWD = -100
_ATTRIBUTES = struct.Struct("=QQQQ")  # set, clear, propagation, userns_fd
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def apply(seal: Seal) -> None:
    """Seal paths for this process and what it starts, for good.

    Raises:
        OSError: that is not possible here, or a path is not there.
    """
    _enter()
    _mount(b"none", b"/", _REC | _SLAVE)
    for path in sorted({*seal.read_only, *seal.writable}, key=len):
        # Of the machine's own, /run say may be missing: nothing to except there.
        if path in seal.read_only or os.path.exists(path):
            name = os.fsencode(path)
            _mount(name, name, _BIND | _REC)
    for point in seal.covered(_mount_points()):
        _forbid_writing(os.fsencode(point))


def is_possible() -> bool:
    """Return whether this machine lets us make such a name space."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            apply(Seal(("/proc",)))
            code = 0
        finally:
            os._exit(code)  # noqa: TID251  a forked child ends here
    _, status = os.waitpid(pid, 0)
    return status == 0


def _enter() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        _call(_libc().unshare(_NEWNS), "unshare")
        return
    _call(_libc().unshare(_NEWNS | _NEWUSER), "unshare")
    # In this order: user_namespaces(7).
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _mount(source: bytes, target: bytes, flags: int) -> None:
    done = _libc().mount(source, target, None, ctypes.c_ulong(flags), None)
    _call(done, os.fsdecode(target))


def _forbid_writing(point: bytes) -> None:
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.pack(_RDONLY, 0, 0, 0))
    size = ctypes.c_size_t(_ATTRIBUTES.size)
    done = _libc().syscall(_MOUNT_SETATTR, _AT_FDCWD, point, 0, attributes, size)
    _call(done, os.fsdecode(point))


def _mount_points() -> list[str]:
    """Return where something is mounted: proc(5), mountinfo."""
    with open("/proc/self/mountinfo", "rb") as file:
        fields = (line.split() for line in file)
        return [
            os.fsdecode(_ESCAPED.sub(lambda m: bytes([int(m[1], 8)]), field[4]))
            for field in fields
        ]


def _write(path: str, text: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(text.encode())


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(result: int, subject: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)

"""An XFS file system in a file, for who has no other one that shares blocks.

It holds a project's `data`, is mounted when the project starts, and is root's to make.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BadRequest, BranchpgError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.client.place import Place

__all__ = ["check_ability", "make_image", "mount", "parse_size", "unmount"]

_SIZE: Final = re.compile(r"([0-9]+) ?([KMGT]?)i?B?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SMALLEST: Final = 300 * 1024**2  # of mkfs.xfs
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def parse_size(text: str) -> int:
    """Read a size such as 10G in bytes; raise BadRequest for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadRequest(f'"{text}" is no size', hint="write 10G")
    size = int(match[1]) * _UNITS[match[2].upper()]
    if size < _SMALLEST:
        raise BadRequest(f"{text} is too small for XFS", hint="write 1G or more")
    return size


def make_image(place: Place, size: int, environment: Mapping[str, str]) -> None:
    """Make the file system; what `data` holds already moves into it.

    The file is sparse: it takes the space that is used.

    Raises:
        BranchpgError: it cannot be made or mounted here.
    """
    if os.path.exists(place.image):
        raise BranchpgError(f'"{place.image}" exists already')
    check_ability(environment)
    old, staging = f"{place.data}.old", f"{place.image}.new"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(staging, flags, 0o600), "wb") as file:
            file.truncate(size)
        _run(["mkfs.xfs", "-q", "-m", "reflink=1", staging], environment)
        os.rename(place.data, old)
        os.mkdir(place.data, 0o755)
        _mount(staging, place.data, environment)
        _run(["cp", "-a", f"{old}/.", place.data], environment)
        os.chmod(place.data, 0o755)
        os.sync()
        os.rename(staging, place.image)
    except (BranchpgError, OSError):
        _undo(place, old, staging, environment)
        raise
    shutil.rmtree(old)


def mount(place: Place, environment: Mapping[str, str]) -> None:
    """Mount the file system of a project that has one."""
    if os.path.exists(place.image) and not os.path.ismount(place.data):
        _check_root()
        _mount(place.image, place.data, environment)


def unmount(place: Place, environment: Mapping[str, str]) -> None:
    """Unmount it; where somebody still looks into it, it stays."""
    if os.path.exists(place.image) and os.path.ismount(place.data):
        spawn.result(["umount", place.data], environment=_found(environment))


def _mount(image: str, directory: str, environment: Mapping[str, str]) -> None:
    """Mount an image past the page cache of the file system that it lies on.

    That would hold everything twice, and each flush would wait for the writes of all
    (bench/results/branch.md). Where that file system allows nothing else, Linux goes
    through the cache all the same.
    """
    attach = ["losetup", "--find", "--show", "--direct-io=on", image]
    device = _run(attach, environment).strip()
    try:
        _run(["mount", "-o", "noatime", device, directory], environment)
    finally:
        # While it is mounted, this is put off until it no longer is.
        _run(["losetup", "--detach", device], environment)


def _undo(place: Place, old: str, staging: str, environment: Mapping[str, str]) -> None:
    if os.path.ismount(place.data):
        spawn.result(["umount", place.data], environment=_found(environment))
    if os.path.isdir(old):
        if os.path.isdir(place.data):
            os.rmdir(place.data)
        os.rename(old, place.data)
    if os.path.exists(staging):
        os.unlink(staging)


def _check_root() -> None:
    if os.geteuid() != 0:
        raise BranchpgError(
            "only root may mount an image",
            hint="put the project on XFS or Btrfs, or run this as root",
        )


def check_ability(environment: Mapping[str, str]) -> None:
    """Raise BranchpgError where no image can be made."""
    _check_root()
    if shutil.which("mkfs.xfs", path=_found(environment)["PATH"]) is None:
        raise BranchpgError(
            "there is no mkfs.xfs", hint="install xfsprogs: apt-get install xfsprogs"
        )


def _found(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "PATH": f"{environment.get('PATH', '')}:{_PATH}"}


def _run(argv: list[str], environment: Mapping[str, str]) -> str:
    return spawn.output(argv, environment=_found(environment))

"""What the keeper is asked to start."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK = "YARD_MARK"
"""Environment variable that tells whose a process is; inherited by all it starts."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who a process runs as: numbers, resolved already."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """One process to start.

    Attributes:
        key: its name with the keeper; a key has one running process at most.
        argv: program and arguments; the program is found on the PATH in `environment`.
        environment: all its variables, `MARK` included.
        directory: where it runs, absolute.
        account: None keeps the keeper's.
        umask: file mode creation mask.
        rlimits: resource number -> (soft, hard), as `resource.setrlimit` wants them.
        cgroups: paths of `cgroup.procs` files it joins before it runs.
        cpus: CPUs it may run on; empty is all.
        oom_score_adj: as in proc(5).
        read_only, writable: paths it cannot write to, and exceptions below them; see
            `mountspace`.
        tty: whether it gets a terminal.
        stdin: whether its standard input stays open; /dev/null otherwise.
        log: file for its output; empty: `capture` bytes of it are kept in memory.
        log_bytes, log_files: size at which the log is rotated, and how many are kept.
        capture: bytes of output returned with the exit; the last ones are dropped.
        timeout: seconds until it is killed; 0 is never.
    """

    key: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str = "/"
    account: Account | None = None
    umask: int = 0o022
    rlimits: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    cgroups: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    oom_score_adj: int | None = None
    read_only: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool = False
    log: str = ""
    log_bytes: int = 20 * 1024 * 1024
    log_files: int = 5
    capture: int = 0
    timeout: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the socket."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Order:
        """Read what `to_json` wrote."""
        account = value.pop("account")
        rlimits = value.pop("rlimits")
        return cls(
            account=Account(**account) if account else None,
            rlimits={int(key): tuple(pair) for key, pair in rlimits.items()},
            **value,
        )

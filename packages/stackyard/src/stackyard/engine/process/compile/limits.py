"""Limits, restart policy, signals, logs: plain translations of a service's settings."""

from __future__ import annotations

import os
import re
import resource
import signal
from typing import TYPE_CHECKING

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar import size
from stackyard.engine.errors import CompileError
from stackyard.engine.process.spec import Limits, Restart, Update

if TYPE_CHECKING:
    from stackyard.compose.model import Service


def limits_of(service: Service) -> tuple[Limits, tuple[str, ...]]:
    """Return what a replica may use, and warnings."""
    wanted = None
    if service.deploy and service.deploy.resources:
        wanted = service.deploy.resources.limits
    rlimits: dict[int, tuple[int, int]] = {}
    warnings = []
    for name, value in service.ulimits.items():
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is None:
            warnings.append(f"service {service.name}: this system has no ulimit {name}")
            continue
        pair = (value.single or value.soft, value.single or value.hard)
        rlimits[number] = _within_reach(number, pair)
    limits = Limits(
        memory=int(service.mem_limit or (wanted.memory if wanted else 0)),
        cpus=float(service.cpus or (wanted.cpus if wanted else 0)),
        pids=max(0, service.pids_limit or (wanted.pids if wanted else 0)),
        rlimits=rlimits,
        oom_score_adj=service.oom_score_adj or None,
    )
    return limits, tuple(warnings)


def _within_reach(number: int, pair: tuple[int, int]) -> tuple[int, int]:
    """Return limits that may be set without privileges: at most the hard one."""
    hard = resource.getrlimit(number)[1]
    if os.geteuid() == 0 or hard == resource.RLIM_INFINITY:
        return pair
    soft, most = (hard if item < 0 or item > hard else item for item in pair)
    return soft, most


def restart_of(service: Service, *, unhealthy: bool) -> Restart:
    """Return when a replica is restarted; `deploy.restart_policy` has precedence."""
    policy = service.deploy.restart_policy if service.deploy else None
    if policy is None:
        name, _, attempts = (service.restart or "no").partition(":")
        return Restart(policy=name, attempts=int(attempts or 0), unhealthy=unhealthy)
    names = {"none": "no", "on-failure": "on-failure", "any": "always", "": "always"}
    return Restart(
        policy=names.get(policy.condition, "always"),
        attempts=policy.max_attempts or 0,
        delay=policy.delay.seconds if policy.delay else 0.0,
        window=policy.window.seconds if policy.window else 10.0,
        unhealthy=unhealthy,
    )


def update_of(service: Service) -> Update | None:
    """Return how replicas are replaced; None: all at once, as Docker Compose does."""
    config = service.deploy.update_config if service.deploy else None
    if config is None:
        return None
    return Update(
        parallelism=1 if config.parallelism is None else config.parallelism,
        delay=config.delay.seconds if config.delay else 0.0,
        start_first=config.order == "start-first",
        rollback=config.failure_action == "rollback",
        go_on=config.failure_action == "continue",
        monitor=config.monitor.seconds if config.monitor else 0.0,
    )


def signal_of(name: str, service: str) -> int:
    """Return a signal's number, from `SIGINT`, `INT` or `2`."""
    if not name:
        return int(signal.SIGTERM)
    if re.fullmatch("[0-9]{1,3}", name) and 0 < int(name) < signal.NSIG:
        return int(name)
    text = name.upper().removeprefix("SIG")
    real_time = re.fullmatch(r"RTMIN\+([0-9]{1,2})", text)
    if real_time and signal.SIGRTMIN + int(real_time[1]) <= signal.SIGRTMAX:
        return signal.SIGRTMIN + int(real_time[1])
    number = signal.Signals.__members__.get(f"SIG{text}")
    if number is None:
        raise CompileError(
            f"service {service}: there is no signal {name!r}",
            hint="use a name such as SIGTERM or SIGINT, or a number",
        )
    return int(number)


def log_limits(service: Service) -> tuple[int, int]:
    """Return the size at which logs are rotated, in bytes, and how many are kept."""
    options = service.logging.options if service.logging else {}
    try:
        limit = int(size.parse(options["max-size"])) if "max-size" in options else 0
        files = int(options.get("max-file", 0))
    except (InvalidValueError, ValueError) as error:
        raise CompileError(
            f"service {service.name}: logging.options: {error}",
            hint='write max-size as "10m" and max-file as "3"',
        ) from error
    return limit or 20 * 1024 * 1024, files or (1 if limit else 5)

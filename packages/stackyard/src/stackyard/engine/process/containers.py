"""A container: one replica of a service, from its creation to its removal.

Natively it is a process and what belongs to it. The word is Compose's, and `ps`, events
and labels use it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """What `docker ps` calls the state."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """What a health check found; NONE without one."""

    NONE = ""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Event(StrEnum):
    """What happens to a container."""

    STARTED = "started"
    START_FAILED = "start failed"
    ENDED = "ended"
    WILL_RESTART = "will restart"
    GIVEN_UP = "given up"
    PAUSED = "paused"
    UNPAUSED = "unpaused"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CREATED, Event.STARTED): State.RUNNING,
    (State.CREATED, Event.START_FAILED): State.CREATED,
    (State.EXITED, Event.STARTED): State.RUNNING,
    (State.EXITED, Event.START_FAILED): State.EXITED,
    (State.EXITED, Event.WILL_RESTART): State.RESTARTING,
    (State.RESTARTING, Event.STARTED): State.RUNNING,
    (State.RESTARTING, Event.START_FAILED): State.EXITED,
    (State.RESTARTING, Event.GIVEN_UP): State.EXITED,
    (State.RUNNING, Event.ENDED): State.EXITED,
    (State.RUNNING, Event.PAUSED): State.PAUSED,
    (State.PAUSED, Event.UNPAUSED): State.RUNNING,
    (State.PAUSED, Event.ENDED): State.EXITED,
}
"""Every step a container can take; any other is a mistake of ours."""


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one container. Times are nanoseconds since the epoch.

    Attributes:
        id: 64 hexadecimal digits; also its key with the keeper.
        number: of the replica, from 1.
        spec: digest of the specification it was made from.
        address: its own loopback address.
        slot: which of a replica's two addresses it has; a replacement that starts first
            takes the other one.
        wanted: whether it is meant to run: started, and not stopped by a user.
        restarts: how often its policy has restarted it since it was last started.
        error: why it could not start, or why it ended, if that is known.
    """

    id: str
    name: str
    service: str
    number: int
    spec: str
    config_hash: str
    content_hash: str
    address: str
    created_at: int
    slot: int = 0
    oneoff: bool = False
    state: State = State.CREATED
    health: Health = Health.NONE
    wanted: bool = False
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    code_known: bool = True
    restarts: int = 0
    starts: int = 0
    oom_killed: bool = False
    error: str = ""
    pid: int = 0

    @property
    def up(self) -> bool:
        """Whether its process exists."""
        return self.state in {State.RUNNING, State.PAUSED}


def after(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises:
        ValueError: nothing of the kind can happen in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"a container that is {state} cannot be {event}") from None

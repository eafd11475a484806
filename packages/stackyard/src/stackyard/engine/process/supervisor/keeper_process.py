"""Starting the keeper, and finding the one that runs.

It is begun before the rest of the supervisor is imported: both take some fifty
milliseconds, side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.engine.errors import SupervisorError
from stackyard.engine.process.sockets import connect
from stackyard.engine.process.spawn import Beginning, begin_daemon

if TYPE_CHECKING:
    import socket

    from stackyard.engine.process.state import ProjectState


def begin_if_none(state: ProjectState) -> Beginning | None:
    """Begin a keeper if none answers. To be called by who holds the supervisor's lock.

    Raises:
        OSError: it cannot be started.
    """
    connection = connect(state.socket("keeper"))
    if connection is not None:
        connection.close()
        return None
    return begin_daemon(
        "stackyard.engine.process.keeper",
        [str(state.path), state.mark],
        errors=state.path / "keeper.log",
        mark=state.mark,
        bare=True,
    )


def connected(state: ProjectState, beginning: Beginning | None) -> socket.socket:
    """Return a connection to the keeper, once the one that was begun answers.

    Raises:
        SupervisorError: there is none, and none can be started.
    """
    if beginning is None:  # the one that answered may have ended since
        beginning = begin_if_none(state)
    if beginning is not None:
        beginning.finish()
    connection = connect(state.socket("keeper"))
    if connection is None:
        raise SupervisorError(
            "cannot start the keeper, which starts all processes",
            hint=f"see {state.path}/keeper.log",
        )
    return connection

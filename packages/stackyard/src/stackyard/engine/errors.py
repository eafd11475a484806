"""What can go wrong while a project runs, and how it is told.

    EngineError
    ├── StateError        the state on disk cannot be used: mend the directory
    ├── CompileError      a service has no native meaning: mend the file
    ├── CommandError      the command does not fit what there is: another command
    └── SupervisorError   the supervisor cannot be reached, or failed: see its log

Every error says what, where, and in `hint` how to mend it.
"""

from __future__ import annotations


class EngineError(Exception):
    """The base of every error of the engine."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return one line, and a second with the hint where there is one."""
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class StateError(EngineError):
    """The state directory cannot be used."""


class CompileError(EngineError):
    """A service cannot run natively."""


class CommandError(EngineError):
    """What was asked for does not fit what there is."""


class SupervisorError(EngineError):
    """The supervisor could not be started, or did not answer."""

"""A pool of connections to PostgreSQL that answers quickly even when the server is not.

A failure of the connection is told as 503 with Retry-After. What is certain not to have
been done is tried again, a few times: a connection that could not be had, a transaction
that was rolled back for the sake of another one, a statement that only reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import asyncpg

from servicekit.breaker import CircuitBreaker
from servicekit.errors import Problem, unavailable, validation
from servicekit.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

__all__ = ["Database", "Target"]

T = TypeVar("T")

_ATTEMPTS: Final = 3
_PAUSE: Final = 0.05
_DEAD_SECONDS: Final = 5.0
_BREAKER_FAILURES: Final = 5
_BREAKER_SECONDS: Final = 0.5

_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The server, or the way to it, is not there now."""

_UNDONE: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""The transaction was rolled back, for the sake of another one."""

_BAD_TEXT: Final = (
    asyncpg.UntranslatableCharacterError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.InvalidTextRepresentationError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DataError,
)
"""A value that PostgreSQL cannot hold, such as a NUL character in a text."""


@dataclass(frozen=True)
class Target:
    """Where a database is, and how it is to be used. Times are in seconds."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    ssl: str | None = None
    minimum: int = 2
    maximum: int = 20
    idle_seconds: float = 30.0
    connect_seconds: float = 5.0
    statement_seconds: float = 30.0
    settings: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return what asyncpg needs to connect."""
        found: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": self.password,
            "timeout": self.connect_seconds,
            # PostgreSQL's own statement_timeout comes first, where it is alive.
            "command_timeout": self.statement_seconds + _DEAD_SECONDS,
            "server_settings": dict(self.settings),
        }
        return found | ({"ssl": self.ssl} if self.ssl else {})


async def _leave(_connection: object) -> None:
    """Do nothing to a connection that comes back.

    asyncpg would send RESET ALL, a whole round trip for each request. Nothing here
    changes a session: settings are local to their transaction.
    """


class Database:
    """One database; `name` is its label in metrics and logs."""

    def __init__(self, name: str, target: Target) -> None:
        self.name = name
        self.target = target
        self.maximum = target.maximum
        self.waiting = 0
        self.last_used = time.monotonic()
        self.after_write: Callable[[], None] | None = None
        """Called when something was written and is committed."""
        self.breaker = CircuitBreaker(
            threshold=_BREAKER_FAILURES,
            seconds=_BREAKER_SECONDS,
            clock=time.monotonic,
        )
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._log = logger()

    @property
    def size(self) -> int:
        """Connections that are open."""
        return self._pool.get_size() if self._pool else 0

    @property
    def idle(self) -> int:
        """Those of them that nobody uses."""
        return self._pool.get_idle_size() if self._pool else 0

    @property
    def busy(self) -> bool:
        """Whether somebody uses a connection, or waits for one."""
        return self.waiting > 0 or self.size > self.idle

    async def _open(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                pool = asyncpg.create_pool(
                    **self.target.options(),
                    min_size=self.target.minimum,
                    max_size=self.target.maximum,
                    max_inactive_connection_lifetime=self.target.idle_seconds,
                    reset=_leave,
                )
                self._pool = await pool
            return self._pool

    async def close(self, within: float = 5.0) -> None:
        """Close all connections, those in use after a time."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(within):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something that changes nothing, again if the connection breaks."""
        return await self._attempts(work, again=(*_LOST, *_UNDONE))

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something in one statement, which is a transaction of its own."""
        done = await self._attempts(work, again=_UNDONE)
        if self.after_write:
            self.after_write()
        return done

    async def transaction(
        self, work: Callable[[Connection], Awaitable[T]], *, actor: str
    ) -> T:
        """Do something in one transaction, in somebody's name."""

        async def whole(connection: Connection) -> T:
            async with connection.transaction():
                await connection.execute(
                    "SELECT set_config('app.actor', $1, true)", actor
                )
                return await work(connection)

        done = await self._attempts(whole, again=_UNDONE)
        if self.after_write:
            self.after_write()
        return done

    async def value(self, statement: str, *arguments: Any) -> Any:
        """Return the one value that a statement reads."""
        return await self.read(lambda c: c.fetchval(statement, *arguments))

    async def row(self, statement: str, *arguments: Any) -> Any:
        """Return the first row that a statement reads; None where there is none."""
        return await self.read(lambda c: c.fetchrow(statement, *arguments))

    async def _attempts(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        again: tuple[type[Exception], ...],
    ) -> T:
        self.last_used = time.monotonic()
        problem: Exception = _NotConnected()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(work)
            except _NotConnected as error:
                problem = error
            except _BAD_TEXT as error:
                raise _unfit(error) from error
            except asyncpg.QueryCanceledError as error:
                # It would take as long again.
                raise unavailable("this takes the database too long") from error
            except again as error:
                problem = error
            except _LOST as error:
                raise self._gone(error) from error
            if self.breaker.is_open:
                break
            await asyncio.sleep(_PAUSE * attempt)
        raise self._gone(problem) from problem

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._connection() as connection:
            try:
                result = await work(connection)
            except _BAD_TEXT:
                raise
            except _LOST as error:
                if isinstance(error, ValueError):  # asyncpg's, of an argument
                    raise _unfit(error) from error
                self.breaker.failed()
                raise
        self.breaker.succeeded()
        return result

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if not self.breaker.admits():
            raise unavailable(f"the database {self.name} does not answer")
        self.waiting += 1
        try:
            pool = self._pool or await self._open()
            connection = await pool.acquire(timeout=self.target.connect_seconds)
        except _LOST as error:
            self.breaker.failed()
            raise _NotConnected(str(error)) from error
        finally:
            self.waiting -= 1
        try:
            yield connection
        finally:
            with contextlib.suppress(*_LOST):
                await pool.release(connection)

    def _gone(self, error: Exception) -> Exception:
        self._log.warning("database_unavailable", pool=self.name, error=_words(error))
        return unavailable(f"the database {self.name} does not answer now")


class _NotConnected(Exception):
    """No connection could be had: nothing was done."""


def _unfit(error: Exception) -> Exception:
    return validation(Problem("body", str(error)[:200], "invalid_value"))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

"""A project and its branches, from Python.

from branchpg.client import Project

with Project.open("./db") as project:
    with project.branch("try-it", parent="main") as branch:
        with branch.connect() as connection: ...
"""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from branchpg.client import place as places
from branchpg.client import settings as project_settings
from branchpg.client.api import Api, NewBranch
from branchpg.client.place import Place
from branchpg.client.points import Point, point
from branchpg.client.services import Services
from branchpg.client.settings import Settings
from branchpg.client.urls import Target
from branchpg.environment import environment, working_directory
from branchpg.errors import BranchpgError
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from psycopg2.extensions import connection as Connection

    from branchpg.client.answers import BranchInfo

__all__ = ["Branch", "Project"]


def _silent(_name: str, _state: str) -> None:
    pass


class Project:
    """A project: three services on a directory.

    As a context manager it starts what does not run, and at the end stops what it has
    started. Several processes may use one project at a time.

    Attributes:
        place: where it is.
        settings: what `branchpg.toml` says.
        services: what runs.
        api: the interface of branches over HTTP.
    """

    def __init__(self, place: Place, variables: Mapping[str, str]) -> None:
        self.place = place
        self.variables = variables
        self.settings = project_settings.load(place.root)
        self.services = Services(place, self.settings, variables)
        self._started: list[str] = []

    @classmethod
    def open(cls, directory: str | None = None) -> Self:
        """Return the project in a directory, or the one that is found from here.

        Raises:
            BranchpgError: there is none.
        """
        variables = environment()
        if directory is None:
            return cls(places.find(working_directory(), variables), variables)
        return cls(Place(_absolute(directory)), variables)

    @classmethod
    def create(
        cls,
        directory: str,
        *,
        database: str | None = None,
        port: int | None = None,
        safekeepers: int = 1,
        password: str | None = None,
        pg_version: int | None = None,
        suspend_timeout: int = 300,
    ) -> Self:
        """Make a project in a directory that is new or empty.

        Args:
            directory: where.
            database: the name of its database; `workspace` if none is given.
            port: of PostgreSQL; by default 5433 or the next that is free. With 0, all
                ports are chosen at the first start.
            safekeepers: one, or three.
            password: of the role `postgres`; a random one if none is given.
            pg_version: a major version of PostgreSQL.
            suspend_timeout: seconds until an idle endpoint is suspended; -1 is never.

        Raises:
            BranchpgError: the directory is in use.
        """
        root = _absolute(directory)
        usual = Settings.host
        wanted = Settings(
            database=database or project_settings.DEFAULT_DATABASE,
            safekeepers=safekeepers,
            pg_version=pg_version,
            suspend_timeout=suspend_timeout,
            ports=places.free_ports(
                project_settings.port_names(safekeepers),
                compute=project_settings.PORTS["compute"] if port is None else port,
                host=usual,
            ),
        )
        return cls(places.create(root, wanted, password=password), environment())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop_started()

    def start(self, tell: Callable[[str, str], None] = _silent) -> None:
        """Start what does not run, and wait until it answers."""
        started = self.services.start(tell)
        self._started += [service.name for service in started]

    def stop(self, tell: Callable[[str, str], None] = _silent) -> None:
        """Stop what runs, whoever has started it."""
        self.services.stop(tell)
        self._started.clear()

    def stop_started(self) -> None:
        """Stop what this object has started."""
        if self._started:
            self.services.stop(_silent, only=tuple(self._started))
            self._started.clear()

    def remove(self) -> None:
        """Stop it, and remove its directory with all that it holds."""
        self.stop()
        shutil.rmtree(self.place.root)

    @property
    def directory(self) -> str:
        """Where it is."""
        return self.place.root

    def check_running(self, name: str) -> None:
        """Raise TryLater if a service does not run."""
        self.services.check_running(name)

    def libpq(self) -> dict[str, str]:
        """Return the variables by which libpq finds the password."""
        return {"PGPASSFILE": self.place.pgpass}

    @property
    def api(self) -> Api:
        """The interface of branches over HTTP."""
        token = self.place.secret(self.place.token_file)
        return Api(
            self.services.running_client("pageserver", token=token),
            lambda: self.services.running_client("compute", token=token),
        )

    @property
    def password(self) -> str:
        """The password of the role."""
        return self.place.secret(self.place.password_file)

    def target(self, branch: str | None = None) -> Target:
        """Return where a branch is connected to; None is the default one."""
        port = self.services.port("compute")
        if not port:
            raise BranchpgError("the project was never started", hint="branchpg start")
        host = self.settings.host
        return Target(
            host="localhost" if host == "127.0.0.1" else host,
            port=port,
            role=self.settings.role,
            database=self.settings.database,
            branch=branch,
        )

    def branches(self) -> list[Branch]:
        """Return all branches, the oldest first."""
        return [Branch(self, info) for info in self.api.branches()]

    def get(self, name: str | None = None) -> Branch:
        """Return a branch by its name or id; None is the default one.

        Raises:
            NotFound: there is none.
        """
        return Branch(self, self.api.branch(name))

    def branch(
        self,
        name: str | None = None,
        *,
        parent: str | None = None,
        at: Lsn | str | datetime | None = None,
        expires_at: datetime | timedelta | None = None,
        protected: bool = False,
    ) -> Branch:
        """Make a branch.

        Args:
            name: up to 256 characters; made up if there is none.
            parent: a name or id; the default branch if there is none.
            at: a point of the parent's history: an LSN, or a time with its zone. The
                parent's head if there is none.
            expires_at: when, or after how long, it is deleted by itself.
            protected: whether it can be neither deleted nor reset.

        Raises:
            Conflict: the name is taken.
            NotFound: there is no such parent.
            Unsatisfiable: its history does not reach back that far.
        """
        if isinstance(expires_at, timedelta):
            expires_at = datetime.now(UTC) + expires_at
        api = self.api
        wanted = NewBranch(
            name=name or made_up_name(),
            parent_id=api.branch(parent).id if parent else None,
            point=_point(at),
            protected=protected,
            expires_at=expires_at,
        )
        return Branch(self, api.create(wanted))


class Branch:
    """A branch of a project. As a context manager it is deleted at the end.

    Attributes:
        info: what the pageserver said of it last.
    """

    def __init__(self, project: Project, info: BranchInfo) -> None:
        self._project = project
        self.info = info

    def __repr__(self) -> str:
        return f"<Branch {self.name} of {self._project.place.root}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.delete()

    @property
    def name(self) -> str:
        """Its name."""
        return self.info.name

    def url(self, *, database: str | None = None) -> str:
        """Return its connection string: that of the project's database, or another."""
        target = self._project.target(self.name)
        if database is not None:
            target = target.of(database)
        return target.url(self._project.password)

    def connect(self, *, database: str | None = None) -> Connection:
        """Return a connection of psycopg2, closed by whoever asked for it."""
        import psycopg2  # it takes longer to import than all of this

        return psycopg2.connect(self.url(database=database))

    def reset(self, *, preserve_under: str | None = None) -> None:
        """Give it the head of its parent: its own changes are gone, or preserved.

        The connection string stays, the connections end.

        Raises:
            PreconditionFailed: it has children or no parent, or is protected.
        """
        api = self._project.api
        self.info = api.reset(self.info.id, preserve_under=preserve_under)

    def restore(
        self,
        source: str = "^self",
        *,
        at: Lsn | str | datetime | None = None,
        preserve_under: str | None = None,
    ) -> None:
        """Give it what a branch, `^self` or `^parent`, was at a point.

        Raises:
            BadRequest: `^self` goes with `at` and `preserve_under`.
            PreconditionFailed: it has children, and nothing preserves them.
        """
        api, point = self._project.api, _point(at) or Point()
        if not source.startswith("^"):
            source = api.branch(source).id
        self.info = api.restore(
            self.info.id, source, point, preserve_under=preserve_under
        )

    def delete(self) -> None:
        """Delete it, and what only it has.

        Raises:
            PreconditionFailed: it has children, is protected or the default one.
        """
        self._project.api.delete(self.info.id)


def made_up_name() -> str:
    """Return a name for a branch that was given none."""
    return f"branch-{secrets.token_hex(4)}"


def _point(at: Lsn | str | datetime | None) -> Point | None:
    if at is None:
        return None
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise BranchpgError(f"{at.isoformat()} has no time zone", hint="add tzinfo")
        return Point(time=at)
    if isinstance(at, Lsn):
        return Point(lsn=at)
    return point(at)


def _absolute(directory: str) -> str:
    return os.path.abspath(os.path.expanduser(directory))

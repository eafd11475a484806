"""The services of a project: started in order, found again, stopped in reverse.

What runs is what `run/NAME.json` says and is still the same process. Who starts or
stops holds `run/lock`, so that two commands at once do not start anything twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.client import processes, storage
from branchpg.errors import BranchpgError, TryLater
from branchpg.http.client import Address, HttpClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from branchpg.client.place import Place
    from branchpg.client.processes import Process
    from branchpg.client.settings import Settings

__all__ = ["Service", "Services"]

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 60.0
_LOG_TAIL: Final = 4096
_LOG_LINES: Final = 4
_KNOWN_PORTS: Final = "ports.json"


@dataclass(frozen=True)
class Service:
    """One service: its name, the module it is, and where its flags and ports differ."""

    name: str
    module: str

    @property
    def ports(self) -> dict[str, str]:
        """The ports by the names it tells them under, and their names in settings."""
        return {"pg": self.name, "http": f"{self.name}_http"}


def services_of(settings: Settings) -> list[Service]:
    """Return the services in the order in which they start."""
    keepers = [
        Service(f"safekeeper_{number}", "branchpg.safekeeper")
        for number in range(1, settings.safekeepers + 1)
    ]
    return [
        *keepers,
        Service("pageserver", "branchpg.pageserver"),
        Service("compute", "branchpg.compute"),
    ]


class Services:
    """What of a project runs."""

    def __init__(
        self, place: Place, settings: Settings, environment: Mapping[str, str]
    ) -> None:
        self.place = place
        self.settings = settings
        self.all = services_of(settings)
        self._environment = environment

    def process(self, service: Service) -> Process | None:
        """Return the process of a service that runs."""
        return processes.recall(self.place.run(f"{service.name}.json"))

    @property
    def running(self) -> list[Service]:
        """The services that run."""
        return [service for service in self.all if self.process(service)]

    def port(self, name: str) -> int:
        """Return a port; 0 where it is chosen at the first start, which is to come."""
        return self.settings.ports[name] or self._chosen().get(name, 0)

    def running_client(self, name: str, *, token: str | None = None) -> HttpClient:
        """Return the HTTP interface of a service; raise TryLater if it does not run."""
        self.check_running(name)
        port = self.port(f"{name}_http")
        return HttpClient(Address(self.settings.host, port), token=token)

    def check_running(self, name: str) -> None:
        """Raise TryLater if a service does not run."""
        if any(self.process(one) for one in self.all if one.name == name):
            return
        what = f"the {name} of" if self.running else "the project in"
        raise TryLater(
            f'{what} "{self.place.root}" does not run', hint="branchpg start"
        )

    def start(
        self,
        tell: Callable[[str, str], None],
        *,
        only: tuple[str, ...] = (),
        first_branch: str | None = "main",
    ) -> list[Service]:
        """Start what does not run, and wait until each answers; return what was.

        Args:
            tell: called with a service's name, and how it is.
            only: their names, where it is not all.
            first_branch: what the first branch of a new project is called; with None
                there is none, and something is imported.

        Raises:
            BranchpgError: one does not start; those that were started are stopped.
        """
        started: list[Service] = []
        wanted = [one for one in self.all if not only or one.name in only]
        with self._locked(), self._undoing(started, tell):
            storage.mount(self.place, self._environment)
            for service in wanted:
                if self._adopted(service):
                    tell(service.name, "runs already")
                    continue
                started.append(service)
                tell(service.name, "starting")
                self._start(service, first_branch)
                tell(service.name, "ready")
        return started

    def stop(
        self,
        tell: Callable[[str, str], None],
        *,
        only: tuple[str, ...] = (),
        within: float = _STOP_SECONDS,
    ) -> list[Service]:
        """Stop what runs, the last started first; return what was stopped."""
        stopped = []
        with self._locked():
            for service in reversed(self.all):
                if only and service.name not in only:
                    continue
                if self._end(service, tell, within):
                    stopped.append(service)
            if not self.running:
                storage.unmount(self.place, self._environment)
        return stopped

    @contextlib.contextmanager
    def _undoing(
        self, started: list[Service], tell: Callable[[str, str], None]
    ) -> Iterator[None]:
        """Stop what was started, where the last of it fails or somebody gives up."""
        try:
            yield
        except BaseException:
            if started:
                tell(started[-1].name, "failed")
            for service in reversed(started):
                self._end(service, tell, _STOP_SECONDS)
            raise

    def _end(
        self, service: Service, tell: Callable[[str, str], None], within: float
    ) -> bool:
        """End a service, and return whether it ran."""
        process = self._adopted(service)
        if process is None:
            return False
        tell(service.name, "stopping")
        in_time = process.end(within)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.place.run(f"{service.name}.json"))
        tell(service.name, "stopped" if in_time else "killed")
        return True

    def answers(self, service: Service) -> bool:
        """Return whether a service says that it is well."""
        path = "/status" if service.name == "compute" else "/v1/status"
        try:
            self.running_client(service.name).raw("GET", path, within=5)
        except BranchpgError:
            return False
        return True

    def _start(self, service: Service, first_branch: str | None) -> None:
        directory = self.place.service(service.name)
        told = os.path.join(directory, "ports.json")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(told)
        log = self.place.log(service.name)
        began_at = os.path.getsize(log) if os.path.exists(log) else 0
        # -P, since what lies in the working directory is no module of ours.
        argv = [sys.executable, "-P", "-m", service.module, "-D", directory]
        argv += self._arguments(service, first_branch)
        process = self._begun(service, argv, log)

        def is_decided() -> bool:
            return os.path.exists(told) or not process.runs

        processes.until(is_decided, _START_SECONDS)
        if os.path.exists(told):
            self._keep_ports(service, told)
            processes.until(
                lambda: self.answers(service) or not process.runs, _START_SECONDS
            )
        if not process.runs or not self.answers(service):
            raise _failure(service, log, began_at)

    def _begun(self, service: Service, argv: list[str], log: str) -> Process:
        """Begin a process and write it down: an interrupt between would leave it."""
        with _uninterrupted():
            process = processes.begin(argv, environment=self._environment, log=log)
            processes.remember(self.place.run(f"{service.name}.json"), process)
        return process

    def _arguments(self, service: Service, first_branch: str | None) -> list[str]:
        arguments = ["--token-file", self.place.token_file]
        for kind, name in service.ports.items():
            where = Address(self.settings.host, self.port(name))
            arguments += [f"--listen-{kind}", str(where)]
        kind, _, number = service.name.partition("_")
        if kind == "safekeeper":
            return [*arguments, "--id", number]
        arguments += ["--safekeepers", ",".join(self._keepers())]
        if kind == "pageserver":
            if self.settings.pg_version:
                arguments += ["--pg-version", str(self.settings.pg_version)]
            if first_branch:
                arguments += ["--init-branch", first_branch]
            return arguments
        return [*arguments, *self._of_compute()]

    def _of_compute(self) -> list[str]:
        settings = self.settings
        http = Address(settings.host, self.port("pageserver_http"))
        control = Address(settings.host, self.port("pageserver"))
        return [
            *("--pageserver", str(http), "--pageserver-pg", str(control)),
            *("--role", settings.role, "--database", settings.database),
            *("--password-file", self.place.password_file),
            *("--suspend-timeout", str(settings.suspend_timeout)),
        ]

    def _keepers(self) -> list[str]:
        return [
            str(Address(self.settings.host, self.port(f"{service.name}_http")))
            for service in self.all
            if service.module == "branchpg.safekeeper"
        ]

    def _adopted(self, service: Service) -> Process | None:
        """Return the process of a service, also one that was not written down.

        Whoever started it may have ended just before it was.
        """
        process = self.process(service)
        if process:
            return process
        directory = self.place.service(service.name)
        try:
            with open(os.path.join(directory, "lock"), encoding="ascii") as file:
                pid = int(file.read() or 0)
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (OSError, ValueError):
            return None
        found = processes.of(pid)
        if not found or not {service.module.encode(), os.fsencode(directory)} <= {
            *words
        }:
            return None
        processes.remember(self.place.run(f"{service.name}.json"), found)
        return found

    def _chosen(self) -> dict[str, int]:
        try:
            with open(self.place.run(_KNOWN_PORTS), "rb") as file:
                return msgspec.json.decode(file.read(), type=dict[str, int])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def _keep_ports(self, service: Service, told: str) -> None:
        """Remember which ports were free, where the settings leave that open."""
        with open(told, "rb") as file:
            found = msgspec.json.decode(file.read(), type=dict[str, int])
        chosen = self._chosen()
        chosen |= {name: found[kind] for kind, name in service.ports.items()}
        path = self.place.run(_KNOWN_PORTS)
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.encode(chosen))
        os.replace(f"{path}.new", path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.place.run("lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BranchpgError(
                f'cannot open "{path}": {error.strerror}',
                hint="a project belongs to who made it",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an interrupt come afterwards. Those are for the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        for number in came:
            signal.raise_signal(number)


def _failure(service: Service, log: str, began_at: int) -> BranchpgError:
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(began_at, size - _LOG_TAIL))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    said = [line for line in lines if line.lower().startswith(("error: ", "hint: "))]
    words = "; ".join(said or lines[-_LOG_LINES:]) or "it says nothing"
    words = words.removeprefix("error: ").removeprefix("Error: ")
    hint = f"see {log}"
    if "cannot listen" in words:
        hint = "stop what has the port, or change it in branchpg.toml"
        words = words.partition("; hint: ")[0]
    return BranchpgError(f"{service.name} does not start: {words}", hint=hint)

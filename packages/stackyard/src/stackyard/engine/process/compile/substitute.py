"""Substitution: what a container would see -> what a process sees (ADR 0003).

Three things are translated, each only where the text leaves no doubt:

hosts   a service name or alias is a host in `NAME:port`, in the authority of a URL,
        after `@`, after `host=` or an option such as `-h` or `--host`, as a word before
        a port (`nc -z db 5432`), and as the whole value of a variable whose name says
        that it holds one (`DB_HOST`, `REDIS_SERVER`).
paths   a mount's target, where a path begins and the name ends there.
self    in commands beside a service, `localhost:PORT` and `127.0.0.1:PORT` with a port
        the service listens on, since a container has its own localhost; in a URL, its
        scheme may say the port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from stackyard.engine.process.spec import SELF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HOST_WORDS: Final = frozenset(
    [
        "ADDR",
        "ADDRESS",
        "BACKEND",
        "BROKER",
        "BROKERS",
        "ENDPOINT",
        "ENDPOINTS",
        "HOST",
        "HOSTNAME",
        "HOSTS",
        "MASTER",
        "NODE",
        "NODES",
        "PEER",
        "PEERS",
        "PRIMARY",
        "PROXY",
        "REPLICA",
        "SEEDS",
        "SERVER",
        "SERVERS",
        "SERVICE",
        "UPSTREAM",
        "URI",
        "URL",
    ]
)
_HOST_OPTIONS: Final = r"-h|--host|--hostname|--server|--address|--addr|-H"
_LOCAL: Final = r"localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]"
_PORTS: Final = {"http": 80, "https": 443}
_PATH_BEFORE: Final = r"(?:(?<=^)|(?<=[\s=:,;\"'(<>|&]))"
_PATH_AFTER: Final = r"(?=$|[/\s:,;\"')<>|&])"


@dataclass(frozen=True)
class Change:
    """One thing that was translated, for `yard config --native`."""

    what: str
    was: str
    became: str
    reason: str


@dataclass
class Substitution:
    """Translates the texts of one service.

    Attributes:
        hosts: names that reach another service -> what stands for its address.
        paths: container paths of mounts -> paths or directories on the host.
        listens: ports of the service itself.
        changes: what was translated so far.
    """

    hosts: Mapping[str, str]
    paths: Mapping[str, str]
    listens: tuple[int, ...] = ()
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the patterns."""
        self._in_text = _host_pattern(tuple(self.hosts))
        self._as_argument = _argument_pattern(tuple(self.hosts))
        self._path = _path_pattern(self.paths)
        self._local = _local_pattern(self.listens)
        self._local_url = _local_url_pattern(self.listens)

    def variable(self, name: str, value: str) -> str:
        """Return a variable's value."""
        result = self._text(value)
        words = {part.strip() for part in value.split(",")}
        if words <= self.hosts.keys() and holds_host(name):
            result = ",".join(self.hosts[part.strip()] for part in value.split(","))
        self._note(f"environment.{name}", value, result)
        return result

    def variables(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return variables."""
        return {name: self.variable(name, value) for name, value in values.items()}

    def arguments(
        self, what: str, argv: Iterable[str], *, beside: bool = False
    ) -> tuple[str, ...]:
        """Return a command line; `beside` says it runs beside the service."""
        result: list[str] = []
        before = ""
        words = list(argv)
        for index, word in enumerate(words):
            following = words[index + 1] if index + 1 < len(words) else ""
            result.append(self._argument(word, before, following, beside=beside))
            before = word
        for old, new in zip(words, result, strict=True):
            self._note(what, old, new)
        return tuple(result)

    def directory(self, path: str) -> str:
        """Return a directory as it is on the host, if a mount holds it."""
        return self._path.sub(self._at_path, path) if self._path else path

    def _argument(self, word: str, before: str, following: str, *, beside: bool) -> str:
        if word in self.hosts and (
            re.fullmatch(_HOST_OPTIONS, before) or following.isdigit()
        ):
            return self.hosts[word]
        if beside and self.listens and re.fullmatch(_LOCAL, word):
            port = int(following) if following.isdigit() else None
            if port in self.listens or re.fullmatch(_HOST_OPTIONS, before):
                return SELF
        text = self._text(word)
        if self._as_argument:
            text = self._as_argument.sub(self._at_argument, text)
        if beside and self._local:
            text = self._local.sub(lambda match: match[1] + SELF + match[2], text)
        if beside and self._local_url:
            text = self._local_url.sub(lambda match: match[1] + SELF, text)
        return text

    def _text(self, text: str) -> str:
        if self._in_text:
            text = self._in_text.sub(self._at_host, text)
        if self._path:
            text = self._path.sub(self._at_path, text)
        return text

    def _at_host(self, match: re.Match[str]) -> str:
        return self.hosts[match[0]]

    def _at_argument(self, match: re.Match[str]) -> str:
        return match["before"] + self.hosts[match["name"]]

    def _at_path(self, match: re.Match[str]) -> str:
        return self.paths[match[0]]

    def _note(self, what: str, old: str, new: str) -> None:
        if old != new:
            self.changes.append(Change(what, old, new, self._reason(old)))

    def _reason(self, old: str) -> str:
        for name in self.hosts:
            if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", old):
                return f"{name} is a service of the project"
        for path in self.paths:
            if path in old:
                return f"{path} is mounted"
        return "localhost is the service itself"


def holds_host(name: str) -> bool:
    """Return whether a variable's name says that it holds a host."""
    words = re.split(r"[_\W]+", name.upper())
    return any(word in _HOST_WORDS or word.endswith("HOST") for word in words)


def _alternatives(names: Iterable[str]) -> str:
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(re.escape(name) for name in ordered)


# Cached, since most services of a project reach the same others.
@lru_cache(maxsize=64)
def _host_pattern(hosts: tuple[str, ...]) -> re.Pattern[str] | None:
    """Match a name where any text says it is a host: in a URL, or before a port."""
    if not hosts:
        return None
    after_name = r"(?=$|[:/?#,;\s\"'])"
    before_port = r"(?=:\d+(?:$|[/?#,;\s\"']))"
    name = _alternatives(hosts)
    return re.compile(
        rf"(?:(?<=://)|(?<=@))(?:{name}){after_name}|(?<![\w.@/-])(?:{name}){before_port}"
    )


@lru_cache(maxsize=64)
def _argument_pattern(hosts: tuple[str, ...]) -> re.Pattern[str] | None:
    """Match a name in a shell line: after `host=` or an option, or before a port."""
    if not hosts:
        return None
    name = rf"(?P<name>{_alternatives(hosts)})"
    option = rf"(?P<before>\bhost=|(?:(?<=\s)|^)(?:{_HOST_OPTIONS})[=\s]\s*)"
    return re.compile(rf"{option}{name}(?![\w.-])")


def _path_pattern(paths: Mapping[str, str]) -> re.Pattern[str] | None:
    if not paths:
        return None
    return re.compile(f"{_PATH_BEFORE}(?:{_alternatives(paths)}){_PATH_AFTER}")


def _local_pattern(listens: tuple[int, ...]) -> re.Pattern[str] | None:
    if not listens:
        return None
    ports = "|".join(str(port) for port in listens)
    return re.compile(rf"(^|[\s/@=\"'])(?:{_LOCAL})(:(?:{ports}))(?!\d)")


def _local_url_pattern(listens: tuple[int, ...]) -> re.Pattern[str] | None:
    """Match a URL of this host that leaves out a port the service listens on."""
    schemes = [name for name, port in _PORTS.items() if port in listens]
    if not schemes:
        return None
    end = r"(?=$|[/?#\s\"'])"
    return re.compile(rf"(\b(?:{'|'.join(schemes)})://)(?:{_LOCAL}){end}")

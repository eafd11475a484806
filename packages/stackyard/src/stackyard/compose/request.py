"""What a command was asked for -> what is to be loaded: files, name, environment.

Sources of a setting, the stronger first: the command line, the process environment, an
env file (`--env-file`, or `.env` in the working and the project directory).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from stackyard.compose.errors import InvalidValueError, LoadError
from stackyard.compose.files.discovery import find_files
from stackyard.compose.files.sources import STDIN
from stackyard.compose.grammar import dotenv
from stackyard.compose.grammar.template import substitute
from stackyard.compose.load.context import LoadOptions
from stackyard.compose.load.paths import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.files.sources import Sources
    from stackyard.compose.files.yaml_reader import Document

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_NOT_IN_NAME: Final = re.compile(r"[^a-z0-9_-]")
# Most files have no name; parsing them a second time to find out would be a waste.
_MAY_HAVE_NAME: Final = re.compile(
    r"^[\s{]*[\"']?name[\"']?\s*:|^\s*[{&!]", re.MULTILINE
)
_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://|git@|github\.com/")
# How Python holds a byte of the system that is not UTF-8.
_STRAY_BYTE: Final = re.compile("[\udc80-\udcff]")
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"", "0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options that every command shares.

    Attributes:
        files: Compose files as given by `-f`, "-" for standard input.
        name: project name as given by `-p`.
        directory: project directory as given by `--project-directory`.
        env_files: as given by `--env-file`.
        profiles: as given by `--profile`.
        environment: of the process.
        working_directory: of the process, absolute.
    """

    environment: Mapping[str, str]
    working_directory: str
    files: tuple[str, ...] = ()
    name: str | None = None
    directory: str | None = None
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to load.

    Attributes:
        files: absolute paths of Compose files, or "-", each merged over those before.
        name: the project's name.
        directory: the absolute project directory.
        environment: variables for interpolation.
        env_files: the files they came from besides the process environment.
    """

    files: tuple[str, ...]
    name: str
    directory: str
    environment: Mapping[str, str]
    env_files: tuple[str, ...] = ()
    options: LoadOptions = LoadOptions()
    warnings: tuple[str, ...] = field(default=())


def request(
    settings: Settings, sources: Sources, options: LoadOptions | None = None
) -> Request:
    """Return what the settings ask for.

    Raises:
        LoadError: no file was found, an env file is wrong, or the name is.
    """
    return _Resolver(settings, sources).resolve(options or LoadOptions())


def normalized_name(text: str) -> str:
    """Return the valid project name nearest to `text`; it may be empty."""
    return _NOT_IN_NAME.sub("", text.lower()).lstrip("_-")


class _Resolver:
    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._settings = settings
        self._sources = sources
        self._environment = dict(settings.environment)
        self._environment.setdefault("PWD", settings.working_directory)
        self._env_files: dict[str, None] = {}
        self._warnings: tuple[str, ...] = ()

    def resolve(self, options: LoadOptions) -> Request:
        settings = self._settings
        directory = settings.directory
        if directory is not None:
            directory = self._absolute(directory)
        self._read_env_files(directory or self._directory_of(settings.files))
        files = self._files(directory)
        directory = directory or self._directory_of(files)
        self._read_env_files(directory)
        name = self._name(files, directory, options)
        self._environment["COMPOSE_PROJECT_NAME"] = name
        profiles = settings.profiles or _listed(self._environment, "COMPOSE_PROFILES")
        return Request(
            files=files,
            name=name,
            directory=directory,
            environment=_readable(self._environment),
            env_files=tuple(self._env_files),
            options=replace(options, profiles=profiles),
            warnings=self._warnings,
        )

    def _absolute(self, path: str) -> str:
        return join(self._settings.working_directory, path)

    def _directory_of(self, files: tuple[str, ...]) -> str:
        for file in files:
            if file != STDIN:
                return posixpath.dirname(self._absolute(file))
        return self._settings.working_directory

    def _files(self, directory: str | None) -> tuple[str, ...]:
        files = self._settings.files
        if not files and "COMPOSE_FILE" in self._environment:
            separator = self._environment.get("COMPOSE_PATH_SEPARATOR") or ":"
            files = tuple(self._environment["COMPOSE_FILE"].split(separator))
        if files:
            return tuple(self._file(file) for file in files)
        start = directory or self._settings.working_directory
        found = find_files(start)
        if found is None:
            raise LoadError.of(
                "no configuration file provided: not found",
                hint=f"{start} and its parents have no compose.yaml; name one with -f",
            )
        self._warnings += found.warnings
        return found.files

    def _file(self, file: str) -> str:
        if file == STDIN:
            return file
        if _REMOTE.match(file):
            raise LoadError.of(
                f"{file}: remote Compose files are not supported",
                hint="clone or download it, and name the local file",
            )
        return self._absolute(file)

    def _read_env_files(self, directory: str) -> None:
        """Add the variables of the env files; what is set already stays."""
        values: dict[str, str] = {}

        def lookup(name: str) -> str | None:
            value = self._environment.get(name)
            return values.get(name) if value is None else value

        for path in self._env_file_paths(directory):
            self._env_files[path] = None
            try:
                text = self._sources.text(path)
                values.update(dotenv.parse(text, lookup, skip_numbered=True))
            except InvalidValueError as error:
                message = f"failed to read {path}: {error.message}"
                raise LoadError.of(message, hint=error.hint) from error
        for key, value in values.items():
            self._environment.setdefault(key, value)

    def _env_file_paths(self, directory: str) -> list[str]:
        given = self._settings.env_files
        if not given:
            given = _listed(self._environment, "COMPOSE_ENV_FILES")
        if given:
            return [self._absolute(path) for path in given]
        disabled = self._environment.get("COMPOSE_DISABLE_ENV_FILE", "")
        if disabled in _TRUE:
            return []
        if disabled not in _FALSE:
            raise LoadError.of(
                f"COMPOSE_DISABLE_ENV_FILE: {disabled!r} is not a boolean",
                hint="set it to true or false",
            )
        path = posixpath.join(directory, ".env")
        return [path] if posixpath.isfile(path) else []

    def _name(
        self, files: tuple[str, ...], directory: str, options: LoadOptions
    ) -> str:
        given = self._settings.name or self._environment.get("COMPOSE_PROJECT_NAME")
        if given:
            if not _NAME.match(given):
                raise _invalid_name(given)
            return given
        name = written = self._name_in_files(files, options)
        if options.normalize:
            name = normalized_name(name)
        if not written:
            name = normalized_name(posixpath.basename(directory))
        if not name:
            raise LoadError.of(
                "project name must not be empty",
                hint=f"{directory} has no usable name; add name: or use -p NAME",
            )
        return name

    def _name_in_files(self, files: tuple[str, ...], options: LoadOptions) -> str:
        name = ""
        for file in files:
            if _MAY_HAVE_NAME.search(self._sources.text(file)):
                name = _name_of(self._sources.documents(file)) or name
        if options.interpolate and "$" in name:
            try:
                return substitute(name, self._environment.get)
            except InvalidValueError as error:
                raise LoadError.of(error.message, ("name",), hint=error.hint) from error
        return name


def _name_of(documents: list[Document]) -> str:
    name = ""
    for document in documents:
        value = document.value
        found = value.get("name") if isinstance(value, dict) else None
        if isinstance(found, str) and found:
            name = found
    return name


def _readable(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with U+FFFD for every byte that is not UTF-8.

    What is checked, printed and hashed is text, and JSON shows such a byte so too.
    """
    return {
        _STRAY_BYTE.sub("\ufffd", key): _STRAY_BYTE.sub("\ufffd", value)
        for key, value in environment.items()
    }


def _listed(environment: Mapping[str, str], key: str) -> tuple[str, ...]:
    items = (item.strip() for item in environment.get(key, "").split(","))
    return tuple(item for item in items if item)


def _invalid_name(name: str) -> LoadError:
    near = normalized_name(name)
    return LoadError.of(
        f"invalid project name {name!r}: must consist only of lowercase alphanumeric "
        "characters, hyphens, and underscores as well as start with a letter or number",
        hint=f"{near!r} would do" if near else None,
    )

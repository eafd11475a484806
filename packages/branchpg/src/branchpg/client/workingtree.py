"""A working tree on a project: its current branch, its `.env`, its git branches.

The connection string of a working tree names an alias, `database@HEAD`, which leads to
the branch that is checked out: it never changes. Who is connected by it when another
branch is checked out is disconnected, and comes back there.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.client.place import LINK, Link
from branchpg.environment import environment
from branchpg.errors import BranchpgError
from branchpg.store.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.client.answers import BranchInfo
    from branchpg.client.project import Project

__all__ = [
    "Git",
    "branch_for",
    "checked_out",
    "database_branch",
    "hook_script",
    "tracked_warning",
    "with_variable",
    "write_env",
]

ENV: Final = ".env"
VARIABLE: Final = "DATABASE_URL"
_ALIAS: Final = "HEAD"
_UNFIT: Final = re.compile(r"[\s@^\"'\\]")
_MARK: Final = "# branchpg: every git branch has its database branch"
_TRUNKS: Final = frozenset({"main", "master"})


def checked_out(project: Project, directory: str, branch: BranchInfo) -> Link:
    """Make a branch the current one of a working tree; its connections move there.

    Writes `.branchpg`, and DATABASE_URL into `.env`.
    """
    alias, root = _alias_of(directory), project.directory
    project.api.set_alias(alias, branch.id)
    link = Link(os.path.join(directory, LINK), root, branch.name, alias)
    replace_file(link.path, link.text().encode(), mode=0o644)
    write_env(directory, project.target(alias).url(project.password))
    return link


def write_env(directory: str, url: str) -> None:
    """Set DATABASE_URL in a directory's `.env`; other lines stay as they are."""
    path = os.path.join(directory, ENV)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    changed = with_variable(text, VARIABLE, url)
    if changed != text:
        replace_file(path, changed.encode())
    os.chmod(path, 0o600)  # it holds a password now


def with_variable(text: str, name: str, value: str) -> str:
    """Return the text of an env file with a variable set, on its line or a new one."""
    line = f'{name}="{value}"'
    pattern = re.compile(rf"^(\s*(?:export\s+)?){re.escape(name)}\s*=[^\r\n]*", re.M)
    if pattern.search(text):
        return pattern.sub(lambda match: f"{match[1]}{line}", text)
    ending = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{ending}{line}\n"


class Git:
    """What git says of a working tree."""

    def __init__(self, directory: str, variables: Mapping[str, str]) -> None:
        # A hook's variables name the repository that it is of, which is this one.
        self._variables = variables
        self._directory = directory
        self.root = self._told("rev-parse", "--show-toplevel")

    def current(self) -> str | None:
        """Return the branch that is checked out; None for a bare commit."""
        done = self._run("symbolic-ref", "--short", "--quiet", "HEAD")
        return done.stdout.decode().strip() or None

    def branches(self) -> set[str]:
        """Return the names of all branches, those of remotes without their name."""
        told = self._told(
            "for-each-ref",
            "--format=%(refname:lstrip=2)",
            "refs/heads",
        )
        remote = self._told(
            "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes"
        )
        return {*told.split("\n"), *remote.split("\n")} - {"", "HEAD"}

    def merged(self) -> set[str]:
        """Return the branches that are merged into the trunk, or the current one."""
        local = self._told("branch", "--format=%(refname:short)").split("\n")
        trunk = next((name for name in ("main", "master") if name in local), "HEAD")
        told = self._told("branch", "--format=%(refname:short)", "--merged", trunk)
        return {*told.split("\n")} - {"", trunk, self.current()} - _TRUNKS

    def tracks(self, name: str) -> bool:
        """Return whether a file of the directory is in git's index."""
        return bool(self._run("ls-files", "--", name).stdout)

    def install_hook(self) -> str:
        """Add to the post-checkout hook what follows; return the hook's file."""
        hooks = os.path.join(self.root, self._told("rev-parse", "--git-path", "hooks"))
        os.makedirs(hooks, exist_ok=True)
        path = os.path.join(hooks, "post-checkout")
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
        replace_file(path, hook_script(text).encode(), mode=0o755)
        os.chmod(path, 0o755)
        self._exclude()
        return path

    def uninstall_hook(self) -> bool:
        """Take it out of the hook again; return whether it was there."""
        hooks = os.path.join(self.root, self._told("rev-parse", "--git-path", "hooks"))
        path = os.path.join(hooks, "post-checkout")
        if not os.path.exists(path):
            return False
        with open(path, encoding="utf-8") as file:
            text = file.read()
        rest = _without_ours(text)
        if rest == text:
            return False
        if rest.strip() in {"", "#!/bin/sh"}:
            os.unlink(path)
        else:
            replace_file(path, rest.encode(), mode=0o755)
        return True

    def _exclude(self) -> None:
        """Let git not see `.branchpg`: it is of one working tree."""
        path = self._told("rev-parse", "--git-path", "info/exclude")
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
        missing = [name for name in (LINK, ENV) if f"/{name}" not in text.splitlines()]
        if missing:
            lines = "".join(f"/{name}\n" for name in missing)
            gap = "" if not text or text.endswith("\n") else "\n"
            replace_file(path, f"{text}{gap}{lines}".encode(), mode=0o644)

    def _told(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()
            raise BranchpgError(
                f"git {arguments[0]}: {words.removeprefix('fatal: ')}",
                hint="run this in a working tree of git",
            )
        return done.stdout.decode().strip()

    def _run(self, *arguments: str) -> spawn.Done:
        try:
            return spawn.result(
                ("git", *arguments),
                environment=self._variables,
                directory=self._directory,
            )
        except FileNotFoundError as error:
            raise BranchpgError("there is no git", hint="install git") from error


def tracked_warning(directory: str) -> str | None:
    """Return what to say where git would commit `.env`, which holds a password."""
    try:
        git = Git(directory, environment())
    except BranchpgError:
        return None
    if not git.tracks(ENV):
        return None
    return f"warning: git tracks {ENV}, which holds a password: git rm --cached {ENV}"


def database_branch(git_branch: str) -> str:
    """Return the name that the branch of a database has for one of git."""
    return _UNFIT.sub("-", git_branch).lstrip("-") or "branch"


def branch_for(git_branch: str, branches: list[BranchInfo]) -> BranchInfo | None:
    """Return the branch of the database for one of git: of its name, if there is one.

    For git's trunk it is else the default branch.
    """
    name = database_branch(git_branch)
    for branch in branches:
        if branch.name == name:
            return branch
    if git_branch in _TRUNKS:
        return next((branch for branch in branches if branch.default), None)
    return None


def hook_script(text: str) -> str:
    """Return the text of a hook with ours in it, once."""
    text = _without_ours(text) or "#!/bin/sh\n"
    ending = "" if text.endswith("\n") else "\n"
    python = shlex.quote(sys.executable)
    command = f'{python} -P -m branchpg git follow "$1" "$2"'
    return f'{text}{ending}{_MARK}\n[ "$3" != 1 ] || {command} || true {_MARK}\n'


def _without_ours(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if _MARK not in line)


def _alias_of(directory: str) -> str:
    """Return the alias of a working tree: one that was added has its own."""
    if os.path.isfile(os.path.join(directory, ".git")):
        return f"{_ALIAS}-{database_branch(os.path.basename(directory))}"
    return _ALIAS

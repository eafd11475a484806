"""The command line of branchpg, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

COMMAND = (sys.executable, "-m", "branchpg")


class Cli:
    """The command line in a directory."""

    def __init__(self, directory, **variables):
        self.directory = Path(directory)
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "BRANCHPG_PROJECT", "GIT_"))
        } | variables

    def __call__(self, *arguments, code=0, **settings):
        """Run it, and return what it did; it must end with `code`."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            **settings,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def out(self, *arguments):
        return self(*arguments).stdout.strip()

    def error(self, *arguments, code=1):
        return self(*arguments, code=code).stderr

    def json(self, *arguments):
        return msgspec.json.decode(self(*arguments, "-o", "json").stdout)

    def sql(self, branch, statement):
        return self.out("psql", branch, "--", "-qXAtc", statement)

    def names(self):
        return [one["name"] for one in self.json("branch", "list")]

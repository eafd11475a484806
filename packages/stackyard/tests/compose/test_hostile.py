"""Small files that ask for much: each ends soon, in little memory, in a clear error.

Each is loaded by a process of its own, which is given 500 MB of address space beyond
what Python itself takes, and few seconds of a processor. Whoever passes either dies.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support import Workspace

MEMORY_BYTES = 600 * 1024 * 1024
PROCESSOR_SECONDS = 15


def bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))


def config(workspace: Workspace, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-P", "-m", "stackyard", "config", "-q"],
        cwd=workspace.root,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
        preexec_fn=bounded,
    )


def refused(workspace: Workspace, **environment: str) -> str:
    done = config(workspace, **environment)
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert done.stderr.startswith(("error: ", "1001 problems:")), done.stderr[:500]
    return done.stderr


def accepted(workspace: Workspace, **environment: str) -> None:
    done = config(workspace, **environment)
    assert done.returncode == 0, done.stderr[-2000:]


IMAGE = "services: {web: {image: nginx}}\n"


def service(attribute: str) -> str:
    return f"services:\n  web:\n    image: nginx\n    {attribute}\n"


class TestYaml:
    def test_aliases_of_aliases(self, workspace: Workspace) -> None:
        lines = ["x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
        for level in range(1, 12):
            items = ", ".join([f"*a{level - 1}"] * 9)
            lines.append(f"x-{level}: &a{level} [{items}]")
        workspace.write("compose.yaml", "\n".join(lines) + "\n" + IMAGE)

        assert "more than 1,000,000 values" in refused(workspace)

    def test_hundreds_of_thousands_of_values(self, workspace: Workspace) -> None:
        """With a mistake, so that the place of every value is looked up too."""
        text = f"x-many: [{'a,' * 300_000}]\n" + service("imagee: nginx")
        workspace.write("compose.yaml", text)

        assert "did you mean image?" in refused(workspace)

    def test_aliases_that_nest(self, workspace: Workspace) -> None:
        """Each line is shallow; what it stands for is 2,000 levels deep."""
        lines = [f"x-0: &a0 {'[' * 90}{']' * 90}"]
        for level in range(1, 25):
            inner = f"{'[' * 90}*a{level - 1}{']' * 90}"
            lines.append(f"x-{level}: &a{level} {inner}")
        workspace.write("compose.yaml", "\n".join(lines) + "\n" + IMAGE)

        assert "nested deeper than 100 levels" in refused(workspace)

    def test_an_alias_inside_its_own_anchor(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", f"x-a: &a [*a]\n{IMAGE}")

        assert "alias *a stands inside its own anchor" in refused(workspace)

    @pytest.mark.parametrize("opening", ["[", "{a: ", "[{a: ", "- "])
    def test_ten_thousand_levels(self, workspace: Workspace, opening: str) -> None:
        workspace.write("compose.yaml", f"x-deep:\n  {opening * 10_000}")

        assert "nested deeper than 100 levels" in refused(workspace)

    def test_a_hundred_thousand_keys(self, workspace: Workspace) -> None:
        keys = "\n".join(f"      key{number}: value" for number in range(100_000))
        workspace.write("compose.yaml", service(f"labels:\n{keys}"))

        accepted(workspace)

    def test_a_hundred_thousand_mistakes(self, workspace: Workspace) -> None:
        keys = "\n    ".join(f"key{number}: value" for number in range(100_000))
        workspace.write("compose.yaml", service(keys))

        assert "more than 1,000 problems; these are the first" in refused(workspace)

    def test_a_scalar_of_ten_megabytes(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", service(f"labels: {{a: {'x' * 10_000_000}}}"))

        accepted(workspace)

    def test_an_unknown_attribute_of_a_megabyte(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", service(f"? {'x' * 1_000_000}\n    : 1"))

        assert "unknown attribute" in refused(workspace)

    def test_a_file_above_the_limit(self, workspace: Workspace) -> None:
        path = workspace.write("compose.yaml", "")
        os.truncate(path, 33 * 1024 * 1024)

        assert "larger than the limit of 32 MiB" in refused(workspace)


class TestVariables:
    def test_defaults_inside_defaults(self, workspace: Workspace) -> None:
        text = "${A:-" * 10_000 + "}" * 10_000
        workspace.write("compose.yaml", f"services: {{web: {{image: '{text}'}}}}")

        assert "nested more than 100 deep" in refused(workspace)

    def test_a_long_value_many_times_in_one(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", service(f"command: '{'$A' * 5000}'"))
        workspace.write(".env", f"A={'x' * 1_000_000}\n")

        assert "longer than 8 MiB once variables are expanded" in refused(workspace)

    def test_a_long_value_in_many(self, workspace: Workspace) -> None:
        labels = ", ".join(f"key{number}: $A" for number in range(5000))
        workspace.write("compose.yaml", service(f"labels: {{{labels}}}"))
        workspace.write(".env", f"A={'x' * 1_000_000}\n")

        assert "more than 64 MiB of text" in refused(workspace)

    def test_variables_that_double(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", IMAGE)
        doubled = "".join(f"A{n}=$A{n - 1}$A{n - 1}\n" for n in range(1, 60))
        workspace.write(".env", f"A0={'x' * 1000}\n{doubled}")

        assert "once variables are expanded" in refused(workspace)

    def test_variables_that_double_in_a_service(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", service("env_file: web.env"))
        doubled = "".join(f"A{n}=$A{n - 1}$A{n - 1}\n" for n in range(1, 60))
        workspace.write("web.env", f"A0={'x' * 1000}\n{doubled}")

        assert "once variables are expanded" in refused(workspace)


class TestFiles:
    def test_services_that_extend_each_other(self, workspace: Workspace) -> None:
        workspace.write(
            "compose.yaml",
            """\
            services:
              a: {extends: b}
              b: {extends: {file: ./link.yaml, service: c}}
            """,
        )
        (workspace.root / "link.yaml").symlink_to("other.yaml")
        workspace.write(
            "other.yaml",
            "services: {c: {extends: {file: link.yaml, service: c}}}",
        )

        assert "circular reference" in refused(workspace)

    def test_files_that_include_each_other(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", "include: [other.yaml]")
        workspace.write("other.yaml", "include: [compose.yaml]")

        assert "include cycle detected" in refused(workspace)

    def test_a_file_that_includes_itself_by_a_link(self, workspace: Workspace) -> None:
        """The link makes every path a new one; the chain has a limit."""
        workspace.write("compose.yaml", "include: [again/compose.yaml]")
        (workspace.root / "again").symlink_to(".")

        message = refused(workspace)

        assert "more than 100 files include another" in message or "levels" in message

    def test_two_files_twice_each_over_forty_levels(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", "include: [1.yaml, ./1.yaml]")
        for level in range(1, 40):
            text = f"include: [{level + 1}.yaml, ./{level + 1}.yaml]"
            workspace.write(f"{level}.yaml", text)
        workspace.write("40.yaml", IMAGE)

        assert "more than 10,000 files included" in refused(workspace)

    def test_thousands_that_extend_a_large_service(self, workspace: Workspace) -> None:
        labels = ", ".join(f"key{number}: value" for number in range(10_000))
        services = "".join(f"  s{n}: {{extends: base}}\n" for n in range(5000))
        text = f"services:\n  base: {{image: nginx, labels: {{{labels}}}}}\n{services}"
        workspace.write("compose.yaml", text)

        assert "more than 1,000,000 values" in refused(workspace)

    def test_thousands_that_share_a_large_env_file(self, workspace: Workspace) -> None:
        services = "".join(
            f"  s{n}: {{image: nginx, env_file: large.env}}\n" for n in range(5000)
        )
        workspace.write("compose.yaml", f"services:\n{services}")
        workspace.write("large.env", "".join(f"K{n}=value\n" for n in range(10_000)))

        assert "more than" in refused(workspace)

    @pytest.mark.parametrize("kind", ["fifo", "directory", "device"])
    @pytest.mark.parametrize(
        "text",
        [
            "include: [odd]",
            "services: {web: {extends: {file: odd, service: web}}}",
            "services: {web: {image: nginx, env_file: odd}}",
            "services: {web: {image: nginx, label_file: odd}}",
            "include: [{path: x.yaml, env_file: odd}]",
        ],
    )
    def test_what_is_not_a_file(
        self, workspace: Workspace, text: str, kind: str
    ) -> None:
        odd = workspace.root / "odd"
        if kind == "fifo":
            os.mkfifo(odd)
        elif kind == "directory":
            odd.mkdir()
        else:
            odd.symlink_to("/dev/zero")
        workspace.write("x.yaml", IMAGE)
        workspace.write("compose.yaml", text)

        words = {"fifo": "a FIFO", "directory": "a directory", "device": "a device"}
        assert words[kind] in refused(workspace)

    def test_a_file_that_cannot_be_read_though_opened(
        self, workspace: Workspace
    ) -> None:
        """The memory of a process is a regular file, whose first page is not there."""
        workspace.write("compose.yaml", service("env_file: /proc/self/mem"))

        assert "/proc/self/mem: cannot be read: " in refused(workspace)


class TestPorts:
    def test_every_port(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", service('ports: ["1-65535:1-65535"]'))

        accepted(workspace)

    def test_every_port_of_many_addresses(self, workspace: Workspace) -> None:
        ports = ", ".join(f'"127.0.0.{n}:1-65535:1-65535"' for n in range(1, 200))
        workspace.write("compose.yaml", service(f"ports: [{ports}]"))

        assert "more than 131,072 ports in ranges" in refused(workspace)

    def test_every_port_of_many_services(self, workspace: Workspace) -> None:
        services = "".join(
            f"  s{n}: {{image: x, ports: ['1-65535:1-65535']}}\n" for n in range(20)
        )
        workspace.write("compose.yaml", f"services:\n{services}")

        assert "more than 131,072 ports in ranges" in refused(workspace)


def test_a_chain_of_three_thousand_dependencies(workspace: Workspace) -> None:
    links = "".join(
        f"  s{n}: {{image: x, depends_on: [s{n + 1}]}}\n" for n in range(3000)
    )
    workspace.write("compose.yaml", f"services:\n{links}  s3000: {{image: x}}\n")

    accepted(workspace)

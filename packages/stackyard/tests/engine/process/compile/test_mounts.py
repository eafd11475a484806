"""Mounts: what container paths become, and that nothing gets out of its place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process import mountspace
from stackyard.engine.process.compile.mounts import NewFile, write_files
from stackyard.engine.process.spec import SCRATCH, Account

if TYPE_CHECKING:
    from compile_support import Compiler


def paths(compiler: Compiler, attributes: str, more: str = "") -> dict[str, str]:
    text = "services:\n  web:\n    image: own/web\n    command: run\n    "
    text += attributes.strip().replace("\n", "\n    ") + "\n" + more
    spec = compiler.native(text).desired.services["web"]
    return {
        mount.target: compiler.shown(f"{mount.type} {mount.source}")
        for mount in spec.mounts
    }


def test_kinds(compiler: Compiler):
    found = paths(
        compiler,
        """
volumes:
  - data:/data
  - ./src:/src/
  - type: tmpfs
    target: /tmp/fast
  - type: volume
    source: data
    target: /part
    volume: {subpath: a/../b}
tmpfs: [/run]
""",
        "volumes: {data: }",
    )
    assert found["/data"] == "volume /state/volumes/demo_data/_data"
    assert found["/src"] == "bind /demo/src"
    assert found["/part"] == "volume /state/volumes/demo_data/_data/b"
    assert found["/tmp/fast"].startswith("tmpfs <scratch>/tmpfs-")
    assert found["/run"].startswith("tmpfs <scratch>/tmpfs-")
    assert len(set(found.values())) == 5


def test_an_anonymous_volume_stays_with_its_service(compiler: Compiler):
    text = "services: {web: {image: own/web, command: x, volumes: [/data]}}"
    first, second = compiler.native(text).desired, compiler.native(text).desired
    assert first == second
    (mount,) = first.services["web"].mounts
    assert (mount.type, mount.target) == ("volume", "/data")
    assert [volume.name for volume in first.volumes] == [mount.volume]


def test_a_variable_and_a_command_follow_the_mounts(compiler: Compiler):
    spec = compiler.service(
        """
command: run --dir /data/x
environment: {DIR: /data, CACHE: /cache/y}
working_dir: /data/sub
volumes: [./d:/data]
tmpfs: [/cache]
"""
    )
    assert compiler.shown(" ".join(spec.argv)) == "run --dir /demo/d/x"
    assert compiler.shown(spec.environment["DIR"]) == "/demo/d"
    assert spec.environment["CACHE"].startswith(f"{SCRATCH}/tmpfs-")
    assert compiler.shown(spec.directory) == "/demo/d/sub"
    # The engine fills in tokens, and then it is JSON without NUL.
    mounted = json.loads(spec.environment["YARD_MOUNTS"].replace("\0", "|"))
    assert mounted["/cache"].startswith("|scratch|/tmpfs-")


@pytest.mark.parametrize("subpath", ["..", "../x", "a/../../x", "/etc"])
def test_a_subpath_stays_in_its_volume(compiler: Compiler, subpath: str):
    told = compiler.refused(
        "command: run\nvolumes:\n  - {type: volume, source: data, target: /d, "
        f"volume: {{subpath: {subpath}}}}}",
        "volumes: {data: }",
    )
    assert told == (
        f"service web: volume.subpath {subpath!r} leads out of the volume\n"
        "  hint: name a directory inside it"
    )


def test_a_kind_that_needs_an_engine(compiler: Compiler):
    told = compiler.refused(
        "command: run\nvolumes: [{type: image, source: x, target: /x}]"
    )
    assert told.startswith("service web: a mount of type image is not possible")
    assert "hint: use a volume or a bind mount" in told


@pytest.mark.parametrize("name", ["../../out", "/etc", "..", "a/b"])
def test_a_hostile_volume_stays_among_the_volumes(compiler: Compiler, name: str):
    found = paths(
        compiler, "volumes: [vol:/v]", f"volumes: {{vol: {{name: '{name}'}}}}"
    )
    path = found["/v"].removeprefix("volume ")
    assert path == os.path.normpath(path)
    assert path.startswith("/state/volumes/_")


@pytest.mark.parametrize("possible", [True, False])
def test_read_only_mounts_are_enforced_where_that_is_possible(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch, possible: bool
):
    monkeypatch.setattr(mountspace, "is_possible", lambda: possible)
    native = compiler.native(
        "services: {web: {image: own/web, command: run, volumes: ['./d:/d:ro']}}"
    )
    assert native.desired.services["web"].seals is possible
    assert any("not enforced" in text for text in native.warnings) is not possible


def test_secrets_and_configs(compiler: Compiler):
    compiler.workspace.write("secret.txt", "one")
    text = """
services:
  web:
    image: own/web
    command: run /run/secrets/file
    environment: {KEY_FILE: /run/secrets/named, CONF: /etc/x}
    secrets: [file, {source: var, target: named}]
    configs: [{source: text, target: ../../etc/x}, var]
secrets: {file: {file: ./secret.txt}, var: {environment: TOKEN}}
configs: {text: {content: hello}, var: {environment: TOKEN}}
"""
    native = compiler.native(text, TOKEN="t")
    spec = native.desired.services["web"]
    found = {item.target: Path(item.source) for item in spec.mounts}
    assert found.keys() == {"/run/secrets/file", "/run/secrets/named", "/etc/x", "/var"}
    assert found["/run/secrets/file"] == compiler.root / "demo" / "secret.txt"
    assert spec.environment["KEY_FILE"] == str(found["/run/secrets/named"])
    assert spec.environment["CONF"] == str(found["/etc/x"])
    made = {found[name] for name in ("/run/secrets/named", "/etc/x", "/var")}
    assert {file.path for file in native.files} == made
    assert {path.parent for path in made} == {compiler.state.path / "files"}
    assert all(item.read_only and not item.create for item in spec.mounts)


def test_the_content_counts(compiler: Compiler):
    text = """
services:
  web: {image: own/web, command: run, secrets: [key]}
  db: {image: own/db, command: run}
secrets: {key: {file: ./key}}
"""
    hashes = []
    for content in ("one", "two", "two"):
        compiler.workspace.write("key", content)
        spec = compiler.native(text).desired.services["web"]
        hashes.append((spec.config_hash, spec.content_hash))
    assert hashes[0] != hashes[1] == hashes[2]
    assert hashes[0][0] == hashes[1][0]
    assert compiler.native(text).desired.services["db"].content_hash == ""


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (
            "{file: ./gone}",
            (
                "service web: secret key: cannot read /demo/gone: no such file or "
                "directory\n  hint: create the file"
            ),
        ),
        (
            "{environment: GONE}",
            (
                "service web: secret key: the variable GONE is not set\n"
                "  hint: set GONE in the environment or in .env"
            ),
        ),
        (
            "{external: true}",
            (
                "service web: secret key: an external one cannot be had without a "
                "container engine\n  hint: give it a file or a variable"
            ),
        ),
    ],
)
def test_a_secret_that_cannot_be_had(compiler: Compiler, secret: str, expected: str):
    told = compiler.refused(
        "command: run\nsecrets: [key]", f"secrets: {{key: {secret}}}"
    )
    assert told == expected


def test_written_files_are_private(tmp_path: Path):
    path = tmp_path / "file"
    write_files([NewFile(path, b"x")])
    write_files([NewFile(path, b"x")])
    assert path.read_bytes() == b"x"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_owner_is_made_up_for_after_a_crash(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    write_files([NewFile(path, b"x", Account(uid=12345, gid=23456))])
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_compiling_writes_nothing(compiler: Compiler):
    compiler.service("command: run\nvolumes: [./gone:/x, /anonymous]")
    assert os.listdir(compiler.root / "demo") == ["compose.yaml"]
    assert not compiler.state.path.exists()
    assert not (compiler.state.root.path / "volumes").exists()

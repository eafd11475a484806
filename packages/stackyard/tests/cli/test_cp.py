"""`yard cp`: what may be copied where."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sleep 1000000
            volumes: ["data:/data", "./bound:/bound"]
        volumes: {data: }
        """
    )
    stack.write("here\n", "file")
    stack.write("a\n", "tree/a")
    stack.write("b\n", "tree/below/b")
    stack.yard("up", "-d")
    return stack


@pytest.fixture
def data(running: Stack) -> Path:
    return running.state.root.volume("demo_data")


def below(path: Path) -> list[str]:
    return sorted(str(item.relative_to(path)) for item in path.rglob("*"))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("file", "/data", ["file"]),
        ("file", "/data/", ["file"]),
        ("file", "/data/renamed", ["renamed"]),
        ("tree", "/data", ["tree", "tree/a", "tree/below", "tree/below/b"]),
        ("tree/.", "/data", ["a", "below", "below/b"]),
        ("tree", "/data/new", ["new", "new/a", "new/below", "new/below/b"]),
    ],
)
def test_into_a_service(
    running: Stack, data: Path, source: str, target: str, expected: list[str]
) -> None:
    running.yard("cp", source, f"web:{target}")

    assert below(data) == expected


def test_modes_and_links_are_kept(running: Stack, data: Path) -> None:
    (running.root / "tree" / "link").symlink_to("a")
    (running.root / "tree" / "a").chmod(0o741)
    running.yard("cp", "tree", "web:/data")

    assert os.readlink(data / "tree" / "link") == "a"
    assert (data / "tree" / "a").stat().st_mode & 0o777 == 0o741


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("/data/x", "out", ["out"]),
        ("/data/x", ".", ["x"]),
        ("/data/tree", "out", ["out", "out/a"]),
        ("/data/tree/.", "made", ["made", "made/a"]),
    ],
)
def test_out_of_a_service(
    running: Stack, data: Path, source: str, target: str, expected: list[str]
) -> None:
    (data / "x").write_text("x")
    (data / "tree").mkdir()
    (data / "tree" / "a").write_text("a")
    before = below(running.root)
    running.yard("cp", f"web:{source}", target)

    assert sorted(set(below(running.root)) - set(before)) == expected


def test_as_tar_streams(running: Stack, data: Path) -> None:
    running.yard("cp", "tree/.", "web:/data")
    yard = [sys.executable, "-P", "-m", "stackyard", "cp"]
    environment = {"PATH": os.defpath, "HOME": "/root", **running.environment}
    packed = subprocess.run(
        [*yard, "web:/data/below", "-"],
        cwd=running.root,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["below", "below/b"]
    subprocess.run(
        [*yard, "-", "web:/bound"],
        cwd=running.root,
        env=environment,
        input=packed,
        check=True,
        stderr=subprocess.DEVNULL,
    )

    assert below(running.root / "bound") == ["below", "below/b"]


def hostile(*members: tuple[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, link in members:
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return packed.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", "")],
        [("down/../../escaped", "")],
        [("link", "../.."), ("link/escaped", "")],
        [("link", "/tmp"), ("link/escaped", "")],
    ],
)
def test_a_hostile_archive_writes_nothing_outside(
    running: Stack, data: Path, members: list[tuple[str, str]]
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stackyard", "cp", "-", "web:/data"],
        cwd=running.root,
        env={"PATH": os.defpath, "HOME": "/root", **running.environment},
        input=hostile(*members),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert not any("escaped" in path for path in below(data.parent.parent))
    assert not os.path.lexists("/tmp/escaped")


@pytest.mark.parametrize("target", ["/data/out/x", "/data/../../x"])
def test_nor_does_a_link_in_the_volume(
    running: Stack, data: Path, tmp_path: Path, target: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (data / "out").symlink_to(outside)
    done = running.yard("cp", "file", f"web:{target}", code=1)

    assert "leads out of the mount" in done.stderr or "below no mount" in done.stderr
    assert below(outside) == []


def test_a_link_is_not_written_through(
    running: Stack, data: Path, tmp_path: Path
) -> None:
    (data / "link").symlink_to(tmp_path / "precious")
    running.yard("cp", "file", "web:/data/link", code=1)

    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("web:/etc/passwd .", "web-1:/etc/passwd lies below no mount"),
        ("web:/data/none .", "could not find the file demo-web-1:/data/none"),
        ("missing web:/data", "no such file or directory: missing"),
        ("file web:/data/no/where", "does not exist"),
        ("file other", "unknown copy direction"),
        ("web:/data web:/bound", "copying between services is not supported"),
        ("file nope:/data", "no such service: nope"),
        ("file --index 7 web:/data", "no container found for service 'web'"),
    ],
)
def test_errors(running: Stack, arguments: str, message: str) -> None:
    assert message in running.yard("cp", *arguments.split(), code=1).stderr

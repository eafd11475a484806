"""Who has a port, and what to do about it."""

from __future__ import annotations

import errno
import os
import socket
import sys

import pytest

from stackyard.engine.process.edge.ports import explain


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_the_holder_is_named(addresses, protocol, everywhere):
    host, port = addresses.new()
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(type=kind) as sock:
        sock.bind(("0.0.0.0" if everywhere else host, 0))
        port = sock.getsockname()[1]
        if protocol == "tcp":
            sock.listen()
        found = explain(errno.EADDRINUSE, host, port, protocol=protocol)
        assert [holder.pid for holder in found.holders] == [os.getpid()]
        assert found.reason.startswith(
            f"port {port}/{protocol} of {host} is taken by process {os.getpid()} ("
        )
        assert os.path.basename(sys.executable)[:6] in found.holders[0].command
        assert found.hint.startswith(f"stop it (kill {os.getpid()}), or publish")


def test_all_addresses_conflict_with_one(addresses):
    with socket.create_server((addresses.new()[0], 0)) as sock:
        found = explain(errno.EADDRINUSE, "0.0.0.0", sock.getsockname()[1])
        assert found.holders[0].pid == os.getpid()


def test_ipv6_everywhere_takes_ipv4_too(addresses):
    with socket.create_server(("::", 0), family=socket.AF_INET6) as sock:
        port = sock.getsockname()[1]
        assert explain(errno.EADDRINUSE, addresses.new()[0], port).holders
        assert explain(errno.EADDRINUSE, "::1", port).holders


def test_an_address_next_door_is_no_conflict(addresses):
    with socket.create_server((addresses.new()[0], 0)) as sock:
        port = sock.getsockname()[1]
        found = explain(errno.EADDRINUSE, addresses.new()[0], port)
    assert found.holders == ()
    assert found.reason.endswith("was taken, and is free now")


def test_a_process_of_another_user_is_not_named(tmp_path):
    """As in a /proc where the descriptors of others cannot be read."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
        "   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
        "   999        0 4711 1 0000000000000000 100 0 0 10 0\n"
    )
    (tmp_path / "12").mkdir()
    found = explain(errno.EADDRINUSE, "127.0.0.1", 8080, proc=tmp_path)
    assert found.reason == (
        "port 8080/tcp of 127.0.0.1 is taken by a process of another user (uid 999)"
    )


@pytest.mark.parametrize(
    ("number", "port", "reason", "hint"),
    [
        (errno.EACCES, 80, "is reserved for root", "ip_unprivileged_port_start=80"),
        (errno.EACCES, 8080, "Permission denied", "publish another port"),
        (errno.EADDRNOTAVAIL, 80, "not an address of this machine", "ip address"),
        (errno.EMFILE, 80, "too many open files", "ulimit -n"),
    ],
)
def test_other_reasons(number, port, reason, hint):
    found = explain(number, "127.0.0.1", port)
    assert reason in found.reason
    assert hint in found.hint
    assert str(found) == f"{found.reason}\nhint: {found.hint}"

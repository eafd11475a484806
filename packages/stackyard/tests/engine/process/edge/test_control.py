"""The control socket answers everybody, whatever anybody sends."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from contextlib import closing

import pytest
from edge_support import PATIENCE, read_all, read_exactly, until

from stackyard.engine.process.edge import wire
from stackyard.engine.process.edge.client import EdgeError, Route
from stackyard.engine.process.edge.spawn import SpawnError, spawn_edge


@pytest.fixture
def raw(edge):
    """A bare connection to the control socket."""
    with closing(connect(edge)) as sock:
        yield sock


def connect(edge):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(edge.path))
    return sock


def answers(sock, count=1):
    data = bytearray()
    while data.count(b"\n") < count:
        part = sock.recv(65536)
        assert part, data
        data += part
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "not JSON"),
        (b"\x00\xff\xfe", "not JSON"),
        (b"[" * 100000, "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "no such request: []"),
        (b'{"status": false}', "no such request: ['status']"),
        (b'{"routes": 1}', "'routes' is not a list"),
        (b'{"routes": [1]}', "routes[0] is not a route"),
        (b'{"routes": [{"listen": ["127.0.0.1", 1]}]}', "routes[0] is not a route"),
        (b'{"routes": [{"listen": ["localhost", 1]}]}', "is not an IP address"),
        (b'{"routes": [{"listen": [null, 1]}]}', "is not an IP address"),
        (b'{"routes": [{"listen": ["127.0.0.1", true]}]}', "True is not a port"),
        (b'{"routes": [{"listen": ["127.0.0.1", 65536]}]}', "65536 is not a port"),
        (b'{"routes": [{"listen": "127.0.0.1"}]}', "not an address and a port"),
        (b'{"routes": [], "drain": "soon"}', "not a number of seconds"),
        (b'{"drain": 1}', "1 is not an address and a port"),
        (b'{"drain": ["127.0.0.1", 1], "timeout": -1}', "not a number of seconds"),
    ],
)
def test_garbage_is_answered(raw, line, message):
    raw.sendall(line + b'\n{"status": true}\n')
    error, status = answers(raw, 2)
    assert message in error["error"]
    assert status["routes"] == []


def test_a_bad_table_changes_nothing(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    edge.route(listen, target)
    with pytest.raises(EdgeError, match=r"routes\[1\]: .* is listed twice"):
        edge.client.apply([Route(listen), Route(listen)])
    with pytest.raises(EdgeError, match="'sctp' is not a protocol"):
        edge.client.apply([Route(listen, protocol="sctp")])
    assert edge.connect(listen).recv(1) == b"a"


def test_requests_are_answered_in_order(edge, raw, addresses, server):
    listen, target = addresses.new(), server()
    edge.route(listen, target.address)
    client, accepted = edge.connect(listen), target.accept()
    requests = [{"drain": list(target.address), "timeout": 60}, {"status": True}, {}]
    raw.sendall(b"".join(map(wire.encode, requests)))
    until(lambda: edge.status()["targets"][0]["draining"])
    client.close()
    accepted.close()
    drained, status, error = answers(raw, 3)
    assert drained == {"drained": True, "active": 0}
    assert status["routes"][0]["active"] == 0
    assert "error" in error


def test_a_request_may_come_in_pieces_and_its_sender_say_no_more(raw):
    for byte in b'{"status": true}\n':
        raw.sendall(bytes([byte]))
    raw.shutdown(socket.SHUT_WR)
    (line,) = read_all(raw).splitlines()
    assert json.loads(line)["routes"] == []


def test_clients_that_vanish_are_forgotten(edge, addresses, server):
    listen, target = addresses.new(), server()
    edge.route(listen, target.address)
    client, accepted = edge.connect(listen), target.accept()
    before = len(os.listdir(f"/proc/{edge.pid}/fd"))
    drain = wire.encode({"drain": list(target.address), "timeout": 3600})
    for message in (b'{"rout', b'{"status": true}\n' * 1000, drain, b""):
        with closing(connect(edge)) as sock:
            reading, writing = os.pipe()
            socket.send_fds(sock, [message or b"{"], [reading, writing])
            os.close(reading)
            os.close(writing)
    until(lambda: len(os.listdir(f"/proc/{edge.pid}/fd")) == before)
    client.sendall(b"fine")
    assert read_exactly(accepted, 4) == b"fine"


def test_descriptors_nobody_asked_for_are_closed(edge, raw):
    wire.send(raw, {"status": True})
    answers(raw)  # so that this connection is among them
    before = len(os.listdir(f"/proc/{edge.pid}/fd"))
    with open(os.devnull) as file, socket.socket() as unbound:
        passed = [file.fileno(), unbound.fileno(), raw.fileno()]
        for message in ({"status": True}, {"nonsense": 1}, {"routes": []}):
            wire.send(raw, message, passed)
            answers(raw)
    assert len(os.listdir(f"/proc/{edge.pid}/fd")) == before


def test_who_does_not_read_answers_is_not_served_without_end(edge, raw):
    block = b'{"status": true}\n' * 4096

    def refused():
        try:
            raw.send(block, socket.MSG_DONTWAIT)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return True
        return not edge.client.status()

    until(refused)
    assert edge.memory() < 12 * 1024 + 3 * wire.LONGEST // 1024


def test_a_drain_ends_with_the_last_connection(edge, addresses, server):
    listen, target, other = addresses.new(), server(), server()
    edge.route(listen, target.address)
    client, accepted = edge.connect(listen), target.accept()
    edge.route(listen, target.address, other.address)
    results = []
    thread = threading.Thread(
        target=lambda: results.append(edge.client.drain(target.address, timeout=60))
    )
    thread.start()
    until(lambda: edge.status()["targets"][0]["draining"])
    for _ in range(3):  # others go elsewhere, and requests are answered
        edge.connect(listen).sendall(b"x")
        assert read_exactly(other.accept(), 1) == b"x"
    assert thread.is_alive()
    client.sendall(b"last words")
    assert read_exactly(accepted, 10) == b"last words"
    client.close()
    accepted.close()
    thread.join(PATIENCE)
    assert [(item.drained, item.active) for item in results] == [(True, 0)]


def test_a_drain_ends_with_its_time(edge, addresses, server):
    listen, target = addresses.new(), server()
    edge.route(listen, target.address)
    client, accepted = edge.connect(listen), target.accept()
    result = edge.client.drain(target.address, timeout=0.05)
    assert (result.drained, result.active) == (False, 1)
    client.sendall(b"still here")
    assert read_exactly(accepted, 10) == b"still here"


def test_the_next_table_ends_a_drain(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    edge.route(listen, target)
    assert edge.client.drain(target, timeout=5).drained
    client = edge.connect(listen)
    until(lambda: edge.status()["waiting"] == 1)
    edge.route(listen, target)
    assert client.recv(1) == b"a"


def test_a_drain_of_a_stranger_is_over_at_once(edge, addresses):
    assert edge.client.drain(addresses.new(), timeout=60).drained


def test_only_this_user_may_speak(edge):
    assert stat.S_IMODE(edge.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(edge.path.parent.stat().st_mode) == 0o700


def test_an_open_directory_is_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(SpawnError, match="is open to others"):
        spawn_edge(tmp_path / "open" / "s", mark="test", log=tmp_path / "log")


def test_a_second_edge_is_refused(edge):
    with pytest.raises(SpawnError, match="an edge already serves"):
        spawn_edge(edge.path, mark="test", log=edge.log.with_name("second"))
    assert edge.client.status()["pid"] == edge.pid


def test_an_idle_edge_sleeps_and_is_small(edge, addresses, server):
    target = server()
    edge.route(addresses.new(), target.address)

    def switches():
        with open(f"/proc/{edge.pid}/status") as status:
            return [line for line in status if "ctxt_switches" in line]

    def asleep():
        with open(f"/proc/{edge.pid}/stat") as line:
            return line.read().rpartition(")")[2].split()[0] == "S"

    until(asleep)
    before = switches()
    time.sleep(0.5)
    assert switches() == before
    with open(f"/proc/{edge.pid}/smaps_rollup") as rollup:
        pss = next(line for line in rollup if line.startswith("Pss:"))
    assert int(pss.split()[1]) < 12 * 1024


def test_stop_leaves_nothing(edge, addresses, named):
    listen = addresses.new()
    edge.route(listen, named("a").address)
    client = edge.connect(listen)
    assert client.recv(1) == b"a"
    edge.client.stop()
    _, status = os.waitpid(edge.pid, 0)
    edge.pid = None
    assert status == 0
    assert not edge.path.exists()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        edge.connect(listen)


def test_many_descriptors_go_in_parcels(edge, addresses):
    host = addresses.new()[0]
    routes = [Route((host, port)) for port in range(9000, 9600)]
    routes += [Route((host, port), (), "udp") for port in range(9000, 9050)]
    assert edge.client.apply(routes) == ()
    assert len(edge.client.listeners) == 650
    edge.kill()
    edge.start()
    assert edge.client.apply(routes) == ()
    assert edge.client.status()["descriptors"]["used"] == 650

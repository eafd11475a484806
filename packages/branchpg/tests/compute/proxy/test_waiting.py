"""Clients that wait for an endpoint, and endpoints that do not come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading

import psycopg2
import pytest
from proxy_clients import rest_of, startup, until

from branchpg.compute.proxy.settings import Limits
from branchpg.errors import BranchpgError, Conflict, TryLater
from branchpg.wire import messages


class Gate:
    """An endpoint that takes its time to wake, the same for all who wait."""

    def __init__(self) -> None:
        self.waiting = 0
        self.opened = asyncio.Event()

    async def __call__(self, _route) -> None:
        self.waiting += 1
        try:
            await self.opened.wait()
        finally:
            self.waiting -= 1


def test_clients_are_held_until_the_endpoint_is_there(proxy, yard):
    gate = yard.before = Gate()
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(proxy.ask("SELECT name FROM here"))
        )
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    until(lambda: gate.waiting == 20)
    proxy.call(gate.opened.set)
    for thread in threads:
        thread.join()
    assert answers == ["main"] * 20


@pytest.mark.parametrize("talks", [False, True])
def test_a_client_that_gives_up_is_noticed(proxy, yard, talks):
    gate = yard.before = Gate()
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(startup(user="alice") + (b"p\0\0\0\5\0" if talks else b""))
        until(lambda: gate.waiting == 1)
    until(lambda: yard.cancelled == 1)
    assert gate.waiting == yard.open_leases == 0
    until(lambda: proxy.sample("proxy_errors_total", type="gone") == 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TryLater("the endpoint is being restored"), "57P03"),
        (Conflict("endpoint is disabled"), "55000"),
        (BranchpgError("the disk is full"), "08006"),
    ],
)
def test_a_failed_wake_is_explained(proxy, yard, error, code):
    async def fail(_route) -> None:
        raise error

    yard.before = fail
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(startup(user="alice"))
        answer = rest_of(sock)
    assert b"VFATAL\0C" + code.encode() in answer
    assert error.message.encode() in answer


def test_an_endpoint_that_does_not_come_in_time(run_proxy, yard):
    yard.before = Gate()
    proxy = run_proxy(limits=Limits(wake_seconds=0.2))
    with pytest.raises(psycopg2.OperationalError, match=r"not ready within 0\.2 s"):
        proxy.connect()
    assert yard.cancelled == 1


def test_a_server_that_is_not_there_is_asked_for_again(run_proxy, yard):
    proxy = run_proxy(limits=Limits(wake_seconds=0.5))
    yard.paths["main"] = "/nonexistent/.s.PGSQL.1"
    with pytest.raises(psycopg2.OperationalError, match="not ready within"):
        proxy.connect()
    assert len(yard.asked) > 3
    assert yard.open_leases == 0
    yard.paths["main"] = "/" + "x" * 200
    with pytest.raises(psycopg2.OperationalError, match="cannot connect to the endp"):
        proxy.connect()


@pytest.mark.parametrize(
    "words",
    [
        messages.error(
            "the database system is starting up", code="57P03", severity="FATAL"
        ),
        b"",
    ],
    ids=["starting", "dead"],
)
def test_a_server_that_is_not_ready_is_tried_again(proxy, yard, clusters, words):
    """One that says so, or dies, a few times, and is then replaced."""
    path = os.path.join(clusters["main"].directory, "starting")
    refusals = []

    def refuse(listener: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(words)
            refusals.append(1)
        yard.paths.clear()

    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        yard.paths["main"] = path
        assert proxy.ask("SELECT name FROM here") == "main"
        thread.join()
    os.unlink(path)
    assert len(refusals) == 3
    assert yard.open_leases == 0 or until(lambda: yard.open_leases == 0)


def test_a_reset_during_the_login_leads_to_the_new_server(proxy, yard, clusters):
    """The old server has not said a word: the client need not know of it."""
    path = os.path.join(clusters["main"].directory, "silent")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(path)
        listener.listen()
        yard.paths["main"] = path
        answers = []
        client = threading.Thread(
            target=lambda: answers.append(proxy.ask("SELECT name FROM here"))
        )
        client.start()
        with listener.accept()[0]:
            yard.paths.clear()
            proxy.call(yard.closings["main"].close)
            client.join()
    os.unlink(path)
    assert answers == ["main"]


def test_a_server_that_dies_during_the_login_is_told_of(proxy, yard, clusters):
    path = os.path.join(clusters["main"].directory, "dying")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(path)
        listener.listen()
        yard.paths["main"] = path
        with contextlib.closing(proxy.raw()) as sock:
            sock.sendall(startup(user="alice"))
            with listener.accept()[0] as server:
                server.recv(4096)
                server.sendall(messages.frame(b"R", struct.pack("!I", 0)))
            assert b"the server ended during the login" in rest_of(sock)
    os.unlink(path)


def test_a_server_that_breaks_the_protocol_is_left(proxy, yard, clusters):
    for number, words in enumerate((b"R\0\0\0\1", b"K\0\0\0\5x", b"?" * 5000)):
        path = os.path.join(clusters["main"].directory, f"broken{number}")
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(path)
            listener.listen()
            yard.paths["main"] = path
            with contextlib.closing(proxy.raw()) as sock:
                sock.sendall(startup(user="alice"))
                server = listener.accept()[0]
                with server:
                    server.recv(4096)
                    server.sendall(words)
                rest_of(sock)
        os.unlink(path)
    assert yard.open_leases == 0
    yard.paths.clear()
    assert proxy.ask("SELECT 1") == 1

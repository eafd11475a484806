"""What `bench_edge` measures: the edge, HAProxy, and the servers behind them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackyard.engine.process.edge.client import EdgeClient, Route
from stackyard.engine.process.edge.spawn import spawn_edge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOLS = {"haproxy": "haproxy", "wrk": "wrk", "nginx": "nginx-light"}
BULK = 1 << 20

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:80 backlog=4096;
        location /64 {{ return 200 "{small}"; }}
        location /1024 {{ return 200 "{large}"; }}
    }}
}}
"""
_HAPROXY = """\
global
    nbthread 1
    maxconn 400
defaults
    mode tcp
    {option}
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen web
    bind {host}:80 backlog 4096
    balance leastconn
    server one {server}:80
listen bulk
    bind {host}:81 backlog 4096
    balance leastconn
    server one {server}:81
"""
_SOURCE = """\
import os, socket, sys
memory = os.memfd_create("bulk")
os.ftruncate(memory, 1 << 26)
os.pwrite(memory, os.urandom(1 << 20) * 64, 0)
listener = socket.create_server((sys.argv[1], 81), backlog=64)
while True:
    client, _ = listener.accept()
    try:
        while os.sendfile(client.fileno(), memory, 0, 1 << 26):
            pass
    except OSError:
        client.close()
"""


@dataclass(frozen=True)
class Way:
    """A way to the servers: its name, its address, and the process on it, if any."""

    name: str
    host: str
    pid: int | None


def missing() -> list[str]:
    """Return the Debian packages that have to be installed first."""
    return [package for tool, package in TOOLS.items() if shutil.which(tool) is None]


@contextmanager
def paths(folder: Path) -> Iterator[list[Way]]:
    """Start everything; nothing is left of it afterwards."""
    base = f"127.{random.randrange(64, 250)}.{random.randrange(256)}"
    server = f"{base}.2"
    running: list[subprocess.Popen[bytes]] = []
    edge = spawn_edge(folder / "edge" / "edge.sock", mark="bench", log=folder / "log")
    try:
        with EdgeClient(folder / "edge" / "edge.sock") as client:
            client.connect()
            host = f"{base}.3"
            routes = [Route((host, port), ((server, port),)) for port in (80, 81)]
            if failures := client.apply(routes):
                raise RuntimeError(failures)
        found = [Way("direct", server, None), Way("edge", host, edge)]
        running.append(_nginx(folder, server))
        running.append(_start(sys.executable, "-c", _SOURCE, server))
        for index, option in enumerate(("", "option splice-auto")):
            name = "haproxy splice" if option else "haproxy"
            host = f"{base}.{4 + index}"
            config = folder / f"haproxy{index}.cfg"
            config.write_text(_HAPROXY.format(host=host, server=server, option=option))
            running.append(_start("haproxy", "-db", "-f", str(config)))
            found.append(Way(name, host, running[-1].pid))
        for path in found:
            _wait(path.host, 80)
            _wait(path.host, 81)
        yield found
    finally:
        for process in running:
            process.kill()
            process.wait()
        os.kill(edge, signal.SIGKILL)
        os.waitpid(edge, 0)


def _nginx(folder: Path, host: str) -> subprocess.Popen[bytes]:
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(folder=folder, host=host, small="x" * 64, large="x" * 1024)
    )
    return _start("nginx", "-c", str(config))


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(host: str, port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return

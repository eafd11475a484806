"""TLS, which ends in the proxy, and the routes that it makes possible."""

from __future__ import annotations

import contextlib
import os
import ssl
import struct
import subprocess

import psycopg2
import pytest
from proxy_clients import packet, rest_of, startup, until, value

from branchpg.compute.proxy.tls import context_of

TLS_REQUEST = packet(struct.pack("!I", 80877103))


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_scram_is_passed_through_tls(tls_proxy):
    with contextlib.closing(tls_proxy.connect(sslmode="require")) as session:
        assert session.info.ssl_in_use
        assert value(session, "SELECT name FROM here") == "main"


def test_without_a_certificate_tls_is_declined(proxy):
    assert proxy.ask("SELECT 1", sslmode="prefer") == 1
    with pytest.raises(psycopg2.OperationalError, match="does not support SSL"):
        proxy.connect(sslmode="require")


def test_channel_binding_cannot_be_had(tls_proxy):
    assert tls_proxy.ask("SELECT 1", sslmode="require", channel_binding="prefer") == 1
    with pytest.raises(psycopg2.OperationalError, match="channel binding is required"):
        tls_proxy.connect(sslmode="require", channel_binding="require")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("preview.localhost", "preview"),
        ("preview-pooler.db.test", "preview"),
        ("localhost", "main"),
        ("preview.elsewhere.test", "main"),
    ],
)
def test_the_server_name_leads_to_the_endpoint(tls_proxy, host, name):
    # hostaddr is where it connects to, host what it says to TLS.
    options = {"host": host, "hostaddr": "127.0.0.1", "sslmode": "require"}
    assert tls_proxy.ask("SELECT name FROM here", **options) == name


def test_server_name_and_option_have_to_agree(tls_proxy):
    with pytest.raises(psycopg2.OperationalError) as failure:
        tls_proxy.connect(
            host="preview.localhost",
            hostaddr="127.0.0.1",
            sslmode="require",
            options="endpoint=main",
        )
    assert "Inconsistent project name inferred from SNI ('preview')" in str(
        failure.value
    )


def test_a_password_can_name_the_endpoint(run_proxy, certificate):
    proxy = run_proxy(tls=context_of(certificate), password_routing=True)
    for password in ("endpoint=preview;secret", "endpoint=preview$secret"):
        with contextlib.closing(
            proxy.connect(password=password, sslmode="require")
        ) as session:
            assert value(session, "SELECT name FROM here") == "preview"
            assert value(session, "SELECT current_user") == "alice"
    assert proxy.ask("SELECT name FROM here", sslmode="require") == "main"
    # Never without TLS: there the password is not asked for, SCRAM goes through.
    assert proxy.ask("SELECT name FROM here", sslmode="disable") == "main"
    for wrong in ("endpoint=preview;wrong", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password authentication"):
            proxy.connect(password=wrong, sslmode="require")


def test_a_password_in_clear_text_is_passed_on_as_well(run_proxy, certificate):
    proxy = run_proxy(tls=context_of(certificate), password_routing=True)
    options = {"user": "plain", "password": "endpoint=preview;secret"}
    assert proxy.ask("SELECT current_user", sslmode="require", **options) == "plain"


def test_a_client_may_begin_with_tls(tls_proxy):
    context = trusting()
    context.set_alpn_protocols(["postgresql"])
    with context.wrap_socket(tls_proxy.raw(), server_hostname="x.localhost") as sock:
        sock.sendall(startup(user="cloud_admin"))
        assert b"28000" in rest_of(sock)


def test_who_begins_with_tls_has_to_say_for_which_protocol(tls_proxy):
    with trusting().wrap_socket(tls_proxy.raw(), server_hostname="x") as sock:
        sock.settimeout(20)
        with contextlib.suppress(OSError):
            sock.sendall(startup(user="cloud_admin"))
        assert rest_of(sock) == b""


@pytest.mark.parametrize("words", [b"\x16\x03\x01\x00\x05hello", b"GET / HTTP/1.0\r\n"])
def test_wrong_tls_closes_the_connection(tls_proxy, words):
    for beginning in (b"", TLS_REQUEST):
        with contextlib.closing(tls_proxy.raw()) as sock:
            sock.sendall(beginning + words)
            rest_of(sock)  # until it is closed
    assert tls_proxy.ask("SELECT 1", sslmode="require") == 1


def test_words_before_the_handshake_are_not_taken_for_encrypted_ones(tls_proxy):
    with contextlib.closing(tls_proxy.raw()) as sock:
        sock.sendall(TLS_REQUEST + startup(user="alice"))
        assert sock.recv(1) == b"S"
        assert b"alice" not in rest_of(sock)
    until(lambda: tls_proxy.sample("proxy_tls_handshake_failures_total") == 1)


def test_copy_both_ways_with_tls(tls_proxy, tmp_path):
    _copy_both_ways(tls_proxy, tmp_path, sslmode="require", megabytes=40)


def test_copy_of_200_mb_both_ways(proxy, tmp_path):
    _copy_both_ways(proxy, tmp_path, sslmode="disable", megabytes=200)
    moved = proxy.statistics().moved
    assert min(moved.from_client, moved.from_server) > 200_000_000
    assert proxy.sample("proxy_io_bytes_total", direction="tx") == moved.from_server


def _copy_both_ways(proxy, directory, *, sslmode, megabytes):
    rows, sums = megabytes * 1000, "SELECT md5(string_agg(md5(text), '')) FROM copied"
    source, back = directory / "source", directory / "back"
    with open(source, "w") as file:
        for number in range(rows):
            file.write(f"{number:08} {os.urandom(8).hex()}{'x' * 974}\n")
    table = "CREATE TEMP TABLE copied (text text)"
    with contextlib.closing(proxy.connect(sslmode=sslmode)) as session:
        cursor = session.cursor()
        cursor.execute(table)
        with open(source) as file:
            cursor.copy_expert("COPY copied FROM STDIN", file, size=1 << 18)
        assert value(session, "SELECT count(*) FROM copied") == rows
        with open(back, "w") as file:
            cursor.copy_expert("COPY copied TO STDOUT", file)
        assert value(session, sums)
    compared = subprocess.run(["cmp", source, back], check=False)
    assert compared.returncode == 0


def test_large_values_in_both_directions_with_tls(tls_proxy):
    text = "ü" * 5_000_000
    with contextlib.closing(tls_proxy.connect(sslmode="require")) as session:
        assert value(session, "SELECT %s || ''", text) == text

"""The parts that need neither a network nor a database."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

import pytest

from servicekit.breaker import CircuitBreaker
from servicekit.clients import Clients
from servicekit.correlation import correlation_id
from servicekit.errors import Problem, too_many, validation
from servicekit.headers import CrossOrigin
from servicekit.ratelimit import RateLimit
from servicekit.settings import ConfigurationError, ServiceSettings, load

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_lets_one_through_and_closes() -> None:
    clock = Clock()
    breaker = CircuitBreaker(threshold=3, seconds=5, clock=clock)
    for _ in range(2):
        breaker.failed()
    assert breaker.admits()
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert breaker.is_open
    assert not breaker.admits()
    clock.now += 5
    assert breaker.admits()
    assert not breaker.admits()
    breaker.failed()
    clock.now += 4.9
    assert not breaker.admits()
    clock.now += 0.2
    assert breaker.admits()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.admits()


def test_the_rate_limit_is_a_window_for_each_client() -> None:
    clock = Clock()
    limit = RateLimit(maximum=2, window=60, clock=clock)
    assert [limit.take("a").passes for _ in range(3)] == [True, True, False]
    assert limit.take("b").remaining == 1
    clock.now += 59.5
    assert limit.take("a").reset == 1
    clock.now += 0.5
    verdict = limit.take("a")
    assert (verdict.passes, verdict.remaining, verdict.reset) == (True, 1, 60)


def test_the_rate_limit_forgets_clients_of_past_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("servicekit.ratelimit._CLIENTS", 10)
    clock = Clock()
    limit = RateLimit(maximum=1, window=60, clock=clock)
    for number in range(9):
        limit.take(str(number))
    clock.now += 61
    limit.take("late")
    limit.take("later")
    assert not limit.take("late").passes
    assert len(limit._counts) == 2


def test_the_address_of_a_client() -> None:
    trusted = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
    clients = Clients(trusted=trusted)
    for peer, header, found in (
        ("1.2.3.4", b"5.6.7.8", "1.2.3.4"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"5.6.7.8", "5.6.7.8"),
        ("10.0.0.1", b"9.9.9.9, 5.6.7.8, 10.2.2.2", "5.6.7.8"),
        ("10.0.0.1", b"5.6.7.8, rubbish", "10.0.0.1"),
        ("::1", b"2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", b"5.6.7.8", "5.6.7.8"),
        ("10.0.0.1", b"x" * 100_000, "10.0.0.1"),
        ("", b"5.6.7.8", ""),
    ):
        assert clients.address(peer, header) == found, (peer, header)
    assert Clients().address("10.0.0.1", b"5.6.7.8") == "10.0.0.1"


def test_the_allow_list() -> None:
    clients = Clients(allowed=[ipaddress.ip_network("10.0.0.0/8")])
    assert clients.may_enter("10.1.1.1")
    assert not clients.may_enter("11.1.1.1")
    assert not clients.may_enter("")
    assert Clients().may_enter("11.1.1.1")


def test_correlation_ids() -> None:
    assert correlation_id(b"abc.1:2_3-4") == b"abc.1:2_3-4"
    for bad in (None, b"", b"a b", b"-a", b"x" * 129, b"a\n", "é".encode()):
        assert len(correlation_id(bad)) == 32
    assert correlation_id(None) != correlation_id(None)


def test_origins() -> None:
    some = CrossOrigin(["http://a"])
    assert dict(some.answer(b"http://a"))[b"access-control-allow-origin"] == b"http://a"
    assert dict(some.answer(b"http://b")) == {b"vary": b"Origin"}
    assert some.answer(None) == []
    every = dict(CrossOrigin(["*"]).answer(b"http://b"))
    assert every[b"access-control-allow-origin"] == b"*"


def test_errors_have_one_shape() -> None:
    error = validation(Problem("title", "is empty", "empty"))
    assert json.loads(error.body()) == {
        "success": False,
        "error": "VALIDATION_FAILED",
        "message": "title: is empty",
        "errors": [{"field": "title", "message": "is empty", "code": "empty"}],
    }
    assert too_many(7).headers == {"Retry-After": "7"}


def test_settings_by_name_and_by_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("JWT_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("PORT", "81")
    monkeypatch.setenv("CORS_ORIGIN", "http://a, http://b")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8,::1")
    found = load(ServiceSettings)
    assert found.jwt_secret is not None
    assert found.jwt_secret.get_secret_value() == "from a file"
    assert "from a file" not in repr(found)
    assert (found.port, found.cors_origins) == (81, ("http://a", "http://b"))
    assert len(found.trusted_proxies) == 2
    # What is given directly comes first.
    monkeypatch.setenv("JWT_SECRET", "direct")
    found = load(ServiceSettings)
    assert found.jwt_secret is not None
    assert found.jwt_secret.get_secret_value() == "direct"


def test_a_wrong_setting_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "s3cret")
    with pytest.raises(ConfigurationError) as told:
        load(ServiceSettings)
    assert "PORT" in str(told.value)
    assert "s3cret" not in str(told.value)

"""Options that say where a server listens."""

from __future__ import annotations

import pytest

from stackyard.images.adapter import SELF
from stackyard.images.listening import on_own_address

OPTIONS = {"--listen": 80}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), ("--listen", f"{SELF}:80")),
        (("--listen", "0.0.0.0:81"), ("--listen", f"{SELF}:81")),
        (("--listen=[::]:81", "-v"), (f"--listen={SELF}:81", "-v")),
        (("--listen=:81",), (f"--listen={SELF}:81",)),
        (("--listen", "127.0.0.5:81"), ("--listen", "127.0.0.5:81")),
        (("--listen=odd",), ("--listen=odd",)),
        (("-x", "--listen", "*:9"), ("-x", "--listen", f"{SELF}:9")),
    ],
)
def test_wildcards_become_the_replicas_address(
    given: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    assert on_own_address(given, OPTIONS) == wanted


def test_an_option_that_is_added_may_be_one_word() -> None:
    assert on_own_address((), OPTIONS, glue="=") == (f"--listen={SELF}:80",)

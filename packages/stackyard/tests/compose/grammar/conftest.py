"""What the tests of every grammar share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from stackyard.compose.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except InvalidValueError as error:
        refusal = error
    assert refusal.message
    assert not refusal.message[0].isupper()
    assert not refusal.message.endswith(".")
    assert refusal.hint
    return refusal


_SHORT, _LONG = 2_500, 20_000
# Eight times the text takes about eight times as long, or 64 times where the time grows
# with the square. In between lies this factor; the rest is for what a clock is off by.
_FACTOR, _SLACK_SECONDS = 24, 0.02
_TRIES = 3


def _linear(call: Callable[[int], Any]) -> None:
    for _ in range(_TRIES):
        short, long = _processor_seconds(call, _SHORT), _processor_seconds(call, _LONG)
        if long <= _FACTOR * short + _SLACK_SECONDS:
            return
    pytest.fail(f"{_SHORT} parts took {short:.3f} s, {_LONG} parts {long:.3f} s")


def _processor_seconds(call: Callable[[int], Any], count: int) -> float:
    """Measure what this thread alone did, so that the machine's load is left out."""
    before = time.thread_time()
    call(count)
    return time.thread_time() - before


@pytest.fixture(scope="session")
def linear() -> Callable:
    """Call a function with a small and a large count; its time must grow alike."""
    return _linear


@pytest.fixture(scope="session")
def attempt() -> Callable:
    """Call a grammar; return its result, or its refusal after a look at the wording.

    Any other exception fails the test, and the suite's timeout any long run.
    """
    return _attempt

"""What the tests of every grammar share."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def attempt() -> Callable:
    """Call a grammar; return its result, or its refusal after a look at the wording.

    Any other exception fails the test, and the suite's timeout any long run.
    """
    return _attempt

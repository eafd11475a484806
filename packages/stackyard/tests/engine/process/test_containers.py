"""Every pair of state and event is a step or a mistake."""

from __future__ import annotations

from itertools import product

import pytest

from stackyard.engine.process.containers import TRANSITIONS, Event, State, after


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair(state: State, event: Event):
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match=f"a container that is {state}"):
            after(state, event)

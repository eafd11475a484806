"""A dict that refuses to change."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from typing import TYPE_CHECKING

import pytest

from stackyard.compose.model.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable

MUTATORS: dict[str, Callable] = {
    "set": lambda frozen: operator.setitem(frozen, "a", 2),
    "delete": lambda frozen: operator.delitem(frozen, "a"),
    "clear": lambda frozen: frozen.clear(),
    "pop": lambda frozen: frozen.pop("a"),
    "popitem": lambda frozen: frozen.popitem(),
    "setdefault": lambda frozen: frozen.setdefault("b", 1),
    "update": lambda frozen: frozen.update(b=1),
    "merge in place": lambda frozen: operator.ior(frozen, {"b": 1}),
}


@pytest.mark.parametrize("mutate", MUTATORS.values(), ids=MUTATORS)
def test_every_way_to_change_it(mutate: Callable) -> None:
    frozen = FrozenDict({"a": 1})
    with pytest.raises(TypeError, match="FrozenDict is immutable"):
        mutate(frozen)
    assert frozen == {"a": 1}


def test_it_is_a_dict_otherwise() -> None:
    frozen = FrozenDict({"a": [1]})
    assert json.dumps(frozen) == '{"a": [1]}'
    assert frozen | {"b": 2} == {"a": [1], "b": 2}
    for other in (
        copy.copy(frozen),
        copy.deepcopy(frozen),
        pickle.loads(pickle.dumps(frozen)),
    ):
        assert type(other) is FrozenDict
        assert other == frozen


def test_equal_ones_hash_alike_whatever_their_values() -> None:
    assert hash(FrozenDict({"a": [1], "b": 2})) == hash(FrozenDict({"b": 2, "a": [1]}))

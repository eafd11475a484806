"""An immutable dict."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dict that refuses to change.

    Unlike a mapping proxy it can be a dataclass default, pickled, and given to a JSON
    encoder.
    """

    __slots__ = ()

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is immutable")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash the keys: values may be unhashable."""
        return hash(frozenset(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from a plain dict, as pickling would otherwise set items."""
        return type(self), (dict(self),)

"""Variables -> their values, and texts -> numbers and booleans where a type is fixed.

Compose Specification, "Interpolation": only values are interpolated, never keys, and
each file before it is merged with others. A variable always yields a text, so the
attributes that take a number or a boolean are cast here; the table of paths is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.errors import InvalidValueError, Path
from stackyard.compose.grammar.template import substitute
from stackyard.compose.load.casts import to_bool, to_float, to_int

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.compose.load.context import Context

ANY: Final = "*"

_UPDATE: Final = {"parallelism": to_int, "max_failure_ratio": to_float}
_RESOURCE: Final = {ANY: {"external": to_bool}}

# A tuple is for an attribute that is either a scalar or a mapping.
CASTS: Final[dict[str, Any]] = {
    "services": {
        ANY: {
            "cpu_count": to_int,
            "cpu_percent": to_float,
            "cpu_period": to_int,
            "cpu_quota": to_int,
            "cpu_rt_period": to_int,
            "cpu_rt_runtime": to_int,
            "cpus": to_float,
            "cpu_shares": to_int,
            "init": to_bool,
            "deploy": {
                "replicas": to_int,
                "update_config": _UPDATE,
                "rollback_config": _UPDATE,
                "restart_policy": {"max_attempts": to_int},
                "placement": {"max_replicas_per_node": to_int},
            },
            "healthcheck": {"retries": to_int, "disable": to_bool},
            "oom_kill_disable": to_bool,
            "oom_score_adj": to_int,
            "pids_limit": to_int,
            "ports": {ANY: {"target": to_int}},
            "privileged": to_bool,
            "read_only": to_bool,
            "scale": to_int,
            "attach": to_bool,
            "stdin_open": to_bool,
            "tty": to_bool,
            "ulimits": {ANY: (to_int, {"hard": to_int, "soft": to_int})},
            "volumes": {ANY: {"read_only": to_bool, "volume": {"nocopy": to_bool}}},
        }
    },
    "networks": {
        ANY: {"external": to_bool, "internal": to_bool, "attachable": to_bool}
    },
    "volumes": _RESOURCE,
    "secrets": _RESOURCE,
    "configs": _RESOURCE,
}


def interpolate(document: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the document with its variables substituted and its casts applied.

    Problems are added to `context`; the value they concern is left as it was.
    """
    walker = _Walker(context)
    return {
        key: walker.walk(value, (key,), CASTS.get(key))
        for key, value in document.items()
    }


def interpolate_text(text: str, context: Context, path: Path) -> str:
    """Return one text with its variables substituted."""
    value = _Walker(context).walk(text, path, None)
    return value if isinstance(value, str) else text


class _Walker:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._lookup: Callable[[str], str | None] = context.environment.get

    def walk(self, value: Any, path: Path, casts: Any) -> Any:
        if isinstance(value, str):
            return self._text(value, path, casts)
        if isinstance(value, dict):
            if isinstance(casts, tuple):
                casts = casts[1]
            if not isinstance(casts, dict):
                return self._mapping(value, path)
            fallback = casts.get(ANY)
            return {
                key: self.walk(item, (*path, key), casts.get(key, fallback))
                for key, item in value.items()
            }
        if isinstance(value, list):
            item_casts = casts.get(ANY) if isinstance(casts, dict) else None
            return [
                self.walk(item, (*path, index), item_casts)
                for index, item in enumerate(value)
            ]
        return value

    def _mapping(self, value: dict[str, Any], path: Path) -> dict[str, Any]:
        """Walk a mapping below which nothing is cast: most of a document."""
        result = dict(value)
        for key, item in value.items():
            if isinstance(item, str):
                if "$" in item:
                    result[key] = self._text(item, (*path, key), None)
            elif isinstance(item, (dict, list)):
                result[key] = self.walk(item, (*path, key), None)
        return result

    def _text(self, text: str, path: Path, cast: Any) -> Any:
        if "$" in text:
            try:
                text = substitute(text, self._lookup, missing=self._missing)
            except InvalidValueError as error:
                self._context.report(error.message, path, hint=error.hint)
                return text
            self._context.spend(path, text=len(text))
        if isinstance(cast, tuple):
            cast = cast[0]
        if not callable(cast):
            return text
        try:
            return cast(text, self._context)
        except InvalidValueError as error:
            self._context.report(error.message, path, hint=error.hint)
            return None

    def _missing(self, name: str) -> None:
        self._context.warn(
            f'The "{name}" variable is not set. Defaulting to a blank string.'
        )

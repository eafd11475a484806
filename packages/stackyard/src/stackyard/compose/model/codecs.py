"""The codecs of Compose attributes: what each kind of value may be written as."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stackyard.compose.errors import InvalidValueError, Path
from stackyard.compose.grammar import command, duration, filemode, hosts, size, ssh
from stackyard.compose.grammar.number import (
    float32,
    format_float32,
    parse_float,
    parse_int,
)
from stackyard.compose.grammar.scalar import text_of
from stackyard.compose.model.codec import (
    EMPTY,
    Codec,
    Form,
    Model,
    Report,
    Sorted,
    decode,
    encode,
    reported,
)
from stackyard.compose.model.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
M = TypeVar("M", bound=Model)

_TRUE: Final = frozenset({"true", "y", "yes", "on"})
_FALSE: Final = frozenset({"false", "n", "no", "off"})


def _string(value: Any, path: Path, report: Report) -> str:
    # Of numbers only whole ones are taken: of others it is open how to write them.
    if isinstance(value, str) or value is None or type(value) is int:
        return text_of(value)
    if isinstance(value, (dict, list)):
        raise InvalidValueError(f"expected a string, found {_kind(value)}")
    raise InvalidValueError(
        f"expected a string, found {text_of(value)}", hint="quote it"
    )


def _boolean(value: Any, path: Path, report: Report) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise InvalidValueError(f"{value!r} is not a boolean", hint="write true or false")


def _integer(value: Any, path: Path, report: Report) -> int:
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise InvalidValueError(
                f"{text_of(value)} is not a whole number", hint="write digits"
            )
        return int(value)
    return parse_int(text_of(value))


def _unquoted(value: Any, path: Path, report: Report) -> int:
    if not isinstance(value, (int, float)) or value != int(value):
        raise InvalidValueError(
            f"expected a whole number, found {value!r}", hint="unquote it"
        )
    return int(value)


def _number(value: Any, path: Path, report: Report) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    return parse_float(text_of(value))


def _strings(value: Any, path: Path, report: Report) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_string(item, path, report) for item in items)


def _mapping(value: Any, path: Path, report: Report) -> Mapping[str, str]:
    return FrozenDict(
        {key: "" if item is None else item for key, item in _pairs(value, "=")}
    )


def _nullable_mapping(
    value: Any, path: Path, report: Report
) -> Mapping[str, str | None]:
    pairs = _pairs(value, "=")
    # In a mapping the name is quoted, and so meant.
    for key, _ in pairs if isinstance(value, list) else ():
        if key.endswith(" "):
            raise InvalidValueError(
                f"{key!r} has a space before the =", hint="remove it"
            )
    return FrozenDict(dict(pairs))


def _string_map(value: Any, path: Path, report: Report) -> Mapping[str, str]:
    return FrozenDict(
        {
            key: reported(STRING, item, (*path, key), report)
            for key, item in value.items()
        }
    )


def _pairs(value: Any, separator: str) -> list[tuple[str, str | None]]:
    if isinstance(value, dict):
        return [
            (key, None if item is None else text_of(item))
            for key, item in value.items()
        ]
    pairs: list[tuple[str, str | None]] = []
    for entry in value if isinstance(value, list) else [value]:
        key, found, item = text_of(entry).partition(separator)
        pairs.append((key, item if found else None))
    return pairs


def _option_lists(
    value: Any, path: Path, report: Report
) -> Mapping[str, tuple[str, ...]]:
    return FrozenDict({key: _texts(item) for key, item in value.items()})


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(text_of, value if isinstance(value, list) else [value]))


def _extra_hosts(
    value: Any, path: Path, report: Report
) -> Mapping[str, tuple[str, ...]]:
    return FrozenDict(
        {host: tuple(addresses) for host, addresses in hosts.parse(value).items()}
    )


def _duration(value: Any, path: Path, report: Report) -> duration.Duration:
    if isinstance(value, duration.Duration):
        return value
    return duration.parse(text_of(value))


def _size(value: Any, path: Path, report: Report) -> size.ByteSize:
    return size.parse(value)


def _command(value: Any, path: Path, report: Report) -> tuple[str, ...]:
    words = command.split(value) if isinstance(value, str) else value
    return tuple(text_of(word) for word in words)


def _health_test(value: Any, path: Path, report: Report) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("CMD-SHELL", value)
    return tuple(text_of(word) for word in value)


def _device_count(value: Any, path: Path, report: Report) -> int:
    if isinstance(value, str) and value.lower() == "all":
        return -1
    if isinstance(value, float):
        raise InvalidValueError(f"expected a whole number, found {value!r}")
    return _integer(value, path, report)


def _natural(value: Any, path: Path, report: Report) -> int:
    number = _integer(value, path, report)
    if number < 0:
        raise InvalidValueError(f"{number} is negative", hint="write a natural number")
    return number


def _file_mode(value: Any, path: Path, report: Report) -> filemode.FileMode:
    return filemode.parse(value)


def _cpus(value: Any, path: Path, report: Report) -> float:
    # The reference keeps single precision, and prints it.
    number = float32(_number(value, path, report))
    return float(format_float32(number)) if math.isfinite(number) else number


def _ssh_keys(value: Any, path: Path, report: Report) -> Mapping[str, str | None]:
    keys = value if isinstance(value, dict) else ssh.parse(value)
    return FrozenDict(
        {key: None if item is None else text_of(item) for key, item in keys.items()}
    )


def _anything(value: Any, path: Path, report: Report) -> Any:
    return value


def nested(model: type[M]) -> Codec[M]:
    """Return the codec of a mapping that is a model; absent is None."""

    def read(value: Any, path: Path, report: Report) -> M:
        if not isinstance(value, dict):
            raise InvalidValueError(f"expected a mapping, found {_kind(value)}")
        return decode(model, value, path, report)

    return Codec(read, None, encode)


def or_nothing(model: type[M]) -> Codec[M | None]:
    """Return the codec of a mapping that is absent when it says nothing."""

    def read(value: Any, path: Path, report: Report) -> M | None:
        item = nested(model).decode(value, path, report)
        return None if item == model() else item

    return Codec(read, None, encode)


def list_of(item: Codec[T]) -> Codec[tuple[T, ...]]:
    """Return the codec of a list; a scalar is a list of one."""

    def read(value: Any, path: Path, report: Report) -> tuple[T, ...]:
        items = value if isinstance(value, list) else [value]
        decoded = (
            reported(item, each, (*path, index), report)
            for index, each in enumerate(items)
        )
        # What was refused, and reported, is None.
        return tuple(each for each in decoded if each is not None)

    write = item.encode or _as_it_is
    return Codec(
        read, (), lambda values, form: [write(value, form) for value in values]
    )


def map_of(item: Codec[T], *, nullable: bool = False) -> Codec[Mapping[str, T]]:
    """Return the codec of a mapping by name; values may be None where `nullable`."""

    def read(value: Any, path: Path, report: Report) -> Mapping[str, T]:
        result: dict[str, T] = {}
        for key, each in value.items():
            if each is None and nullable:
                result[key] = None  # type: ignore[assignment]
            else:
                result[key] = reported(item, each or {}, (*path, key), report)
        return FrozenDict(result)

    write = item.encode or _as_it_is

    def encode_map(values: Mapping[str, T], form: Form) -> Sorted:
        return Sorted(
            {
                key: None if value is None else write(value, form)
                for key, value in values.items()
            }
        )

    return Codec(read, EMPTY, encode_map)


def _as_it_is(value: Any, form: Form) -> Any:
    return value


def _plainly(write: Callable[[Any], Any]) -> Callable[[Any, Form], Any]:
    """Return an encoder that writes the same in every form."""
    return lambda value, form: write(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"{value!r}"


STRING: Final = Codec(_string, "")
BOOLEAN: Final = Codec(_boolean, False)
INTEGER: Final = Codec(_integer, 0)
NATURAL: Final = Codec(_natural, 0)
UNQUOTED: Final = Codec(_unquoted, 0)
NUMBER: Final = Codec(_number, 0.0)
STRINGS: Final = Codec(_strings, (), _plainly(list))
MAPPING: Final = Codec(_mapping, EMPTY, _plainly(Sorted))
NULLABLE_MAPPING: Final = Codec(_nullable_mapping, EMPTY, _plainly(Sorted))
STRING_MAP: Final = Codec(_string_map, EMPTY, _plainly(Sorted))
OPTION_LISTS: Final = Codec(
    _option_lists,
    EMPTY,
    lambda value, form: Sorted({key: list(items) for key, items in value.items()}),
)
EXTRA_HOSTS: Final = Codec(_extra_hosts, EMPTY, _plainly(hosts.entries))
DURATION: Final = Codec(_duration, duration.Duration(0), _plainly(str))
SIZE: Final = Codec(_size, size.ByteSize(0), _plainly(str))
COMMAND: Final = Codec(_command, (), _plainly(list))
HEALTH_TEST: Final = Codec(_health_test, (), _plainly(list))
DEVICE_COUNT: Final = Codec(_device_count, 0)
CPUS: Final = Codec(_cpus, 0.0)
FILE_MODE: Final = Codec(_file_mode, filemode.FileMode(0), _plainly(str))
SSH_KEYS: Final = Codec(_ssh_keys, EMPTY, _plainly(ssh.entries))
ANYTHING: Final = Codec(_anything, None)

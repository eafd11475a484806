"""Canonical document <-> frozen dataclasses, driven by how each field is declared.

    class Placement(Model):
        constraints: tuple[str, ...] = attribute(STRINGS)

`attribute` names a codec: how the value is read, how it is written, and its zero. A
field at its zero is left out when written, as the reference implementation does; a
field whose absence means something else than its zero is declared optional and is left
out only when it is None. Fields are declared in the order in which they are printed.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    TypeAlias,
    TypeVar,
    dataclass_transform,
)

from stackyard.compose.errors import InvalidValueError, Path
from stackyard.compose.model.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Report: TypeAlias = "Callable[[DecodeError], None]"
EMPTY: Mapping[str, Any] = FrozenDict({})
"""The zero of every mapping field."""


class DecodeError(InvalidValueError):
    """A value of the canonical document does not fit the field it is for."""

    def __init__(self, message: str, path: Path, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


@dataclasses.dataclass(frozen=True)
class Codec(Generic[T]):
    """How one kind of value is read and written.

    `decode(value, path, report)` returns the value or raises InvalidValueError; one
    that holds others reports what is wrong in them and goes on. `encode` returns plain
    data, and is None where the value is plain already.
    """

    decode: Callable[[Any, Path, Report], T]
    zero: Any
    encode: Callable[[Any, Form], Any] | None = None


class Sorted(dict[str, Any]):
    """A mapping whose keys users chose: it is printed in the order of its keys."""

    __slots__ = ()


def sorted_tree(value: Any) -> Any:
    """Return the value with every mapping in it marked as `Sorted`."""
    if isinstance(value, dict):
        return Sorted({key: sorted_tree(item) for key, item in value.items()})
    return [sorted_tree(item) for item in value] if isinstance(value, list) else value


class Form(enum.Enum):
    """What a model is encoded for; the two differ in what the reference leaves out."""

    YAML = "yaml"
    JSON = "json"


UNSET: Final = object()


def attribute(
    codec: Codec[Any],
    *,
    optional: bool = False,
    always: bool = False,
    json_zero: Any = UNSET,
    json_name: str = "",
    in_json: bool = True,
) -> Any:
    """Declare a field.

    `always` has it written even at its zero, `json_zero` is what JSON has there then.
    `json_name` is its key in JSON where that is another.
    """
    zero = None if optional else codec.zero
    metadata = {
        "codec": codec,
        "always": always,
        "json_zero": json_zero,
        "json_name": json_name,
        "in_json": in_json,
    }
    return dataclasses.field(default=zero, metadata=metadata)


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(attribute,)
)
class Model:
    """The base of all model classes; a subclass is a frozen dataclass.

    Values compare by their fields. `extensions` holds the `x-` attributes.
    """

    __slots__ = ()

    extensions: Mapping[str, Any]
    _extensible: ClassVar[bool]
    _extensible_in_json: ClassVar[bool]
    _defaults: ClassVar[dict[str, Any]]

    def __init_subclass__(
        cls, *, extensible: bool = True, extensible_in_json: bool = False
    ) -> None:
        """Make the subclass a dataclass; `extensible` keeps `x-` attributes."""
        super().__init_subclass__()
        cls._extensible = extensible
        cls._extensible_in_json = extensible_in_json
        cls.__annotations__["extensions"] = "Mapping[str, Any]"
        cls.extensions = dataclasses.field(default=EMPTY)
        # What a dataclass would generate comes from this base: generating it for some
        # forty classes would take a quarter of the time of a whole command.
        dataclasses.dataclass(init=False, eq=False, repr=False, match_args=False)(cls)
        cls._defaults = {
            field.name: field.default
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        }

    def __init__(self, **values: Any) -> None:
        """Set the fields given, and the others to their defaults."""
        unknown = values.keys() - self._defaults.keys()
        if unknown:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"{type(self).__name__} has no field {names}")
        self.__dict__.update(self._defaults)
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: a model never changes."""
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        """Refuse: a model never changes."""
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        """Compare field by field."""
        if type(self) is not type(other):
            return NotImplemented
        return bool(self.__dict__ == other.__dict__)

    def __hash__(self) -> int:
        """Hash what does not change and tells most values apart."""
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        """Show the fields that are set."""
        shown = ", ".join(
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({shown})"


class FieldSpec(NamedTuple):
    """A declared field, as `decode` and `encode` need it."""

    name: str
    codec: Codec[Any]
    default: Any
    always: bool
    json_zero: Any
    json_name: str
    in_json: bool


def fields(model: type[Model]) -> tuple[FieldSpec, ...]:
    """Return every declared field."""
    known: tuple[FieldSpec, ...] | None = model.__dict__.get("_codec_fields")
    if known is None:
        known = tuple(
            FieldSpec(name=field.name, default=field.default, **field.metadata)
            for field in dataclasses.fields(model)  # type: ignore[arg-type]
            if "codec" in field.metadata
        )
        model._codec_fields = known  # type: ignore[attr-defined]
    return known


M = TypeVar("M", bound=Model)


def decode(model: type[M], value: Any, path: Path, report: Report) -> M:
    """Return the model of a mapping; what does not fit is reported and left out."""
    values: dict[str, Any] = {}
    known = 0
    for name, codec, *_ in fields(model):
        if name in value:
            known += 1
            if value[name] is not None:
                values[name] = reported(codec, value[name], (*path, name), report)
    if known < len(value) and model._extensible:
        extensions = {k: v for k, v in value.items() if k.startswith("x-")}
        if extensions:
            values["extensions"] = FrozenDict(extensions)
    return model(**values)


def reported(codec: Codec[T], value: Any, path: Path, report: Report) -> T:
    """Return the decoded value; of one that does not fit the zero, and report it."""
    try:
        return codec.decode(value, path, report)
    except DecodeError as error:
        report(error)
    except InvalidValueError as error:
        report(DecodeError(error.message, path, hint=error.hint))
    zero: T = codec.zero
    return zero


def encode(model: Model, form: Form) -> dict[str, Any]:
    """Return the mapping that `decode` would read the model from."""
    result: dict[str, Any] = {}
    values = model.__dict__
    json = form is Form.JSON
    for spec in fields(type(model)):
        value = _encoded(spec, values[spec.name], form)
        if value is not UNSET:
            result[(json and spec.json_name) or spec.name] = value
    if not json or model._extensible_in_json:
        for key in sorted(model.extensions):
            result[key] = sorted_tree(model.extensions[key])
    return result


def _encoded(spec: FieldSpec, value: Any, form: Form) -> Any:
    """Return what is written for a field, or UNSET."""
    if value is None or (value == spec.default and not spec.always):
        return spec.json_zero if form is Form.JSON else UNSET
    if form is Form.JSON and not spec.in_json:
        return UNSET
    write = spec.codec.encode
    return value if write is None else write(value, form)

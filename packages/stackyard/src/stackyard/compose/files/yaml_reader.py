"""YAML text -> plain values, as the reference implementation's YAML library reads it.

The C parser of PyYAML yields events; the values are built here, for four reasons: types
follow Go's yaml.v3 rather than YAML 1.1 (`yes` is a string, `0o17` a number), duplicate
keys are errors, `!reset` and `!override` are collected, and every bound of
`stackyard.compose.limits` is checked before memory is spent, so that neither deep
nesting nor aliases of aliases can exhaust the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import yaml
from yaml._yaml import CParser

from stackyard.compose import limits
from stackyard.compose.errors import LoadError, Location, Path, Problem
from stackyard.compose.files.yaml_scalars import TAG, Timestamp, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Place: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

MERGE_KEY = "<<"
RESET_TAG = "!reset"
OVERRIDE_TAG = "!override"


@dataclass(frozen=True)
class Document:
    """One YAML document.

    Attributes:
        value: plain dicts, lists, strings, numbers, booleans and None.
        resets: where `!reset` and `!override` stood: what earlier files say there is
            dropped before this document is merged.
        lines: line and column (from 1) of every mapping value and sequence item; only
            filled when asked for.
        has_timestamps: whether any value is a `Timestamp`.
        size: how many values there are, mappings and sequences counted too.
    """

    value: Any
    resets: tuple[Path, ...]
    lines: dict[Path, Place]
    has_timestamps: bool
    size: int


def parse(text: str, *, file: str, with_lines: bool = False) -> list[Document]:
    """Return the documents of a YAML stream; empty documents are left out.

    Raises:
        LoadError: the text is not YAML, repeats a key, or passes a limit.
    """
    try:
        return list(_documents(CParser(text), file=file, with_lines=with_lines))
    except yaml.YAMLError as error:
        raise LoadError([_yaml_problem(error, file)]) from error
    except ValueError as error:
        # The reader refuses control characters and lone surrogates.
        raise LoadError.of(str(error), location=Location(file)) from error


def _documents(parser: Any, *, file: str, with_lines: bool) -> Iterator[Document]:
    # An anchor is known in later documents too, as in the reference implementation.
    anchors: dict[str, _Anchored] = {}
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(parser, anchors, file=file, with_lines=with_lines)
            value = builder.build()
            yield Document(
                value,
                tuple(builder.resets),
                builder.lines(),
                builder.has_timestamps,
                builder.size,
            )


def _yaml_problem(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    message = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    if context:
        message = f"{message} {context}"
    if mark is None:
        return Problem(message, location=Location(file))
    hint = None
    if "\\t" in message or "cannot start any token" in message:
        hint = "indent with spaces: YAML does not allow tabs there"
    return Problem(message, (), Location(file, mark.line + 1, mark.column + 1), hint)


class _Frame:
    """A mapping or sequence that is still open."""

    __slots__ = (
        "anchor",
        "first_place",
        "height",
        "items",
        "key",
        "key_places",
        "mapping",
        "merges",
        "path",
        "resets",
        "start",
        "tag",
    )

    def __init__(self, event: Any, *, mapping: bool, path: Path) -> None:
        self.anchor: str | None = event.anchor
        self.tag: str | None = event.tag
        self.mapping: dict[str, Any] | None = {} if mapping else None
        self.items: list[Any] = []
        self.key: Any = _NO_KEY
        self.key_places: dict[str, Place] = {}
        self.start = _place(event)
        self.merges: list[dict[str, Any]] = []
        self.path = path
        self.first_place = 0
        self.height = 1
        self.resets: list[_Reset] = []


@dataclass(frozen=True)
class _Reset:
    """A `!reset`, or an `!override`, which keeps its own value, below some frame."""

    path: Path
    keeps: bool


_OVERRIDE = _Reset((), keeps=True)


@dataclass(frozen=True)
class _Anchored:
    """An anchored value, to be copied where an alias names it.

    `height` is how many mappings and sequences it has inside each other. `places` are
    the lines below it, their paths as at the anchor, which stands `depth`
    steps below the root.
    """

    value: Any
    resets: tuple[_Reset, ...]
    places: Sequence[tuple[Path, Place]] = ()
    depth: int = 0
    height: int = 0
    is_reset: bool = False


class _NoKey:
    """Stands in a mapping's frame for: the next value is a key."""


_NO_KEY = _NoKey()


class _MergeKey(str):
    """Stands there for: the next value is merged."""

    __slots__ = ()


_MERGE = _MergeKey(MERGE_KEY)


class _Builder:
    """Builds one document from events, without recursion."""

    def __init__(
        self,
        parser: Any,
        anchors: dict[str, _Anchored],
        *,
        file: str,
        with_lines: bool,
    ) -> None:
        self._parser = parser
        self._anchors = anchors
        self._file = file
        self._with_lines = with_lines
        self._frames: list[_Frame] = []
        self._open_anchors: list[str] = []
        self.size = 0
        self._root: Any = None
        self.resets: list[Path] = []
        self._places: list[tuple[Path, Place]] = []
        self._merged_places: list[tuple[Path, Place]] = []
        self.has_timestamps = False

    def build(self) -> Any:
        """Return the document's value; its end event is consumed."""
        get_event = self._parser.get_event
        while True:
            event = get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, mapping=kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentEndEvent:
                return self._root

    def _scalar(self, event: Any) -> None:
        self._count(1, event)
        tag = event.tag
        if tag == RESET_TAG:
            self._reset(event, event.anchor)
            return
        value = resolve(tag, event.value, plain=event.implicit[0])
        if isinstance(value, Timestamp):
            self.has_timestamps = True
        if value is NotImplemented:
            self._fail(f"cannot read {event.value!r} as {tag}", event)
        resets = (_OVERRIDE,) if tag == OVERRIDE_TAG else ()
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, resets)
        self._attach(value, event, resets)

    def _open(self, event: Any, *, mapping: bool) -> None:
        self._count(1, event)
        if len(self._frames) >= limits.NESTING:
            self._fail(f"nested deeper than {limits.NESTING} levels", event)
        parent = self._frames[-1] if self._frames else None
        if parent and parent.mapping is not None and parent.key is _NO_KEY:
            self._fail("a mapping's key must be a string", event)
        if event.anchor:
            # A later anchor of the same name hides this one's predecessor, but an
            # alias inside the value itself would never end.
            self._anchors.pop(event.anchor, None)
            self._open_anchors.append(event.anchor)
        frame = _Frame(event, mapping=mapping, path=self._path_here())
        frame.first_place = len(self._places)
        self._frames.append(frame)

    def _close(self, event: Any) -> None:
        frame = self._frames.pop()
        value: Any = frame.items
        if frame.mapping is not None:
            value = _merged(frame)
        if frame.tag == RESET_TAG:
            if frame.anchor:
                self._open_anchors.remove(frame.anchor)
            self._reset(event, frame.anchor)
            return
        resets = tuple(frame.resets)
        if frame.tag == OVERRIDE_TAG:
            resets = (_OVERRIDE, *resets)
        if frame.anchor:
            self._open_anchors.remove(frame.anchor)
            places = self._places[frame.first_place :]
            depth = len(frame.path)
            self._anchors[frame.anchor] = _Anchored(
                value,
                # What is reset is no longer there to be copied.
                tuple(reset for reset in resets if reset.keeps),
                places,
                depth,
                frame.height,
            )
        self._raise(frame.height)
        self._attach(value, event, resets, start=frame.start)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name in self._open_anchors:
            self._fail(f"alias *{name} stands inside its own anchor", event)
        if name not in self._anchors:
            known = ", ".join(sorted(self._anchors)) or "none"
            self._fail(f"unknown anchor {name!r} (anchors before it: {known})", event)
        anchored = self._anchors[name]
        if anchored.is_reset:
            self._reset(event, None)
            return
        if len(self._frames) + anchored.height > limits.NESTING:
            self._fail(f"nested deeper than {limits.NESTING} levels", event)
        self._raise(anchored.height)
        copy = self._copy(anchored.value, event)
        here = self._path_here()
        merged = bool(self._frames) and self._frames[-1].key is _MERGE
        places = self._merged_places if merged else self._places
        for path, place in anchored.places:
            places.append(((*here, *path[anchored.depth :]), place))
        self._attach(copy, event, anchored.resets)

    def _raise(self, height: int) -> None:
        """Note the height of a value that is about to be put into the last frame."""
        if self._frames:
            frame = self._frames[-1]
            # What is merged does not stand below the mapping, but in its place.
            own = height if frame.key is _MERGE else height + 1
            frame.height = max(frame.height, own)

    def _attach(
        self,
        value: Any,
        event: Any,
        resets: tuple[_Reset, ...] = (),
        *,
        start: Place | None = None,
    ) -> None:
        if not self._frames:
            self._root = value
            self.resets.extend(reset.path for reset in resets if reset.path)
            return
        frame = self._frames[-1]
        if frame.mapping is None:
            self._note_place(start or _place(event))
            frame.items.append(value)
            return
        if frame.key is _NO_KEY:
            self._set_key(frame, value, event)
            return
        self._note_place(frame.key_places[frame.key])
        self._set_value(frame, value, resets, event)

    def _set_key(self, frame: _Frame, key: Any, event: Any) -> None:
        if not isinstance(key, str):
            place = ".".join(
                str(step.key) for step in self._frames[:-1] if step.key is not _NO_KEY
            )
            where = f"in {place}" if place else "at the top level"
            self._fail(
                f"non-string key {where}: {_plain(key)}",
                event,
                hint=f'quote it: "{event.value}"' if hasattr(event, "value") else None,
            )
        if key in frame.key_places:
            line, _ = frame.key_places[key]
            self._fail(f'key "{key}" is already defined at line {line}', event)
        frame.key_places[key] = _place(event)
        frame.key = _MERGE if key == MERGE_KEY and _merges(event) else key

    def _set_value(
        self, frame: _Frame, value: Any, resets: tuple[_Reset, ...], event: Any
    ) -> None:
        key, frame.key = frame.key, _NO_KEY
        mapping = frame.mapping
        assert mapping is not None
        if key is _MERGE:
            sources = value if isinstance(value, list) else [value]
            if not all(isinstance(source, dict) for source in sources):
                self._fail("<< takes a mapping, or a list of mappings", event)
            frame.merges.extend(sources)
            frame.resets.extend(reset for reset in resets if reset.path)
            return
        mapping[key] = value
        for reset in resets:
            frame.resets.append(_Reset((key, *reset.path), keeps=reset.keeps))

    def _reset(self, event: Any, anchor: str | None) -> None:
        """Leave the value out of its parent and note its place."""
        if anchor:
            self._anchors[anchor] = _Anchored(None, (), is_reset=True)
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.mapping is None:
            return
        if frame.key is _NO_KEY:
            self._fail("!reset cannot stand on a key", event)
        self._note_place(frame.key_places[frame.key])
        frame.resets.append(_Reset((frame.key,), keeps=False))
        frame.key = _NO_KEY

    def _copy(self, value: Any, event: Any) -> Any:
        if isinstance(value, dict):
            self._count(len(value) + 1, event)
            return {key: self._copy(item, event) for key, item in value.items()}
        if isinstance(value, list):
            self._count(len(value) + 1, event)
            return [self._copy(item, event) for item in value]
        return value

    def _count(self, nodes: int, event: Any) -> None:
        self.size += nodes
        if self.size > limits.NODES:
            self._fail(
                f"more than {limits.NODES:,} values once aliases are expanded",
                event,
                hint="use fewer aliases inside aliased values",
            )

    def _path_here(self) -> Path:
        """Return the path of the value that is read next, merge keys left out."""
        if not self._with_lines:
            return ()
        steps: list[str | int] = []
        for frame in self._frames:
            if frame.mapping is None:
                steps.append(len(frame.items))
            elif frame.key is not _NO_KEY and frame.key is not _MERGE:
                steps.append(frame.key)
        return tuple(steps)

    def _note_place(self, place: Place) -> None:
        if self._with_lines:
            self._places.append((self._path_here(), place))

    def lines(self) -> dict[Path, Place]:
        """Return where each value stands; a mapping's own key beats a merged one."""
        return dict(self._merged_places) | dict(self._places)

    def _fail(self, message: str, event: Any, *, hint: str | None = None) -> NoReturn:
        location = Location(self._file, *_place(event))
        raise LoadError.of(message, location=location, hint=hint)


def _merges(event: Any) -> bool:
    """Return whether `<<` merges: in quotes it is a key like any other."""
    implicit, _ = getattr(event, "implicit", (False, False))
    return implicit or getattr(event, "tag", None) == f"{TAG}merge"


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _merged(frame: _Frame) -> dict[str, Any]:
    """Return the mapping with its `<<` sources below its own keys; the first wins."""
    assert frame.mapping is not None
    if not frame.merges:
        return frame.mapping
    result: dict[str, Any] = {}
    for source in reversed(frame.merges):
        result.update(source)
    result.update(frame.mapping)
    return result


def _plain(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    return "null" if key is None else str(key)

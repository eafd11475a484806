"""Where messages begin and end in the bytes of a session, and when it is at rest.

For sessions whose server is used again: the client's goodbye must not reach it, and it
must have answered all it was asked. PostgreSQL documentation, 53.2 "Message Flow".
Imported by the pump process as well, and so imports nothing but a module in C.
"""

from _struct import Struct

_HEAD = Struct("!cI")

TERMINATE = b"X\0\0\0\4"
"""A client's goodbye."""

_ANSWERED = frozenset({b"Q", b"S", b"F"})  # each by one ReadyForQuery
_OF_COPY = frozenset({b"d", b"c", b"f"})


class Frames:
    """Follows one direction of a session, message by message.

    Attributes:
        is_over: whether the last message there can be has begun; it is held back.
        is_broken: whether something came that is no message. Nothing after it is
            understood.
    """

    __slots__ = ("_head", "_kind", "_left", "is_broken", "is_over")

    _plain: frozenset[bytes]
    """Kinds of which no note is taken."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = b""
        self._left = 0
        self.is_broken = False
        self.is_over = False

    @property
    def is_between(self) -> bool:
        """Whether the last message is complete."""
        return not (self._left or self._head or self.is_broken)

    def _follow(self, data: memoryview) -> int:
        """Return where the message begins that is to be held back, or the end.

        That is one whose first five bytes are not all there, or the goodbye.
        """
        at = self._resumed(data) if self._head or self._left else 0
        if self.is_between and not self.is_over:
            at = self._past_whole(data, at)
            if at < len(data) and not self.is_over:
                at = self._beginning(data, at)
        return len(data) if self.is_broken else at

    def _resumed(self, data: memoryview) -> int:
        """Return where the message ends of which a part came before, as `_follow`."""
        at = 0
        if self._head:
            at = _HEAD.size - len(self._head)
            self._head += bytes(data[:at])
            if len(self._head) < _HEAD.size or self._begins():
                return 0
        step = min(self._left, len(data) - at)
        at += step
        self._left -= step
        if not self._left:
            self._ended(self._kind, data[at - 1])
        return at

    def _past_whole(self, data: memoryview, at: int) -> int:
        """Return where the first message begins that is not complete, or the last."""
        left = len(data) - at
        while left >= _HEAD.size:
            kind, length = _HEAD.unpack_from(data, at)
            if not 4 <= length < left:
                break
            if kind not in self._plain:
                if self._begun(kind):
                    break
                self._ended(kind, data[at + length])
            at += 1 + length
            left -= 1 + length
        return at

    def _beginning(self, data: memoryview, at: int) -> int:
        """Take the part of a message that has come; return as `_follow`."""
        self._head = bytes(data[at : at + _HEAD.size])
        if len(self._head) < _HEAD.size or self._begins():
            return at
        self._left -= len(data) - at - _HEAD.size
        return len(data)

    def _begins(self) -> bool:
        self._kind, length = _HEAD.unpack(self._head)
        self._head = b""
        self._left = length - 4
        self.is_broken = self._left < 0
        return self._begun(self._kind)

    def _begun(self, kind: bytes) -> bool:
        """Take note of a message; return whether it is the last to be read."""
        return False

    def _ended(self, kind: bytes, last: int) -> None:
        """Take note of a message that is complete, by its last byte."""


class Requests(Frames):
    """What a client says.

    Attributes:
        asked: requests that one ReadyForQuery each will answer.
        is_loose: whether something was said since that only a Sync would end.
    """

    __slots__ = ("asked", "is_loose")

    _plain = _OF_COPY

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.is_loose = False

    def follow(self, data: memoryview) -> memoryview:
        """Return what of it is for the server by now.

        Held back are the goodbye, and the beginning of a message that could become it.
        """
        held = self._head
        to = self._follow(data)
        return memoryview(held + data[:to]) if held and to else data[:to]

    def _begun(self, kind: bytes) -> bool:
        if kind in _ANSWERED:
            self.asked += 1
            self.is_loose = False
        elif kind == b"X":
            self.is_over = True
        elif kind not in _OF_COPY:
            self.is_loose = True
        return self.is_over


class Answers(Frames):
    """What a server says.

    Attributes:
        ready: how often it was ready for the next request.
        state: of its transaction when it was so last, as a byte; I is none.
    """

    __slots__ = ("ready", "state")

    _plain = frozenset(bytes([kind]) for kind in range(256)) - {b"Z"}

    def __init__(self) -> None:
        super().__init__()
        self.ready = 0
        self.state = ord("I")

    def follow(self, data: memoryview) -> memoryview:
        """Return all of it: a client may have any part of a message."""
        self._follow(data)
        return data

    def _ended(self, kind: bytes, last: int) -> None:
        if kind == b"Z":
            self.ready += 1
            self.state = last


class Dialogue:
    """Both directions of a session."""

    __slots__ = ("answers", "requests")

    def __init__(self) -> None:
        self.requests = Requests()
        self.answers = Answers()

    @property
    def is_at_rest(self) -> bool:
        """Whether the server has answered all, and is in no transaction."""
        requests, answers = self.requests, self.answers
        return (
            requests.is_between
            and answers.is_between
            and not requests.is_loose
            and requests.asked == answers.ready
            and answers.state == ord("I")
        )

"""Objects in memory as one text, and back: the very same values, in the same order, shared where they were shared.

A portrait holds data only: None, bool, int, str, `Decimal`, `StrEnum`, tuples, lists, deques, sets, dicts, and objects
of the classes that the caller names, attribute by attribute. Nothing in a text can name anything else, and reading one
runs no code of the classes. Whether a text is what was written is the caller's to check (a checksum); what cannot be
read is a `PortraitError`, and nothing has changed then.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

_BEHAVIOUR = "_handlers"
"""An attribute of this name says what an object does, not what it knows."""
_SCALARS = (type(None), bool, int, str)


class PortraitError(ValueError):
    """A text that is no portrait of these subjects."""


class Kinds:
    """The classes that may stand in a portrait, by name; two of one name are a programmer's mistake."""

    def __init__(self, classes: Iterable[type]) -> None:
        self.by_name: dict[str, type] = {}
        for each in classes:
            name = f"{each.__module__}.{each.__qualname__}"
            assert name not in self.by_name, name
            self.by_name[name] = each
        self.names = {each: name for name, each in self.by_name.items()}
        self.slots = {each: _slots(each) for each in self.names}


def draw_portrait(subjects: Mapping[str, object], kinds: Kinds) -> str:
    """The text of all that the subjects know. Raises `TypeError` for a value no portrait can hold."""
    painter = _Painter(kinds)
    parts = {name: {key: painter.write(value) for key, value in _known(each)} for name, each in subjects.items()}
    return json.dumps(parts, separators=(",", ":"))


def restore_from_portrait(text: str, subjects: Mapping[str, object], kinds: Kinds) -> None:
    """Give fresh subjects what the text holds. Raises `PortraitError`, and has changed nothing then."""
    try:
        parts = json.loads(text)
        if list(parts) != list(subjects):
            raise PortraitError("it shows other subjects")
        reader = _Reader(kinds)
        found = {name: {key: reader.read(value) for key, value in part.items()} for name, part in parts.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, InvalidOperation, RecursionError) as error:
        raise PortraitError(f"it cannot be read: {type(error).__name__}") from None
    for name, each in subjects.items():
        if [key for key, _ in _known(each)] != list(found[name]):
            raise PortraitError(f"{name} knows other things now")
    for name, each in subjects.items():
        for key, value in found[name].items():
            setattr(each, key, value)


def _known(subject: object) -> list[tuple[str, object]]:
    return [(key, value) for key, value in vars(subject).items() if key != _BEHAVIOUR]


def _slots(kind: type) -> tuple[str, ...] | None:
    """The attributes of a class with slots; None where each object has its own."""
    slots = kind.__dict__.get("__slots__")
    return None if slots is None else tuple(slots)


class _Painter:
    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._seen: dict[int, int] = {}
        self._held: list[object] = []
        """Keeps what was seen alive, so that no identity is given twice."""

    def write(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is Decimal:
            return ["D", str(value)]
        if isinstance(value, StrEnum):
            return ["E", self._name(kind), value.value]
        if kind is tuple:
            return ["T", *map(self.write, value)]
        number = self._seen.get(id(value))
        if number is not None:
            return ["R", number]
        self._seen[id(value)] = len(self._held)
        self._held.append(value)
        if kind is dict:
            return ["M", *(self.write(each) for pair in value.items() for each in pair)]
        if kind is set:
            return ["S", *map(self.write, sorted(value))]
        if kind is list or kind is deque:
            return ["L" if kind is list else "Q", *map(self.write, value)]
        return ["O", self._name(kind), *(self.write(each) for each in self._attributes(kind, value))]

    def _attributes(self, kind: type, value: Any) -> list[Any]:
        slots = self._kinds.slots[kind]
        if slots is not None:
            return [getattr(value, name) for name in slots]
        return [each for pair in _known(value) for each in pair]

    def _name(self, kind: type) -> str:
        name = self._kinds.names.get(kind)
        if name is None:
            raise TypeError(f"{kind.__qualname__} is none of the classes that a portrait may hold")
        return name


class _Reader:
    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._seen: list[Any] = []

    def read(self, value: Any) -> Any:
        if type(value) in _SCALARS:
            return value
        sort, *rest = value
        if sort == "D":
            return Decimal(rest[0])
        if sort == "E":
            return self._kinds.by_name[rest[0]](rest[1])
        if sort == "T":
            return tuple([self.read(each) for each in rest])
        if sort == "R":
            return self._seen[rest[0]]
        return self._container(sort, rest)

    def _container(self, sort: str, rest: list[Any]) -> Any:
        """Known by its number before what it holds is read, as when it was written."""
        if sort == "O":
            return self._object(self._kinds.by_name[rest[0]], rest[1:])
        made: Any = {"M": dict, "S": set, "L": list, "Q": deque}[sort]()
        self._seen.append(made)
        values = [self.read(each) for each in rest]
        if sort == "M":
            made.update(zip(values[::2], values[1::2], strict=True))
        elif sort == "S":
            made.update(values)
        else:
            made.extend(values)
        return made

    def _object(self, kind: type, rest: list[Any]) -> Any:
        made: Any = object.__new__(kind)
        self._seen.append(made)
        slots = self._kinds.slots[kind]
        values = rest if slots is None else [each for pair in zip(slots, rest, strict=True) for each in pair]
        for name, value in zip(values[::2], values[1::2], strict=True):
            object.__setattr__(made, name, self.read(value))
        return made

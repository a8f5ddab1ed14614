"""Texts of a venue with one place spoilt, and what of a reading they changed.

A text is written from a JSON value with one of its places, a leaf or a whole branch, replaced by a raw token: so that
also what no JSON writer gives (a number too large for a float, a name that comes twice, a bare NaN) gets into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

Place = tuple[str | int, ...]

MISSING = "missing"
TOKENS: dict[str, str] = {
    "null": "null",
    "empty": '""',
    "blank": '" "',
    "nan text": '"NaN"',
    "infinity text": '"Infinity"',
    "exponent text": '"1E-8"',
    "hexadecimal": '"0x1F"',
    "underscore": '"1_0"',
    "comma": '"1,5"',
    "padded": '" 1"',
    "arabic": '"٣"',
    "fullwidth": '"\\uff11"',
    "sixty digits": '"' + "9" * 60 + '"',
    "long": '"' + "x" * 600 + '"',
    "controls": '"\\u001b[31m\\u0000\\r\\n\\u202e"',
    "half a character": '"\\ud800"',
    "word": '"UNHEARD_OF"',
    "nan": "NaN",
    "infinity": "-Infinity",
    "too large": "1e999",
    "too small": "1e-999",
    "exponent": "1e-8",
    "sixty nines": "9" * 60,
    "many nines": "9" * 4_000,
    "too many nines": "9" * 5_000,
    "true": "true",
    "false": "false",
    "list": "[]",
    "object": "{}",
    "list of null": "[null]",
    "strange object": '{"a":1}',
    "deep": "[" * 400 + "]" * 400,
    "too deep": "[" * 100_000 + "]" * 100_000,
}
"""None of them is an amount, a price, a time, an id or a flag of any venue, apart from the two flags."""
ABSENT = frozenset({MISSING, "null"})
TEXTS = frozenset(name for name, token in TOKENS.items() if token.startswith('"'))


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every leaf and every branch, the root last."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*at, key))
    yield at


def written(value: Any, place: Place, token: str, *, before: str = "", after: str = "") -> str:
    """The text with `token` at `place`. `before`, `after`: the same name once more, ahead of it or behind."""
    if not place:
        return token
    key, rest = place[0], place[1:]
    if isinstance(value, list):
        listed = [written(v, rest, token, before=before, after=after) if i == key else json.dumps(v)
                  for i, v in enumerate(value)]  # fmt: skip
        return f"[{','.join(listed)}]"
    members = []
    for name, member in value.items():
        if name != key:
            members.append(f"{json.dumps(name)}:{json.dumps(member)}")
        elif rest:
            members.append(f"{json.dumps(name)}:{written(member, rest, token, before=before, after=after)}")
        else:
            members += [f"{json.dumps(name)}:{each}" for each in (before, token, after) if each not in ("", MISSING)]
    return "{" + ",".join(members) + "}"


def at_place(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def told(value: object) -> object:
    """A reading as plain containers and leaves."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return [[told(key), told(member)] for key, member in value.items()]
    if isinstance(value, list | tuple):
        return [told(member) for member in value]
    return value


def leaves(value: object) -> Iterator[object]:
    """Of what `told` gives."""
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from leaves(member)
    else:
        yield value


def changes(before: object, after: object) -> list[tuple[object, object]]:
    """The leaves, or branches of another shape, in which two tellings differ."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return [change for key in before for change in changes(before[key], after[key])]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [change for one, other in zip(before, after, strict=True) for change in changes(one, other)]
    return [] if type(before) is type(after) and before == after else [(before, after)]


def is_finite(value: object) -> bool:
    """Whether no number in a telling is one that nothing could be computed with."""
    return all(leaf.is_finite() for leaf in leaves(value) if isinstance(leaf, Decimal))

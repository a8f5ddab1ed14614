"""Reading what a venue wrote, strictly: every value has the type it must have, or there is a `DecodeError`.

Codecs build on this and nothing else. A number is a plain decimal (no exponent, no NaN, no infinity); a missing or null
field is an error unless it was asked for as optional; an unknown word of a closed vocabulary is an error. What a codec
cannot read becomes an event of its client ("the stream is broken, look at the venue"), never a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")

_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_PLAIN_INTEGER = re.compile(r"-?[0-9]{1,40}", re.ASCII)
_TOO_MANY = 10**40
_LONGEST_TEXT = 512
_LONGEST_SHOWN = 160


class DecodeError(ValueError):
    """A message is not what the venue's protocol says. Names the field, never the whole message.

    Its text is safe to show: names of fields and channels are the venue's words too.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class _Number(str):
    """A JSON number with a fraction or an exponent, as it was written: no float ever stands in between."""

    __slots__ = ()


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON number")


_JSON = json.JSONDecoder(parse_float=_Number, parse_constant=_refuse_constant)


def parse_json(text: str | bytes) -> object:
    """Any JSON value; numbers with a fraction keep their digits. Raises `DecodeError`."""
    try:
        value: object = _JSON.decode(text if isinstance(text, str) else str(text, "utf-8"))
    except (ValueError, RecursionError):
        raise DecodeError("this is no JSON") from None
    return value


def parse_fields(text: str | bytes, where: str) -> Fields:
    """A JSON object. Raises `DecodeError`."""
    return Fields.of(parse_json(text), where)


def plain_decimal(value: object, where: str) -> Decimal:
    """A number, or a string that is one, without exponent. Raises `DecodeError`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DecodeError(f"{where} is no decimal number")
    text = str(value) if isinstance(value, int) and abs(value) < _TOO_MANY else value
    if not isinstance(text, str) or _PLAIN_DECIMAL.fullmatch(text) is None:
        raise DecodeError(f"{where} is no plain decimal number")
    return Decimal(text)


def wire_decimal(value: Decimal) -> str:
    """A number as venues want it: plain, no exponent, no zeros behind the last digit that says something."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _can_be_sent(text: str) -> bool:
    """Whether a text is one outside of this process too: JSON can spell half a character, which no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: object) -> str:
    """Text of a venue, made safe for a message: printable, one line, short."""
    kept = str(text)[:_LONGEST_SHOWN]
    if not kept.isprintable():
        kept = "".join(character if character.isprintable() else " " for character in kept)
    return " ".join(kept.split())


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object whose fields are read by type. `where` names it in errors."""

    values: Mapping[str, object]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Fields:
        if not isinstance(value, dict):
            raise DecodeError(f"{where} is no object")
        return cls(value, where)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(name) is not None

    def raw(self, name: str) -> object:
        """The field as parsed; an error when it is missing or null."""
        value = self.values.get(name)
        if value is None:
            raise DecodeError(f"{self._at(name)} is missing")
        return value

    def text(self, name: str, *, empty: bool = False) -> str:
        """A name, an id or a word. With `empty` also free text: it may be empty, and hold what is not printable."""
        value = self.values.get(name)
        if type(value) is str and 0 < len(value) <= _LONGEST_TEXT and value.isprintable():
            return value  # The rule, and a fill's close waits for it.
        value = self.raw(name)
        if not isinstance(value, str) or isinstance(value, _Number) or len(value) > _LONGEST_TEXT:
            raise DecodeError(f"{self._at(name)} is no text")
        if not value and not empty:
            raise DecodeError(f"{self._at(name)} is empty")
        if not value.isprintable() and (not empty or not _can_be_sent(value)):
            raise DecodeError(f"{self._at(name)} has letters that no name has")
        return value

    def text_or(self, name: str, default: str) -> str:
        return self.text(name, empty=True) if self.has(name) else default

    def decimal(self, name: str) -> Decimal:
        """A decimal number, written as a string or as a number."""
        value = self.values.get(name)
        if type(value) is str and _PLAIN_DECIMAL.fullmatch(value) is not None:
            return Decimal(value)  # The rule, as for texts.
        return plain_decimal(self.raw(name), self._at(name))

    def decimal_or_none(self, name: str) -> Decimal | None:
        return self.decimal(name) if self.has(name) else None

    def positive(self, name: str) -> Decimal:
        value = self.decimal(name)
        if value <= 0:
            raise DecodeError(f"{self._at(name)} is not positive")
        return value

    def not_negative(self, name: str) -> Decimal:
        value = self.decimal(name)
        if value < 0:
            raise DecodeError(f"{self._at(name)} is negative")
        return value

    def integer(self, name: str) -> int:
        """A JSON integer, or a string of digits; of 40 at most."""
        value = self.raw(name)
        if type(value) is int and abs(value) < _TOO_MANY:
            return value
        if isinstance(value, str) and _PLAIN_INTEGER.fullmatch(value) is not None:
            return int(value)
        raise DecodeError(f"{self._at(name)} is no integer")

    def integer_or_none(self, name: str) -> int | None:
        return self.integer(name) if self.has(name) else None

    def boolean(self, name: str) -> bool:
        value = self.raw(name)
        if not isinstance(value, bool):
            raise DecodeError(f"{self._at(name)} is neither true nor false")
        return value

    def boolean_or(self, name: str, default: bool) -> bool:
        return self.boolean(name) if self.has(name) else default

    def choice(self, name: str, words: Mapping[str, T]) -> T:
        """What a word of a closed vocabulary stands for."""
        word = self.text(name)
        if word not in words:
            raise DecodeError(f"{self._at(name)} is the unknown word {shown(word)!r}")
        return words[word]

    def fields(self, name: str) -> Fields:
        return Fields.of(self.raw(name), self._at(name))

    def items(self, name: str) -> list[object]:
        return items(self.raw(name), self._at(name))

    def rows(self, name: str) -> list[Fields]:
        return rows(self.raw(name), self._at(name))

    def _at(self, name: str) -> str:
        return f"{self.where}.{name}"


def items(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise DecodeError(f"{where} is no list")
    return value


def rows(value: object, where: str) -> list[Fields]:
    """A list of objects."""
    return [Fields.of(item, f"{where}[{index}]") for index, item in enumerate(items(value, where))]

"""Journal records as compact JSON text, and back.

One record is one JSON object on one line, ASCII only: `{"kind":"Fill","at_ns":1,...}`. The kind is the class name and
the fields are the dataclass's, all of them, in order of declaration; renaming either changes the journal's format.
`Decimal` travels as a string and keeps its exponent, so that `decode_record(encode_record(r)) == r` digit for digit.

Decoding is strict: a journal is input. An unknown kind, a field too many or too few, a wrong type, a number that is not
finite or not in plain notation is a `RecordError`, never a guess.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.events import JOURNALED, Record

_Encode = Callable[[Any], str]
_Decode = Callable[[Any], Any]
_Pairs = list[tuple[str, Any]]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[+-][0-9]{1,6})?")


class RecordError(ValueError):
    """A text that is no record, or a record that must not be written. The message is one line."""


def encode_record(record: Record) -> str:
    """The record's one line of JSON. Raises `RecordError` for a type not journaled and a value not finite."""
    encode = _ENCODERS.get(type(record))
    if encode is None:
        raise RecordError(f"{type(record).__name__} is not a journaled type")
    return encode(record)


def decode_record(text: str) -> Record:
    """The record of one line. Raises `RecordError`; nothing else."""
    try:
        pairs = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not a JSON record: {error}") from None
    if not isinstance(pairs, _Object) or not pairs or pairs[0][0] != "kind":
        raise RecordError("not a JSON object that begins with its kind")
    kind = pairs[0][1]
    decode = _DECODERS.get(kind) if isinstance(kind, str) else None
    if decode is None:
        raise RecordError(f"unknown kind of record {str(kind)[:60]!r}")
    record: Record = decode(_Object(pairs[1:]))
    return record


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that a repeated name is seen; and never confused with an array."""


def _refuse_number(text: str) -> Any:
    raise RecordError(f"the bare number {text[:40]} stands where only whole numbers may")


_JSON = json.JSONDecoder(object_pairs_hook=_Object, parse_float=_refuse_number, parse_constant=_refuse_number)


# A codec per type, resolved once from the type hints.


def _codec(hint: Any) -> tuple[_Encode, _Decode]:
    """The encoder and decoder of one field type."""
    plain = _PLAIN.get(hint)
    if plain is not None:
        return plain
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        return _optional(hint)
    if origin is tuple:
        return _sequence(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enumeration(hint)
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        return _dataclass(hint, "{", "")
    raise TypeError(f"no codec for {hint!r}")


def _encode_decimal(value: Any) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise RecordError(f"{value!r} is not a finite Decimal")
    text = str(value)
    if "E" in text and _NUMBER.fullmatch(text) is None:
        raise RecordError(f"{value!r} has an exponent no market has")
    return f'"{text}"'


def _decode_decimal(value: Any) -> Decimal:
    if type(value) is not str or _NUMBER.fullmatch(value) is None:
        raise RecordError(f"{str(value)[:60]!r} is not a decimal number in quotes")
    return Decimal(value)


def _encode_int(value: Any) -> str:
    if type(value) is not int:
        raise RecordError(f"{value!r} is not a whole number")
    return str(value)


def _decode_int(value: Any) -> int:
    if type(value) is not int:
        raise RecordError(f"{str(value)[:60]!r} is not a whole number")
    return value


def _encode_str(value: Any) -> str:
    if not isinstance(value, str):
        raise RecordError(f"{value!r} is not a text")
    return encode_basestring_ascii(value)


def _decode_str(value: Any) -> str:
    if type(value) is not str:
        raise RecordError(f"{str(value)[:60]!r} is not a text")
    return value


def _encode_bool(value: Any) -> str:
    if type(value) is not bool:
        raise RecordError(f"{value!r} is neither true nor false")
    return "true" if value else "false"


def _decode_bool(value: Any) -> bool:
    if type(value) is not bool:
        raise RecordError(f"{str(value)[:60]!r} is neither true nor false")
    return value


_PLAIN: dict[Any, tuple[_Encode, _Decode]] = {
    Decimal: (_encode_decimal, _decode_decimal),
    int: (_encode_int, _decode_int),
    str: (_encode_str, _decode_str),
    bool: (_encode_bool, _decode_bool),
}


def _optional(hint: Any) -> tuple[_Encode, _Decode]:
    inner = [arm for arm in get_args(hint) if arm is not types.NoneType]
    if len(inner) != 1 or len(get_args(hint)) != 2:
        raise TypeError(f"only `X | None` has a codec, not {hint!r}")
    encode, decode = _codec(inner[0])
    return (
        lambda value: "null" if value is None else encode(value),
        lambda value: None if value is None else decode(value),
    )


def _sequence(hint: Any) -> tuple[_Encode, _Decode]:
    item, dots = get_args(hint)
    if dots is not Ellipsis:
        raise TypeError(f"only `tuple[X, ...]` has a codec, not {hint!r}")
    encode, decode = _codec(item)

    def decode_items(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise RecordError(f"{str(value)[:60]!r} is not a list")
        return tuple([decode(each) for each in value])

    return (lambda value: "[" + ",".join([encode(each) for each in value]) + "]"), decode_items


def _enumeration(kind: type[StrEnum]) -> tuple[_Encode, _Decode]:
    texts = {member: f'"{member.value}"' for member in kind}
    members = {member.value: member for member in kind}

    def encode(value: Any) -> str:
        if type(value) is not kind:
            raise RecordError(f"{value!r} is not a {kind.__name__}")
        return texts[value]

    def decode(value: Any) -> StrEnum:
        member = members.get(value) if type(value) is str else None
        if member is None:
            raise RecordError(f"{str(value)[:60]!r} is not a {kind.__name__}")
        return member

    return encode, decode


def _dataclass(kind: type, opening: str, separator: str) -> tuple[_Encode, _Decode]:
    """`opening` begins the object's text; `separator` goes before its first field."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    codecs = [_codec(hints[name]) for name in names]
    leads = [f'{separator if index == 0 else ","}"{name}":' for index, name in enumerate(names)]
    writers = [(name, lead, codec[0]) for name, lead, codec in zip(names, leads, codecs, strict=True)]
    readers = [(name, codec[1]) for name, codec in zip(names, codecs, strict=True)]

    def encode(value: Any) -> str:
        return opening + "".join([lead + write(getattr(value, name)) for name, lead, write in writers]) + "}"

    def decode(value: Any) -> Any:
        if type(value) is not _Object:
            raise RecordError(f"{kind.__name__} is not an object")
        if [name for name, _ in value] != names:
            raise RecordError(f"{kind.__name__} must have exactly the fields {', '.join(names)}")
        try:
            return kind(*[read(part[1]) for (_, read), part in zip(readers, value, strict=True)])
        except RecordError:
            raise
        except ValueError as error:
            raise RecordError(f"{kind.__name__}: {error}") from None

    return encode, decode


_BY_KIND = {kind: _dataclass(kind, f'{{"kind":"{kind.__name__}"', ",") for kind in JOURNALED}
_ENCODERS: dict[type, _Encode] = {kind: codec[0] for kind, codec in _BY_KIND.items()}
_DECODERS: dict[str, _Decode] = {kind.__name__: codec[1] for kind, codec in _BY_KIND.items()}

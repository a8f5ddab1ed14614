"""What a decoder of the catalogue is, and short words to name one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exchanges.decoding import DecodeError, Fields, parse_fields
from exchanges.errors import ExchangeError

Read = Callable[[str], object]
AND_REFUSALS = (DecodeError, ExchangeError)


@dataclass(frozen=True, slots=True)
class Decoder:
    """`whole`: a message as its venue's protocol shows it, in JSON. `read` takes its text and goes through the decoders
    as the client does, from the wire to what the bot is told; it may raise `errors`."""

    name: str
    whole: Any
    read: Read
    errors: tuple[type[Exception], ...] = (DecodeError,)


def of_fields(decode: Callable[[Fields], object]) -> Read:
    return lambda text: decode(parse_fields(text, "message"))


def of_body(decode: Callable[[bytes], object]) -> Read:
    return lambda text: decode(text.encode())


def refused(error: Exception | None) -> object:
    return None if error is None else (type(error).__name__, getattr(error, "reason", ""), str(error))

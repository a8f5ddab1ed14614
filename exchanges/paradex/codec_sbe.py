"""Paradex's binary frames (SBE schema 1, versions 0 to 2). Pure, strict, typed; the same results as from JSON.

A frame is a header, a fixed block whose length the header tells (later versions append to it), repeating groups, and
texts with a length byte. Numbers are whole 10^-8 units, times microseconds. Kinds of frames that are not listed here
are skipped, as the schema demands; a frame that is cut short, or holds a word that is not in the schema, raises
`DecodeError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from domain.market import Side
from exchanges.decoding import DecodeError, shown, wire_decimal
from exchanges.paradex.codec import (
    FILL_TYPES,
    LIQUIDITIES,
    ORDER_STATES,
    WireFill,
    WireOrder,
    WirePosition,
    wire_fill,
    wire_order,
)
from exchanges.paradex.codec_account import Bbo
from exchanges.paradex.facts import SCALE_DIGITS

T = TypeVar("T")

_SCHEMA = 1
_HEADER = struct.Struct("<HHHH")
_GROUP = struct.Struct("<HH")
_LEVEL = struct.Struct("<qq")
_TRADE = struct.Struct("<qqqBqqqB")
_BBO = struct.Struct("<qqqqqq")
_BOOK = struct.Struct("<qqB9q")
_ORDER = struct.Struct("<qqBBBBqqqqqqq32sqqBB")
_FILL = struct.Struct("<qqBBBqqqqq32sqq")
_POSITION = struct.Struct("<qqBqqqqqqqq32sqqqqqB")
_HEARTBEAT = struct.Struct("<qq")
_NULL = -(1 << 63)
_MOST_LEVELS = 10_000

_SIDES = {1: Side.BUY, 2: Side.SELL}
_STATES = dict(enumerate((ORDER_STATES[word] for word in ("NEW", "UNTRIGGERED", "OPEN", "CLOSED")), 1))
_LIQUIDITIES = {1: LIQUIDITIES["MAKER"], 2: LIQUIDITIES["TAKER"]}
_FILL_TYPE_WORDS = ("FILL", "LIQUIDATION", "UNWIND_TRANSFER", "SETTLE_MARKET", "RPI", "BLOCK_TRADE")
_FILL_TYPES = dict(enumerate((FILL_TYPES[word] for word in _FILL_TYPE_WORDS), 1))
_PACKAGES = {0: True, 1: False}
_POSITION_STATES = {1: True, 2: False}
_FEE_CURRENCY_BEFORE_2 = "USDC"
"""Versions 0 and 1 do not say what a fee was paid in."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The session is idle and alive."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A public trade; `side` is the taker's."""

    market: str
    trade_id: str
    side: Side
    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Levels (price, size) of a book. In a change, a size of 0 removes a level, and `seq` is the last one's plus 1."""

    market: str
    seq: int
    is_snapshot: bool
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


_Block = tuple[Any, ...]
"""The unpacked fixed block: integers, and the bytes of addresses."""
Frame = Bbo | Trade | Book | WireOrder | WireFill | WirePosition | Heartbeat


def decode_frame(frame: bytes) -> Frame | None:
    """What a binary frame says; None for a kind that is not read here."""
    if len(frame) < _HEADER.size:
        raise DecodeError("binary frame: cut short")
    block_length, template, schema, version = _HEADER.unpack_from(frame)
    if schema != _SCHEMA:
        raise DecodeError(f"binary frame: schema {schema} instead of {_SCHEMA}")
    known = _TEMPLATES.get(template)
    if known is None:
        return None
    layout, where, decode = known
    if block_length < layout.size or _HEADER.size + block_length > len(frame):
        raise DecodeError(f"{where}: the block of {block_length} bytes does not fit")
    return decode(layout.unpack_from(frame, _HEADER.size), _Tail(frame, _HEADER.size + block_length, where), version)


class _Tail:
    """What follows the fixed block, read in order."""

    __slots__ = ("_at", "_frame", "where")

    def __init__(self, frame: bytes, at: int, where: str) -> None:
        self._frame = frame
        self._at = at
        self.where = where

    def text(self) -> str:
        raw = self._take(self._take(1)[0])
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise DecodeError(f"{self.where}: a text that is not UTF-8") from None

    def name(self) -> str:
        """A text that must not be empty."""
        text = self.text()
        if not text:
            raise DecodeError(f"{self.where}: an empty name")
        return text

    def levels(self) -> tuple[tuple[Decimal, Decimal], ...]:
        entry_length, count = _GROUP.unpack(self._take(_GROUP.size))
        if entry_length < _LEVEL.size or count > _MOST_LEVELS:
            raise DecodeError(f"{self.where}: a group of {count} entries of {entry_length} bytes")
        return tuple(self._level(entry_length) for _ in range(count))

    def _level(self, length: int) -> tuple[Decimal, Decimal]:
        price, size = _LEVEL.unpack_from(self._take(length))
        return _positive(price, self.where), _not_negative(size, self.where)

    def _take(self, length: int) -> bytes:
        taken = self._frame[self._at : self._at + length]
        if len(taken) != length:
            raise DecodeError(f"{self.where}: cut short")
        self._at += length
        return taken


# --- numbers and words ----------------------------------------------------------------------------------------------


def _number(units: int) -> Decimal:
    return Decimal(wire_decimal(Decimal(units).scaleb(-SCALE_DIGITS)))


def _told(units: int, where: str) -> Decimal:
    if units == _NULL:
        raise DecodeError(f"{where}: a number is missing")
    return _number(units)


def _positive(units: int, where: str) -> Decimal:
    value = _told(units, where)
    if value <= 0:
        raise DecodeError(f"{where}: {value} is not positive")
    return value


def _not_negative(units: int, where: str) -> Decimal:
    value = _told(units, where)
    if value < 0:
        raise DecodeError(f"{where}: {value} is negative")
    return value


def _positive_or_none(units: int, where: str) -> Decimal | None:
    return None if units == _NULL else _positive(units, where)


def _choice(code: int, words: Mapping[int, T], where: str) -> T:
    if code not in words:
        raise DecodeError(f"{where}: the unknown code {code}")
    return words[code]


# --- the kinds of frames --------------------------------------------------------------------------------------------


def _bbo(block: _Block, tail: _Tail, _version: int) -> Bbo:
    where = tail.where
    bid, bid_size, ask, ask_size = (_positive_or_none(units, where) for units in block[2:6])
    return Bbo(tail.name(), block[1], bid, bid_size, ask, ask_size)


def _trade(block: _Block, tail: _Tail, version: int) -> Trade:
    where = tail.where
    side, price, size = _choice(block[3], _SIDES, where), _positive(block[4], where), _positive(block[5], where)
    market = tail.name()
    return Trade(market, tail.name() if version >= 2 else str(block[2]), side, price, size)


def _book(block: _Block, tail: _Tail, _version: int) -> Book:
    is_snapshot = _choice(block[2], _PACKAGES, tail.where)
    bids, asks = tail.levels(), tail.levels()
    return Book(tail.name(), block[1], is_snapshot, bids, asks)


def _order(block: _Block, tail: _Tail, _version: int) -> WireOrder:
    where = tail.where
    order_id, client_id, market, reason = tail.name(), tail.text(), tail.name(), tail.text()
    return wire_order(
        where=where,
        market=market,
        order_id=order_id,
        client_id=client_id,
        side=_choice(block[3], _SIDES, where),
        size=_positive(block[8], where),
        remaining=_not_negative(block[9], where),
        price=None if block[6] in (_NULL, 0) else _positive(block[6], where),
        state=_choice(block[2], _STATES, where),
        reason=shown(reason),
    )


def _fill(block: _Block, tail: _Tail, version: int) -> WireFill:
    where = tail.where
    fill_id, order_id, client_id, _trade_id, market = tail.name(), tail.text(), tail.text(), tail.text(), tail.name()
    if not 0 < block[9] < 1 << 56:
        raise DecodeError(f"{where}: no time")
    return wire_fill(
        where=where,
        market=market,
        fill_id=fill_id,
        order_id=order_id,
        client_id=client_id,
        side=_choice(block[3], _SIDES, where),
        liquidity=_choice(block[4], _LIQUIDITIES, where),
        price=_positive(block[5], where),
        size=_positive(block[6], where),
        fee=_told(block[7], where),
        fee_currency=tail.name() if version >= 2 else _FEE_CURRENCY_BEFORE_2,
        forced=_choice(block[2], _FILL_TYPES, where),
        venue_ns=block[9] * 1_000,
    )


def _position(block: _Block, tail: _Tail, _version: int) -> WirePosition:
    """Here the size has no sign."""
    where = tail.where
    side, size = _choice(block[2], _SIDES, where), _not_negative(block[3], where)
    is_open = _choice(block[17], _POSITION_STATES, where)
    return WirePosition(tail.name(), size * side.sign if is_open else Decimal(0))


def _heartbeat(_block: _Block, _tail: _Tail, _version: int) -> Heartbeat:
    return Heartbeat()


_TEMPLATES: dict[int, tuple[struct.Struct, str, Callable[[_Block, _Tail, int], Frame]]] = {
    1: (_TRADE, "trade frame", _trade),
    2: (_BBO, "quote frame", _bbo),
    3: (_BOOK, "book frame", _book),
    20: (_ORDER, "order frame", _order),
    21: (_FILL, "fill frame", _fill),
    22: (_POSITION, "position frame", _position),
    40: (_HEARTBEAT, "heartbeat frame", _heartbeat),
}

"""How the venue writes binary frames: packed from the published layout of schema 1, version by version."""

from __future__ import annotations

import struct
from decimal import Decimal

from domain.market import Quote, Side
from exchanges.paradex.twin_wire import OrderView, Ticket
from exchanges.rehearsal.desk import TwinFill

_SCHEMA = 1
_NOTHING = -(2**63)
_STATUS_CODES = {"NEW": 1, "UNTRIGGERED": 2, "OPEN": 3, "CLOSED": 4}
_INSTRUCTION_CODES = {"GTC": 1, "IOC": 2, "POST_ONLY": 3, "RPI": 4}
_EXPIRE_TAKER = 2


def bbo(quote: Quote, market: str, seq: int, at_ns: int, version: int) -> bytes:
    sides = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
    block = struct.pack("<6q", at_ns // 1_000, seq, *(_units(value) for value in sides))
    return _frame(2, version, block, market)


def heartbeat(seq: int, at_ns: int, version: int) -> bytes:
    return _frame(40, version, struct.pack("<2q", at_ns // 1_000, seq))


def order(seen: OrderView, market: str, account: int, seq: int, version: int) -> bytes:
    ticket = seen.ticket
    created_us, updated_us = ticket.received_ns // 1_000, seen.updated_ns // 1_000
    block = struct.pack(
        "<qq4B7q32sqqBB",
        updated_us,
        seq,
        _STATUS_CODES[seen.status],
        _side(ticket.side),
        2 if ticket.price is None else 1,
        _INSTRUCTION_CODES[ticket.instruction],
        _units(ticket.price),
        _NOTHING,
        _units(seen.size),
        _units(seen.remaining),
        _units(None if seen.average is None else round(seen.average, 8)),
        created_us,
        updated_us,
        account.to_bytes(32, "big"),
        created_us,
        updated_us,
        _EXPIRE_TAKER,
        1 if "REDUCE_ONLY" in ticket.flags else 0,
    )
    texts = [ticket.order_id, ticket.client_id, market, seen.reason]
    if version >= 2:
        block += bytes(2)
        texts += ["", ""]
    return _frame(20, version, block, *texts)


def fill(
    told: TwinFill, fill_id: str, ticket: Ticket | None, side: Side, market: str, account: int, version: int
) -> bytes:
    """`side`: as the venue's text form would say it."""
    block = struct.pack(
        "<qq3B5q32sqq",
        told.at_ns // 1_000,
        told.number,
        2 if told.order.forced else 1,
        _side(side),
        1 if told.is_maker else 2,
        _units(told.price),
        _units(told.quantity),
        _units(told.fee),
        _NOTHING,
        told.at_ns // 1_000,
        account.to_bytes(32, "big"),
        _units(told.price),
        0,
    )
    texts = [
        fill_id,
        f"{told.order.number}" if ticket is None else ticket.order_id,
        "" if ticket is None else ticket.client_id,
        fill_id,
        market,
    ]
    if version >= 2:
        block += struct.pack("<BQ", 0, told.number)
        texts.append("USDC")
    return _frame(21, version, block, *texts)


def position(quantity: Decimal, entry: Decimal, market: str, account: int, at_ns: int, version: int) -> bytes:
    """Here the size has no sign."""
    block = struct.pack(
        "<qqB8q32s5qB",
        at_ns // 1_000,
        at_ns,
        _side(Side.SELL if quantity < 0 else Side.BUY),
        _units(abs(quantity)),
        _units(entry),
        0,
        0,
        _NOTHING,
        _NOTHING,
        0,
        at_ns // 1_000,
        account.to_bytes(32, "big"),
        _units(entry),
        _units(abs(quantity) * entry),
        _units(abs(quantity) * entry),
        0,
        0,
        1 if quantity else 2,
    )
    return _frame(22, version, block, market, "")


def _frame(template: int, version: int, block: bytes, *texts: str) -> bytes:
    parts = [struct.pack("<4H", len(block), template, _SCHEMA, version), block]
    for text in texts:
        raw = text.encode()
        parts.append(bytes([len(raw)]) + raw)
    return b"".join(parts)


def _units(value: Decimal | None) -> int:
    """Whole 10^-8; what is finer is cut off."""
    return _NOTHING if value is None else int(value * 10**8)


def _side(side: Side) -> int:
    return 1 if side is Side.BUY else 2

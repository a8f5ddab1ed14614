"""Every field of every message that counts, spoilt in every way: an error and a lost stream, never a made-up value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from domain.events import Fill, OrderUpdate, PositionUpdate, StreamLost, StreamRestored
from exchanges.decoding import DecodeError
from exchanges.lighter.codec_stream import (
    decode_book,
    decode_frame,
    decode_order_news,
    decode_position_news,
    decode_trade_news,
)
from exchanges.lighter.twin_wire import Scale, level_rows
from tests.support.lighter_world import QUIET, twin_of, world_of

ACCOUNT = 1077
MISSING = object()
NO_TEXT: tuple[object, ...] = (MISSING, None, "", 1, 1.5, True, [], {}, "x" * 600)
NO_WORD: tuple[object, ...] = (*NO_TEXT, "UNHEARD_OF", "Open", " open")
NO_NUMBER: tuple[object, ...] = (
    MISSING, None, "", "NaN", "Infinity", "-Infinity", "1E-8", "1e5", "0x10", " 1", "1,5", "abc", "٣", [], {}, True,
    False, 1e-8, 10**60, "9" * 60,
)  # fmt: skip
NO_AMOUNT = (*NO_NUMBER, "-1", -1)
NO_PRICE = (*NO_AMOUNT, "0", 0)
NO_WHOLE: tuple[object, ...] = (MISSING, None, "", "abc", "NaN", "1E3", 1.5, "1.5", -1, True, [], {}, 1 << 80)
NO_TIME = (*NO_WHOLE, 0, 10**18)
NO_FLAG: tuple[object, ...] = (MISSING, None, "", "true", 0, 1, [], {})
NO_FEE = tuple(value for value in NO_WHOLE if value not in (MISSING, None, -1, 1 << 80))

ORDER: dict[str, Any] = {
    "order_index": 281474977354074, "client_order_index": 42, "market_index": 0, "owner_account_index": ACCOUNT,
    "initial_base_amount": "0.1000", "remaining_base_amount": "0.0600", "filled_base_amount": "0.0400",
    "price": "2221.60", "is_ask": False, "type": "limit", "time_in_force": "post-only", "status": "open",
    "updated_at": 1766387932,
}  # fmt: skip
TRADE: dict[str, Any] = {
    "trade_id": 17609, "type": "trade", "market_id": 0, "size": "0.0400", "price": "2221.60", "ask_id": 5,
    "bid_id": 281474977354074, "ask_client_id": 0, "bid_client_id": 42, "ask_account_id": 20,
    "bid_account_id": ACCOUNT, "is_maker_ask": False, "timestamp": 1766386112741, "taker_fee": 196, "maker_fee": 28,
}  # fmt: skip
POSITION: dict[str, Any] = {"market_id": 0, "sign": 1, "position": "0.0400"}
LEVEL: dict[str, Any] = level_rows({Decimal("2221.6"): Decimal("1.5")}, Scale(2, 4))[0]

Spoilers = dict[str, tuple[object, ...]]
FRAMES: dict[str, tuple[dict[str, Any], Spoilers]] = {
    "orders": (
        ORDER,
        {
            "order_index": NO_WHOLE, "client_order_index": (*NO_WHOLE, 1 << 48), "market_index": NO_WHOLE,
            "owner_account_index": (*NO_WHOLE, 1), "initial_base_amount": NO_AMOUNT,
            "remaining_base_amount": NO_AMOUNT, "filled_base_amount": NO_AMOUNT, "price": NO_AMOUNT,
            "is_ask": NO_FLAG, "type": NO_TEXT, "status": NO_WORD, "updated_at": NO_TIME,
        },
    ),
    "trades": (
        TRADE,
        {
            "trade_id": NO_WHOLE, "type": NO_WORD, "market_id": NO_WHOLE, "size": NO_PRICE, "price": NO_PRICE,
            "bid_id": NO_WHOLE, "bid_client_id": (*NO_WHOLE, 1 << 48), "ask_account_id": NO_WHOLE[:-5],
            "bid_account_id": NO_WHOLE, "is_maker_ask": NO_FLAG, "timestamp": NO_TIME, "maker_fee": NO_FEE,
        },
    ),
    "positions": (
        POSITION,
        {"market_id": NO_WHOLE, "sign": (*NO_WHOLE[:-5], 0, 2, -2, True), "position": NO_AMOUNT},
    ),
    "asks": (LEVEL, {"price": NO_PRICE, "size": NO_AMOUNT}),
}  # fmt: skip


def frame_of(kind: str, row: dict[str, Any], account: int = ACCOUNT) -> str:
    if kind == "asks":
        book = {"asks": [row], "bids": [], "nonce": 2, "begin_nonce": 1}
        return json.dumps({"type": "update/order_book", "channel": "order_book:0", "order_book": book})
    listed: object = row if kind == "positions" else [row]
    name = f"account_all_{kind}"
    return json.dumps({"type": f"update/{name}", "channel": f"{name}:{account}", kind: {"0": listed}})


def read(kind: str, row: dict[str, Any]) -> object:
    fields = decode_frame(frame_of(kind, row)).fields
    if kind == "orders":
        return decode_order_news(fields, ACCOUNT)
    if kind == "trades":
        return decode_trade_news(fields, ACCOUNT)
    return decode_position_news(fields) if kind == "positions" else decode_book(fields)


def spoilt(row: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != name} if value is MISSING else {**row, name: value}


def fields_of(*kinds: str) -> Iterator[Any]:
    for kind in kinds:
        for name in FRAMES[kind][1]:
            yield pytest.param(kind, name, id=f"{kind}-{name}")


@pytest.mark.parametrize("kind, name", list(fields_of(*FRAMES)))
def test_a_spoilt_field_is_an_error(kind: str, name: str) -> None:
    row, spoilers = FRAMES[kind]
    read(kind, row)  # Whole, it is no error.
    taken = []
    for value in spoilers[name]:
        try:
            taken.append((value, read(kind, spoilt(row, name, value))))
        except DecodeError:
            continue
    assert taken == []


@pytest.mark.parametrize("kind, name", list(fields_of("orders", "trades", "positions")))
async def test_a_message_with_a_spoilt_field_is_a_lost_stream_and_never_a_value(kind: str, name: str) -> None:
    async with world_of(QUIET) as world:
        twin = twin_of(world)
        row = dict(FRAMES[kind][0])
        for owner in ("owner_account_index", "bid_account_id"):
            if owner in row:
                row[owner] = twin.account
        (socket_id,) = twin.sockets
        # A word is spoilt by an empty one, everything else by a word.
        twin.push(
            socket_id, frame_of(kind, spoilt(row, name, "" if name in ("type", "status") else "NaN"), twin.account)
        )
        world.running.host.live()
        lost = await world.log.until(StreamLost)
        assert "cannot be read" in lost.reason
        await world.log.until(StreamRestored)
        assert [world.log.of(event) for event in (OrderUpdate, Fill, PositionUpdate)] == [[], [], []]

"""Every field of every message that counts, spoilt in every way: an error and a lost stream, never a made-up value."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, OrderUpdate, PositionUpdate, StreamLost, StreamRestored
from exchanges.aster import codec
from exchanges.aster.codec_stream import decode_message
from exchanges.aster.twin import AsterTwin
from exchanges.decoding import DecodeError, Fields, parse_json
from exchanges.errors import ExchangeError
from tests.support.aster_frames import ACCOUNT, NEWS, ORDER, PARTIAL, TICKER, TRADE
from tests.support.aster_twin import QUIET
from tests.support.contract import contract_world
from tests.support.contract_venues.aster import VENUE

MISSING = object()
NO_TEXT: tuple[object, ...] = (MISSING, None, "", 1, 1.5, True, [], {}, "x" * 600)
NO_WORD: tuple[object, ...] = (*NO_TEXT, "UNHEARD_OF", "buy", " BUY")
NO_NUMBER: tuple[object, ...] = (
    MISSING, None, "", "NaN", "Infinity", "-Infinity", "1E-8", "1e5", "0x10", " 1", "1,5", "abc", "٣", [], {}, True,
    False, 1e-8, 10**60, "9" * 60,
)  # fmt: skip
NO_AMOUNT = (*NO_NUMBER, "-1", -1)
NO_PRICE = (*NO_AMOUNT, "0", 0)
NO_ID: tuple[object, ...] = (MISSING, None, "", "abc", "NaN", "1E3", 1.5, "1.5", 0, -1, True, [], {})
NO_TIME = (*NO_ID, 10**18)
NO_FLAG: tuple[object, ...] = (MISSING, None, "", "true", 0, 1, [], {})

Spoilers = dict[str, tuple[object, ...]]
ORDER_FIELDS: Spoilers = {
    "orderId": NO_ID, "symbol": NO_TEXT, "status": NO_WORD, "clientOrderId": NO_TEXT, "price": NO_AMOUNT,
    "origQty": NO_AMOUNT, "executedQty": NO_AMOUNT, "side": NO_WORD,
}  # fmt: skip
NEWS_FIELDS: Spoilers = {
    "s": NO_TEXT, "c": NO_TEXT, "S": NO_WORD, "f": NO_TEXT, "q": NO_AMOUNT, "x": NO_WORD, "X": NO_WORD, "i": NO_ID,
    "l": NO_PRICE, "z": NO_AMOUNT, "L": NO_PRICE, "T": NO_TIME, "t": NO_ID, "m": NO_FLAG, "N": NO_TEXT,
    "n": NO_NUMBER,
}  # fmt: skip
TRADE_FIELDS: Spoilers = {
    "id": NO_ID, "orderId": NO_ID, "symbol": NO_TEXT, "side": NO_WORD, "price": NO_PRICE, "qty": NO_PRICE,
    "commission": NO_NUMBER, "commissionAsset": NO_TEXT, "maker": NO_FLAG, "time": NO_TIME,
}  # fmt: skip
TICKER_FIELDS: Spoilers = {"s": NO_TEXT, "b": NO_PRICE, "B": NO_AMOUNT, "a": NO_PRICE, "A": NO_AMOUNT, "u": NO_ID}
POSITION_FIELDS: Spoilers = {"s": NO_TEXT, "pa": NO_NUMBER, "ps": NO_WORD}


def spoilt(row: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != name} if value is MISSING else {**row, name: value}


def trade_news(row: dict[str, Any]) -> str:
    return json.dumps({**NEWS, "o": row})


def account_news(row: dict[str, Any]) -> str:
    return json.dumps({**ACCOUNT, "a": {**ACCOUNT["a"], "P": [row]}})


def read_order(row: dict[str, Any]) -> object:
    return codec.decode_order(Fields.of(parse_json(json.dumps(row)), "order"))


def read_trade(row: dict[str, Any]) -> object:
    return codec.decode_trades(parse_json(json.dumps([row])))


FRAMES: dict[str, tuple[dict[str, Any], Spoilers, Callable[[dict[str, Any]], object]]] = {
    "order": (ORDER, ORDER_FIELDS, read_order),
    "trade": (TRADE, TRADE_FIELDS, read_trade),
    "news": ({**NEWS["o"], **PARTIAL}, NEWS_FIELDS, lambda row: decode_message(trade_news(row))),
    "position": (ACCOUNT["a"]["P"][0], POSITION_FIELDS, lambda row: decode_message(account_news(row))),
    "touch": (TICKER, TICKER_FIELDS, lambda row: decode_message(json.dumps(row))),
}


def fields() -> Iterator[Any]:
    for kind, (_, spoilers, _) in FRAMES.items():
        for name in spoilers:
            yield pytest.param(kind, name, id=f"{kind}-{name}")


@pytest.mark.parametrize("kind, name", list(fields()))
def test_a_spoilt_field_is_an_error(kind: str, name: str) -> None:
    row, spoilers, read = FRAMES[kind]
    read(row)  # Whole, it is no error.
    taken = []
    for value in spoilers[name]:
        try:
            taken.append((value, read(spoilt(row, name, value))))
        except DecodeError:
            continue
    assert taken == []


def test_a_trade_on_the_stream_has_its_fee_whole_or_not_at_all() -> None:
    row = {**NEWS["o"], **PARTIAL}
    decode_message(trade_news({name: value for name, value in row.items() if name not in ("N", "n")}))
    for name in ("N", "n"):
        with pytest.raises(DecodeError):
            decode_message(trade_news(spoilt(row, name, MISSING)))


def test_a_trade_larger_than_what_is_filled_in_all_is_an_error() -> None:
    row = {**NEWS["o"], **PARTIAL}
    with pytest.raises(DecodeError, match="a trade of 7"):
        decode_message(trade_news({**row, "l": "7"}))


@pytest.mark.parametrize("name", NEWS_FIELDS)
async def test_an_order_message_with_a_spoilt_field_is_a_lost_stream_and_never_a_value(name: str) -> None:
    row = {**NEWS["o"], **PARTIAL, "s": "ETHUSDT"}
    # A text may be any; one that is none is what cannot be read.
    frame = trade_news(spoilt(row, name, None if NEWS_FIELDS[name] is NO_TEXT and name != "N" else "NaN"))
    if name == "N":
        frame = trade_news(spoilt(row, name, MISSING))
    async with contract_world(VENUE, QUIET) as world:
        assert isinstance(world.twin, AsterTwin)
        (socket,) = world.twin.subscribers("account")
        world.twin.push(socket.socket_id, frame)
        world.running.host.live()
        lost = await world.log.until(StreamLost)
        assert lost.reason.startswith("account stream: "), lost
        await world.log.until(StreamRestored)
        assert [world.log.of(kind) for kind in (OrderUpdate, Fill, PositionUpdate)] == [[], [], []]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_a_message_or_an_error(value: object) -> None:
    with contextlib.suppress(DecodeError):
        decode_message(json.dumps(value))


@given(st.sampled_from(["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "bookTicker", "markPriceUpdate"]), _JSON, _JSON)
def test_any_content_of_a_known_message_is_read_or_an_error(kind: str, one: object, two: object) -> None:
    with contextlib.suppress(DecodeError):
        decode_message(json.dumps({"e": kind, "o": one, "a": two, "T": one, "s": two}))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error_or_an_answer(body: bytes) -> None:
    with contextlib.suppress(ExchangeError, DecodeError):
        codec.answer(200, body)

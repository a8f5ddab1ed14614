"""Binary frames: the vectors decode whole, and a frame that is cut, or holds an unknown code, is an error."""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity
from domain.market import Side
from domain.orders import OrderStatus
from exchanges.base import OrderInfo
from exchanges.decoding import DecodeError
from exchanges.paradex.codec import WireFill, WireOrder, WirePosition
from exchanges.paradex.codec_account import Bbo
from exchanges.paradex.codec_sbe import Book, Heartbeat, Trade, decode_frame

VECTORS_FILE = Path(__file__).parents[2] / "vectors" / "paradex.json"
FRAMES: dict[str, bytes] = {
    frame["name"]: bytes.fromhex(frame["frame_hex"])
    for frame in json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["sbe_frames"]["frames"]
}
SDK: dict[str, Any] = {
    frame["name"]: frame["decoded"]
    for frame in json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["sbe_frames"]["frames"]
}
BTC = "BTC-USD-PERP"
ORDER_ID = "1681462103821101699438490000"


def D(text: str) -> Decimal:
    return Decimal(text)


def order_info(status: OrderStatus, filled: str, remaining: str, reason: str = "") -> OrderInfo:
    return OrderInfo(ORDER_ID, Side.BUY, D("0.0123"), D("98765.4"), status, D(filled), D(remaining), reason, None)


EXPECTED: dict[str, object] = {
    "bbo_v2": Bbo(BTC, 14127815, D("98765.4"), D("0.992"), D("98765.5"), D("3.137")),
    "bbo_v2_empty_ask": Bbo(BTC, 14127816, D("98765.4"), D("0.992"), None, None),
    "trade_v2": Trade(BTC, "1718179273230201709233240002", Side.BUY, D("98765.5"), D("0.01")),
    "book_snapshot_v2": Book(
        BTC,
        1000,
        True,
        ((D("98765.4"), D("0.992")), (D("98765.3"), D("1"))),
        ((D("98765.5"), D("3.137")),),
    ),
    "book_delta_v2": Book(BTC, 1001, False, ((D("98765.3"), D("0")),), ((D("98765.6"), D("0.5")),)),
    "order_open_v2": WireOrder(BTC, order_info(OrderStatus.OPEN, "0", "0.0123")),
    "order_closed_post_only_v2": WireOrder(
        BTC, order_info(OrderStatus.REFUSED, "0", "0.0123", "post_only_would_cross")
    ),
    "order_closed_filled_v2": WireOrder(BTC, order_info(OrderStatus.FILLED, "0.0123", "0")),
    "fill_v2": WireFill(
        BTC,
        Fill(
            at_ns=0,
            client_id=None,
            order_id=ORDER_ID,
            trade_id="1718947571560201703986670002",
            side=Side.BUY,
            price=D("98765.4"),
            quantity=D("0.0123"),
            fee=D("0.0364"),
            liquidity=Liquidity.MAKER,
            venue_ns=1760000000123456_000,
        ),
    ),
    "heartbeat": Heartbeat(),
}


def test_every_frame_of_the_vectors_has_an_expected_value() -> None:
    assert set(EXPECTED) == set(FRAMES)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_frame_decodes_whole(name: str) -> None:
    assert decode_frame(FRAMES[name]) == EXPECTED[name]


@pytest.mark.parametrize("name", ["bbo_v2", "bbo_v2_empty_ask"])
def test_a_quote_is_what_the_sdk_reads(name: str) -> None:
    frame, sdk = decode_frame(FRAMES[name]), SDK[name]
    assert isinstance(frame, Bbo)
    told = (frame.seq, frame.bid, frame.bid_size, frame.ask, frame.ask_size)
    numbers = (sdk[field] for field in ("bid_price", "bid_size", "ask_price", "ask_size"))
    assert told == (sdk["seq_no"], *(None if number is None else Decimal(number) for number in numbers))


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "heartbeat"])
def test_a_frame_cut_anywhere_is_an_error_or_says_the_same(name: str) -> None:
    """Texts that this reader does not need may be missing at the end: an earlier version has not got them."""
    for length in range(len(FRAMES[name])):
        try:
            assert decode_frame(FRAMES[name][:length]) == EXPECTED[name]
        except DecodeError:
            continue


def test_a_longer_block_of_a_later_version_is_stepped_over() -> None:
    frame = FRAMES["bbo_v2"]
    longer = struct.pack("<HHHH", 48 + 3, 2, 1, 9) + frame[8:56] + b"\1\2\3" + frame[56:]
    assert decode_frame(longer) == EXPECTED["bbo_v2"]


def test_earlier_versions_have_no_fee_currency_and_no_trade_text() -> None:
    fill = FRAMES["fill_v2"]
    early = struct.pack("<HHHH", 107, 21, 1, 1) + fill[8:115] + fill[8 + 116 : -5]
    assert decode_frame(early) == EXPECTED["fill_v2"]
    trade = FRAMES["trade_v2"]
    early = struct.pack("<HHHH", 50, 1, 1, 1) + trade[8 : 8 + 50 + 13]
    assert decode_frame(early) == Trade(BTC, "-123", Side.BUY, D("98765.5"), D("0.01"))


def test_kinds_of_frames_that_are_not_read_are_skipped() -> None:
    assert decode_frame(struct.pack("<HHHH", 4, 23, 1, 2) + b"1234") is None


def test_a_frame_of_another_schema_is_an_error() -> None:
    with pytest.raises(DecodeError, match="schema 7"):
        decode_frame(struct.pack("<HHHH", 48, 2, 7, 2) + FRAMES["bbo_v2"][8:])


ORDER_CODES = {"status": 24, "side": 25}
ORDER_NUMBERS = {"size": 44, "remaining": 52}
FILL_CODES = {"fill type": 24, "side": 25, "liquidity": 26}
FILL_NUMBERS = {"price": 27, "size": 35, "created at": 59}
NULL = -(1 << 63)


def with_bytes(name: str, at: int, raw: bytes) -> bytes:
    frame = FRAMES[name]
    return frame[:at] + raw + frame[at + len(raw) :]


@pytest.mark.parametrize(
    "name, at",
    [("order_open_v2", at) for at in ORDER_CODES.values()] + [("fill_v2", at) for at in FILL_CODES.values()],
)
@given(code=st.sampled_from([0, 99, 254, 255]))
def test_an_unknown_code_is_an_error(name: str, at: int, code: int) -> None:
    with pytest.raises(DecodeError):
        decode_frame(with_bytes(name, at, bytes([code])))


@pytest.mark.parametrize(
    "name, at",
    [("order_open_v2", at) for at in ORDER_NUMBERS.values()]
    + [("fill_v2", at) for at in FILL_NUMBERS.values()]
    + [("bbo_v2", at) for at in (24, 32, 40, 48)],
)
def test_a_negative_number_is_an_error(name: str, at: int) -> None:
    with pytest.raises(DecodeError):
        decode_frame(with_bytes(name, at, struct.pack("<q", -5)))


@pytest.mark.parametrize(
    "name, at",
    [("order_open_v2", at) for at in ORDER_NUMBERS.values()] + [("fill_v2", at) for at in FILL_NUMBERS.values()],
)
def test_a_missing_number_is_an_error(name: str, at: int) -> None:
    with pytest.raises(DecodeError):
        decode_frame(with_bytes(name, at, struct.pack("<q", NULL)))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_a_decode_error(frame: bytes) -> None:
    try:
        decode_frame(frame)
    except DecodeError:
        return


@given(
    st.sampled_from(sorted(set(FRAMES) - {"heartbeat"})),
    st.integers(min_value=0, max_value=220),
    st.integers(min_value=0, max_value=255),
)
def test_a_changed_byte_is_read_or_refused(name: str, at: int, value: int) -> None:
    frame = bytearray(FRAMES[name])
    frame[at % len(frame)] = value
    try:
        decode_frame(bytes(frame))
    except DecodeError:
        return


def position_frame(side: int, size: int, status: int) -> bytes:
    numbers = (0, 1, side, size, *[0] * 6, 0, bytes(32), *[0] * 5, status)
    block = struct.pack("<qqBqqqqqqqq32sqqqqqB", *numbers)
    market = BTC.encode()
    return struct.pack("<HHHH", len(block), 22, 1, 2) + block + bytes([len(market)]) + market + b"\0"


def test_a_position_in_binary_has_its_sign_in_the_side() -> None:
    assert decode_frame(position_frame(2, 34_500_000, 1)) == WirePosition(BTC, D("-0.345"))
    assert decode_frame(position_frame(1, 34_500_000, 1)) == WirePosition(BTC, D("0.345"))
    assert decode_frame(position_frame(1, 0, 2)) == WirePosition(BTC, D("0"))
    with pytest.raises(DecodeError):
        decode_frame(position_frame(3, 1, 1))

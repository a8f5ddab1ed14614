"""Every field of every frame, broken in every way: an error, never a made-up value."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.market import Side
from exchanges.decoding import DecodeError
from exchanges.edgex import codec, codec_stream
from exchanges.edgex.codec_stream import (
    TradeEvent,
)
from exchanges.edgex.contracts import find_contract
from exchanges.errors import Misconfigured
from tests.support.edgex_frames import (
    ARABIC_ONE,
    BTC,
    FILL,
    METADATA,
    ORDER,
    success,
    trade_event,
)

MISSING = object()
BROKEN: list[object] = [
    MISSING, None, "", "NaN", "1E-8", "Infinity", "-1", ARABIC_ONE, "0x10", "word", 7.5, True, [], {}, "9" * 600,
    float("nan"),
]  # fmt: skip
ANY_TEXT: list[object] = ["NaN", "1E-8", "Infinity", "-1", ARABIC_ONE, "0x10", "word"]
SPEAKING: dict[tuple[str, str], list[object]] = {
    ("order", "id"): ANY_TEXT,
    ("order", "contractId"): ANY_TEXT,
    ("order", "clientOrderId"): [*ANY_TEXT, ""],
    ("order", "price"): [7.5],
    ("fill", "id"): ANY_TEXT,
    ("fill", "orderId"): ANY_TEXT,
    ("fill", "fillFee"): ["-1", 7.5],
    ("fill", "fillSize"): [7.5],
}
"""What of the broken values is a value of the field's own type, and then another one."""
REQUIRED = {
    "order": ("id", "contractId", "side", "price", "size", "status", "clientOrderId", "cumMatchSize"),
    "fill": ("id", "orderId", "fillSize", "fillFee", "fillPrice", "direction", "matchTime"),
}


def events_of(frame: object) -> list[object]:
    """What a frame of the private socket becomes; or one word for an error."""
    try:
        message = codec_stream.decode_message(json.dumps(frame))
        assert isinstance(message, TradeEvent)
        news = codec_stream.decode_account_news(message, BTC)
    except DecodeError:
        return ["error"]
    told: list[object] = [each.update(0, each.info.size) for each in news.orders]
    return told + [each.fill(0, 1, Side.BUY) for each in news.fills]


def broken(row: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != name} if value is MISSING else {**row, name: value}


def cases() -> Iterator[Any]:
    for kind, names in REQUIRED.items():
        for name in names:
            for value in BROKEN:
                yield pytest.param(
                    kind, name, value, id=f"{kind}-{name}-{'missing' if value is MISSING else value!r:.12}"
                )


@pytest.mark.parametrize("kind, name, value", list(cases()))
def test_a_broken_field_is_an_error_or_means_just_what_it_says(kind: str, name: str, value: object) -> None:
    rows: dict[str, dict[str, Any]] = {"order": dict(ORDER), "fill": dict(FILL)}
    del rows["order"]["cumFillSize"]
    whole = events_of(trade_event("ORDER_UPDATE", order=[rows["order"]], orderFillTransaction=[rows["fill"]]))
    rows[kind] = broken(rows[kind], name, value)
    told = events_of(trade_event("ORDER_UPDATE", order=[rows["order"]], orderFillTransaction=[rows["fill"]]))
    if told == ["error"] or told == whole:
        return
    # Texts and plain numbers of the right type are what they say; nothing else may get through.
    assert (kind, name) in SPEAKING, told
    assert value in SPEAKING[kind, name], told


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["type", "content", "data", "event", "version", "order", "orderFillTransaction", "position", "channel",
         "dataType", "id", "status", "time", "code", "msg", "dataList", "positionTransaction"]), inner, max_size=6)
), max_leaves=25))  # fmt: skip
@example({"type": "trade-event", "content": None})
@example({"type": "quote-event", "content": {"dataType": "Snapshot"}})
def test_any_json_is_a_message_or_a_decode_error(value: object) -> None:
    text = json.dumps(value)
    for decode in (codec_stream.decode_message, lambda body: codec.decode_envelope(body.encode())):
        try:
            message = decode(text)
        except DecodeError:
            continue
        if isinstance(message, TradeEvent):
            try:
                codec_stream.decode_account_news(message, BTC)
            except DecodeError:
                continue


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_decode_error(data: bytes) -> None:
    for decode in (codec_stream.decode_message, codec.decode_envelope):
        with contextlib.suppress(DecodeError):
            decode(data)


@given(st.sampled_from(sorted(METADATA["contractList"][0])), st.sampled_from(BROKEN[:-1]))
def test_a_broken_listing_is_an_error_or_a_contract_with_positive_numbers(name: str, value: object) -> None:
    metadata = copy.deepcopy(METADATA)
    metadata["contractList"][0] = broken(metadata["contractList"][0], name, value)
    try:
        contract = find_contract(success(metadata), "BTC")
    except (DecodeError, Misconfigured):
        return
    rules, terms = contract.rules, contract.terms
    assert min(rules.tick_size, rules.quantity_step, rules.min_quantity) > 0
    assert min(terms.contract_resolution, terms.coin_resolution, terms.chain_id, terms.contract_id) > 0

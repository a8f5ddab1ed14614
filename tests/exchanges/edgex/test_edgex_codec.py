"""The frames of the protocol decode into whole values; a status means what its totals and reasons say."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import MarketRules, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError
from exchanges.edgex import codec, codec_stream
from exchanges.edgex.book import Book, BookGap
from exchanges.edgex.codec import Envelope, VenueFill, VenueOrder
from exchanges.edgex.codec_stream import (
    AccountNews,
    Best,
    BookChange,
    Connected,
    Funding,
    Ping,
    Pong,
    QuoteEvent,
    StreamRefusal,
    Subscribed,
    TradeEvent,
)
from exchanges.edgex.contracts import Contract, find_contract
from exchanges.edgex.signing import SignedOrder, SigningTerms
from exchanges.errors import Misconfigured
from tests.support.edgex_frames import (
    ACCOUNT,
    ARABIC_ONE,
    BTC,
    FILL,
    METADATA,
    STREAMED_ORDER,
    D,
    fields,
    news_of,
    order,
    success,
    trade_event,
)

# --- whole values ---------------------------------------------------------------------------------------------------


def test_an_order_of_the_listing_is_read_whole() -> None:
    assert order() == VenueOrder(
        BTC,
        OrderInfo(
            "564829588270612618", Side.BUY, D("0.001"), D("96260.7"), OrderStatus.OPEN, D(0), D("0.001"), "", 77
        ),
    )  # fmt: skip


def test_an_order_of_the_stream_becomes_a_fact_with_a_total() -> None:
    frame = trade_event("ORDER_UPDATE", order=[STREAMED_ORDER], orderFillTransaction=[])
    (pending,) = news_of(frame).orders
    assert pending.update(5, D("0.002")) == OrderUpdate(5, 1, OrderFact.ACCEPTED, "736936291735699983", D(0), None, "")
    assert pending.update(5, D("0.003")).quantity == D("0.002")


def test_a_partial_fill_is_an_open_order_with_a_matched_total_and_a_trade() -> None:
    row = {**STREAMED_ORDER, "status": "OPEN", "cumMatchSize": "0.001"}
    trade = {k: v for k, v in FILL.items() if k not in ("contractId", "orderSide", "realizePnl")}
    trade |= {"fillPrice": "97393.8", "fillValue": "97.3938"}
    news = news_of(trade_event("ORDER_UPDATE", order=[row], orderFillTransaction=[trade]))
    (partial,), (fill,) = news.orders, news.fills
    assert (partial.info.status, partial.info.filled_size, partial.info.remaining_size) == (
        OrderStatus.OPEN, D("0.001"), D("0.001"),
    )  # fmt: skip
    assert fill == VenueFill(
        "570000000000000001", "736936291735699983", None, None, D("97393.8"), D("0.001"), D("0.017540"),
        Liquidity.MAKER, 1734662617982_000_000,
    )  # fmt: skip
    assert fill.fill(5, 1, Side.BUY) == Fill(
        5, 1, "736936291735699983", "570000000000000001", Side.BUY, D("97393.8"), D("0.001"), D("0.017540"),
        Liquidity.MAKER, 1734662617982_000_000, False,
    )  # fmt: skip
    assert (news.position, news.funding, news.is_forced) == (None, [], False)


def test_the_login_and_the_snapshot_are_read() -> None:
    connected = {"sid": "b146", "type": "connected", "time": "1775699229526"}
    assert codec_stream.decode_message(json.dumps(connected)) == Connected()
    lists: dict[str, object] = {name: [] for name in ("account", "position", "order", "orderFillTransaction")}
    frame = trade_event("Snapshot", **lists, collateral=[{"coinId": "1000", "amount": "105.44"}])
    frame["content"]["version"] = "17873"
    message = codec_stream.decode_message(json.dumps(frame))
    assert isinstance(message, TradeEvent)
    assert (message.event, message.version, message.is_snapshot) == ("Snapshot", 17873, True)
    assert codec_stream.decode_account_news(message, BTC) == AccountNews([], [], None, [], False)


def test_the_settlement_brings_the_position() -> None:
    frame = trade_event("ORDER_UPDATE", order=[], position=[{"contractId": BTC, "openSize": "-0.002"}])
    assert news_of(frame).position == D("-0.002")


def test_funding_is_read_as_received() -> None:
    row = {
        "id": "9",
        "contractId": BTC,
        "type": "SETTLE_FUNDING_FEE",
        "deltaFundingFee": "-0.0123",
        "fundingTime": "1734662617982",
    }
    assert news_of(trade_event("FUNDING_SETTLEMENT", positionTransaction=[row])).funding == [
        Funding("9", D("-0.0123"), 1734662617982_000_000)
    ]


def test_rows_of_other_contracts_are_left_out_without_being_read() -> None:
    other = {"contractId": "30000002", "status": "NEVER_SEEN"}
    assert news_of(trade_event("ORDER_UPDATE", order=[other], orderFillTransaction=[other])).orders == []


def test_the_venues_own_trades_are_marked() -> None:
    assert news_of(trade_event("FORCE_TRADE_UPDATE", order=[])).is_forced
    row = {"contractId": BTC, "type": "SELL_POSITION", "isLiquidate": True}
    assert news_of(trade_event("ORDER_UPDATE", positionTransaction=[row])).is_forced


def test_heartbeats_acknowledgements_and_refusals_are_told_apart() -> None:
    decode = codec_stream.decode_message
    assert decode('{"type":"ping","time":"1693208170000"}') == Ping("1693208170000")
    assert decode('{"type":"pong","time":"1"}') == Pong()
    channel = "depth.30000001.15"
    assert decode(json.dumps({"type": "subscribed", "channel": channel, "request": "{}"})) == Subscribed(channel)
    refused = {"type": "error", "content": {"code": "INVALID_CONTRACT_ID", "msg": "invalid contractId:100000001"}}
    assert decode(json.dumps(refused)) == StreamRefusal("INVALID_CONTRACT_ID")
    assert codec.pong_frame("1693208170000") == '{"type": "pong", "time": "1693208170000"}'


@pytest.mark.parametrize("kind", ["quote-event", "payload"])
def test_the_touch_is_read_from_either_spelling(kind: str) -> None:
    row = {
        "contractId": BTC, "contractName": "BTCUSDC", "bestBidPrice": "30000", "bestBidSize": "2.5",
        "bestAskPrice": "30001", "bestAskSize": "1.8",
    }  # fmt: skip
    channel = f"bookTicker.{BTC}"
    frame = {"type": kind, "channel": channel, "content": {"channel": channel, "dataType": "Changed", "data": [row]}}
    message = codec_stream.decode_message(json.dumps(frame))
    assert isinstance(message, QuoteEvent)
    assert (message.channel, message.is_snapshot) == (channel, False)
    assert codec_stream.decode_book_ticker(message, BTC) == Best(D(30000), D("2.5"), D(30001), D("1.8"))
    assert codec_stream.decode_book_ticker(message, "30000002") is None


def depth(kind: str, first: int, last: int, bids: object, asks: object) -> BookChange:
    row = {
        "startVersion": str(first), "endVersion": str(last), "level": 15, "contractId": BTC, "bids": bids,
        "asks": asks, "depthType": kind,
    }  # fmt: skip
    content = {"channel": f"depth.{BTC}.15", "dataType": "Snapshot", "data": [row]}
    message = codec_stream.decode_message(json.dumps({"type": "quote-event", "content": content}))
    assert isinstance(message, QuoteEvent)
    (change,) = codec_stream.decode_depth(message.rows, BTC)
    return change


def test_depth_levels_are_read_as_objects_and_as_pairs() -> None:
    as_objects = depth("SNAPSHOT", 1, 2, [{"price": "601.03", "size": "23.33"}], [])
    assert as_objects == depth("Snapshot", 1, 2, [["601.03", "23.33"]], [])
    assert as_objects == BookChange(True, 1, 2, {D("601.03"): D("23.33")}, {})


def test_a_book_follows_its_chain_and_a_gap_or_a_cross_is_no_book() -> None:
    book = Book()
    with pytest.raises(BookGap, match="before the first whole book"):
        book.apply(depth("CHANGED", 5, 5, [["10", "1"]], []))
    assert book.apply(depth("SNAPSHOT", 1, 5, [["10", "1"], ["9", "2"]], [["11", "3"]])) == Best(
        D(10), D(1), D(11), D(3)
    )
    assert book.apply(depth("CHANGED", 6, 6, [["10", "0"]], [["11", "4"]])) == Best(D(9), D(2), D(11), D(4))
    assert book.apply(depth("CHANGED", 4, 6, [["9", "99"]], [])) == Best(D(9), D(2), D(11), D(4))
    with pytest.raises(BookGap, match="versions 7 to 7 are missing"):
        book.apply(depth("CHANGED", 8, 8, [], []))
    with pytest.raises(BookGap, match="crossed"):
        book.apply(depth("CHANGED", 7, 7, [["11", "1"]], []))
    assert book.apply(depth("SNAPSHOT", 20, 20, [["10", "1"]], [])) == Best(D(10), D(1), D(0), D(0))


def test_sizes_read_as_differences_would_be_noticed() -> None:
    with pytest.raises(DecodeError):
        depth("CHANGED", 6, 6, [["10", "-1"]], [])


def test_a_contract_is_found_with_all_that_its_orders_are_signed_with() -> None:
    assert find_contract(success(METADATA), "btc") == Contract(
        BTC,
        "BTCUSDC",
        MarketRules("BTC", BTC, D("0.1"), D("0.001"), D("0.001"), D(0), D("0.0004"), D("0.00045")),
        SigningTerms(
            3343,
            bytes.fromhex("eeb3fb05cca17745cbdf193a9b16537efb68fac8"),
            30000001,
            1000,
            1_000_000_000,
            1_000_000,
            D("0.00045"),
        ),
        "1000",
        D("0.05"),
        D("0.05"),
    )


def test_without_stated_fees_a_tenth_of_a_percent_is_allowed_for() -> None:
    metadata = copy.deepcopy(METADATA)
    for name in ("defaultMakerFeeRate", "defaultTakerFeeRate"):
        del metadata["contractList"][0][name]
    assert find_contract(success(metadata), "BTC").terms.fee_rate == D("0.001")


def test_a_ticker_that_is_not_listed_names_those_that_come_near() -> None:
    with pytest.raises(Misconfigured, match="ticker 'BTCC' is not listed on edgex: did you mean BTC"):
        find_contract(success(METADATA), "BTCC")


@pytest.mark.parametrize(
    "change, said",
    [({"isStock": True}, "stock or currency"), ({"isFx": True}, "stock"), ({"enableTrade": False}, "does not let")],
)
def test_a_contract_that_cannot_be_traded_is_said(change: dict[str, object], said: str) -> None:
    metadata = copy.deepcopy(METADATA)
    metadata["contractList"][0] |= change
    with pytest.raises(Misconfigured, match=said):
        find_contract(success(metadata), "BTC")


def test_the_account_is_read_with_signed_positions() -> None:
    account = codec.decode_account(success(ACCOUNT))
    assert (account.account_id, account.status) == ("12345", "NORMAL")
    assert account.positions == {BTC: D("-0.002")}
    assert account.equity == {"1000": D("250.0")}


def test_an_envelope_is_read_whatever_its_status() -> None:
    body = b'{"code":"SUCCESS","data":{"orderId":"564814927928230158"},"msg":null,"traceId":"364c"}'
    envelope = codec.decode_envelope(body)
    assert (envelope.is_success, codec.decode_order_id(envelope)) == (True, "564814927928230158")
    assert codec.decode_time_ms(success({"timeMillis": "1734662372560"})) == 1734662372560
    refused = codec.decode_envelope(
        b'{"code":"GATEWAY_PARAM_INVALID","data":null,"msg":"stepSize \'0.1\' requirement"}'
    )
    assert refused == Envelope("GATEWAY_PARAM_INVALID", None, "", about_step=True)


# --- what a status means --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason, life, filled, status, word",
    [
        ("USER_CANCELED", "POST_ONLY", "0", OrderStatus.CANCELLED, "user_canceled"),
        ("EXPIRE_CANCELED", "POST_ONLY", "0", OrderStatus.EXPIRED, "expired"),
        ("COULD_NOT_FILL", "POST_ONLY", "0", OrderStatus.REFUSED, "post_only_would_cross"),
        ("COULD_NOT_FILL", "IMMEDIATE_OR_CANCEL", "0", OrderStatus.REFUSED, "could_not_fill"),
        ("COULD_NOT_FILL", "IMMEDIATE_OR_CANCEL", "0.0005", OrderStatus.CANCELLED, "could_not_fill"),
        ("MARGIN_NOT_ENOUGH", "POST_ONLY", "0", OrderStatus.REFUSED, "insufficient_margin"),
        ("REDUCE_ONLY_CANCELED", "POST_ONLY", "0", OrderStatus.REFUSED, "reduce_only"),
        ("REDUCE_ONLY_CANCELED", "POST_ONLY", "0.0005", OrderStatus.CANCELLED, "reduce_only"),
        ("LIQUIDATE_CANCELED", "POST_ONLY", "0", OrderStatus.CANCELLED, "liquidate_canceled"),
        ("SOMETHING_NEW", "POST_ONLY", "0", OrderStatus.CANCELLED, "something_new"),
    ],
)
def test_the_reason_of_a_cancellation_tells_what_it_was(
    reason: str, life: str, filled: str, status: OrderStatus, word: str
) -> None:
    info = order(status="CANCELED", cancelReason=reason, timeInForce=life, cumMatchSize=filled).info
    assert (info.status, info.cancel_reason, info.filled_size) == (status, word, D(filled))


def test_a_cancel_under_way_and_a_waiting_trigger_are_still_open() -> None:
    for word in ("PENDING", "CANCELING", "UNTRIGGERED", "PARTIALLY_FILLED"):
        assert order(status=word).info.status is OrderStatus.OPEN


def test_the_matched_total_counts_and_the_settled_one_only_without_it() -> None:
    assert order(cumMatchSize="0.0005", cumFillSize="0").info.filled_size == D("0.0005")
    assert order(cumMatchSize=None, cumFillSize="0.0003").info.filled_size == D("0.0003")
    assert order(status="FILLED", cumMatchSize=None, cumFillSize="0").info.filled_size == D("0.001")
    with pytest.raises(DecodeError):
        order(cumMatchSize=None, cumFillSize=None)


@pytest.mark.parametrize("changes", [{"status": "FILLED", "cumMatchSize": "0.0005"}, {"cumMatchSize": "0.002"}])
def test_a_status_that_contradicts_its_total_is_not_believed(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        order(**changes)


@pytest.mark.parametrize(
    "text", ["", "tpg-", "tpg-07", "tpg-x", "grid-0001", "77", "tpg-12345678901234567890", f"tpg-{ARABIC_ONE}"]
)
def test_somebody_elses_client_order_id_is_not_ours(text: str) -> None:
    assert order(clientOrderId=text).info.client_id is None


@given(st.integers(0, (1 << 62) - 1))
def test_our_client_order_ids_come_back_and_fit_the_venue(client_id: int) -> None:
    text = codec.client_order_id(client_id)
    assert codec.our_client_id(text) == client_id
    assert len(text) <= 32


def test_a_price_is_what_was_paid_and_not_what_is_displayed() -> None:
    paid = codec.decode_fill(fields({**FILL, "fillPrice": "97444.4"}))
    assert paid.price == D("97444.5")
    assert codec.decode_fill(fields({**FILL, "fillSize": "0.003", "fillPrice": "32481.5"})).price == D("32481.5")
    named = {k: v for k, v in FILL.items() if k != "direction"} | {"isMaker": False}
    assert codec.decode_fill(fields(named)).liquidity is Liquidity.TAKER


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_every_limit_order_is_post_only_and_one_without_a_price_is_immediate() -> None:
    signed = SignedOrder(1, D("97.3938"), D(1), 2_000, 3_000, b"", "ab")
    limit = OrderRequest(5, Side.SELL, D("0.0010"), D("97393.80"), post_only=True, reduce_only=True)
    body = codec.order_body(12345, BTC, limit, D("97393.80"), signed)
    market = OrderRequest(6, Side.SELL, D("0.001"), None, post_only=False, reduce_only=True)
    taking = codec.order_body(12345, BTC, market, D("95000"), signed)
    names = ("type", "timeInForce", "price", "size", "side", "reduceOnly", "clientOrderId")
    assert [body[name] for name in names] == ["LIMIT", "POST_ONLY", "97393.8", "0.001", "SELL", True, "tpg-5"]
    assert [taking[name] for name in names] == [
        "LIMIT", "IMMEDIATE_OR_CANCEL", "95000", "0.001", "SELL", True, "tpg-6",
    ]  # fmt: skip

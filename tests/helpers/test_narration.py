"""Records told as sentences."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import (
    CancelIntended,
    ClosedOutside,
    Fill,
    FundingPayment,
    HaltCleared,
    Halted,
    IdsReserved,
    JournalBegan,
    Liquidity,
    OrderIntended,
    OrderUpdate,
    OwnFound,
    Part,
    Record,
    RulesChanged,
    SessionEnded,
)
from domain.market import MarketRules, Side
from domain.orders import OrderFact, Purpose
from helpers.views.narration import Narrator, Sentence, Tone

Q = Decimal("0.01")


def opens(client_id: int = 1, price: str = "60000", entry_id: int = 1) -> OrderIntended:
    return OrderIntended(0, client_id, Purpose.OPEN, Side.BUY, Decimal(price), Q, entry_id)


def takes_profit(client_id: int, price: str, *parts: Part) -> OrderIntended:
    quantity = sum((part.quantity for part in parts), Decimal(0))
    return OrderIntended(0, client_id, Purpose.CLOSE, Side.SELL, Decimal(price), quantity, parts=parts)


def fill(client_id: int | None, side: Side, price: str, quantity: Decimal = Q, fee: str = "0", **more: bool) -> Fill:
    return Fill(
        at_ns=7,
        client_id=client_id,
        order_id=f"o{client_id}",
        trade_id=f"{client_id}/{price}/{quantity}",
        side=side,
        price=Decimal(price),
        quantity=quantity,
        fee=Decimal(fee),
        liquidity=Liquidity.MAKER,
        venue_ns=7,
        **more,
    )


def told(*records: Record) -> list[str]:
    narrator = Narrator()
    return [sentence.text for record in records if (sentence := narrator.tell(record)) is not None]


def test_a_round_trip_is_told_with_its_profit() -> None:
    assert told(
        opens(),
        OrderUpdate(1, 1, OrderFact.ACCEPTED),
        OrderUpdate(2, 1, OrderFact.ACCEPTED),
        fill(1, Side.BUY, "60000", fee="0.12"),
        OrderUpdate(3, 1, OrderFact.FILLED, filled=Q),
        takes_profit(2, "60030", Part(1, Q)),
        OrderUpdate(4, 2, OrderFact.ACCEPTED),
        fill(2, Side.SELL, "60030"),
    ) == [
        "open buy 0.01 at 60000 posted",
        "open filled: bought 0.01 at 60000, fee 0.1200",
        "take-profit sell 0.01 at 60030 posted",
        "take-profit filled: sold 0.01 at 60030, profit +0.3000",
    ]


def test_a_close_of_two_entries_counts_each_at_its_own_price() -> None:
    assert told(
        opens(1, "60000", 1),
        fill(1, Side.BUY, "60000"),
        opens(2, "59900", 2),
        fill(2, Side.BUY, "59900"),
        takes_profit(3, "60030", Part(1, Q), Part(2, Q)),
        fill(3, Side.SELL, "60030", Decimal("0.015")),
        fill(3, Side.SELL, "60030", Decimal("0.005")),
    )[2:] == [
        "take-profit filled: sold 0.015 at 60030, profit +0.9500",
        "take-profit filled: sold 0.005 at 60030, profit +0.6500",
    ]


def test_a_repeated_fill_is_told_once() -> None:
    assert len(told(opens(), fill(1, Side.BUY, "60000"), fill(1, Side.BUY, "60000"))) == 1


def test_a_loss_is_called_one() -> None:
    exit_ = OrderIntended(0, 2, Purpose.EXIT, Side.SELL, None, Q, parts=(Part(1, Q),))
    narrator = Narrator()
    for record in (opens(), fill(1, Side.BUY, "60000"), exit_):
        narrator.tell(record)
    expected = "closed at market: sold 0.01 at 59990, loss -0.1000"
    assert narrator.tell(fill(2, Side.SELL, "59990")) == Sentence(7, expected, Tone.BAD)


def test_the_profit_of_an_entry_never_seen_is_left_out() -> None:
    assert told(takes_profit(2, "60030", Part(1, Q)), fill(2, Side.SELL, "60030")) == [
        "take-profit filled: sold 0.01 at 60030"
    ]


def test_a_cancel_is_told_with_the_reason_it_was_asked_for() -> None:
    assert told(opens(), CancelIntended(1, 1, "a better price"), OrderUpdate(2, 1, OrderFact.CANCELLED)) == [
        "open buy 0.01 at 60000 cancelled: a better price"
    ]


@pytest.mark.parametrize(
    "fact, ending",
    [
        (OrderFact.REFUSED, "refused: because\\x07"),
        (OrderFact.EXPIRED, "expired: because\\x07"),
        (OrderFact.NEVER_PLACED, "never reached the venue: because\\x07"),
        (OrderFact.OUTCOME_UNKNOWN, "unanswered, asking the venue: because\\x07"),
    ],
)
def test_an_order_that_went_wrong_is_told_with_the_reason_made_safe(fact: OrderFact, ending: str) -> None:
    assert told(opens(), OrderUpdate(1, 1, fact, reason="because\x07")) == [f"open buy 0.01 at 60000 {ending}"]


@pytest.mark.parametrize(
    "record, text",
    [
        (JournalBegan(0, 1, Decimal("-2"), "{}"), "a position of -2 was there before and is left alone"),
        (SessionEnded(0, 1, "guard"), "session ended: guard"),
        (FundingPayment(0, "f", Decimal("-0.5")), "funding paid: 0.5000"),
        (
            RulesChanged(0, MarketRules("BTC", "BTC", Decimal("0.5"), Decimal("0.001"), Decimal("0.001"))),
            "market rules changed: tick 0.5, step 0.001",
        ),
        (ClosedOutside(0, Q), "0.01 was closed by somebody else, at a price unknown here"),
        (
            OwnFound(0, 1, Side.BUY, Q, Decimal("60000")),
            "an own close was found, and what it closes: bought 0.01 at an assumed 60000",
        ),
        (Halted(0, "closes missing"), "HALTED: closes missing"),
        (HaltCleared(0, "agreed again"), "halt cleared: agreed again"),
        (
            fill(None, Side.SELL, "50000", forced=True),
            "the venue sold 0.01 at 50000 by force (liquidation or deleveraging)",
        ),
    ],
)
def test_a_circumstance_is_told(record: Record, text: str) -> None:
    assert told(record) == [text]


def test_bookkeeping_and_strangers_are_not_told() -> None:
    records: list[Record] = [
        IdsReserved(0, 100),
        JournalBegan(0, 1, Decimal(0), "{}"),
        OrderUpdate(0, None, OrderFact.CANCELLED),
        OrderUpdate(0, 55, OrderFact.CANCELLED),
    ]
    assert told(*records) == []


def test_what_has_ended_is_forgotten_in_time() -> None:
    narrator = Narrator()
    for client_id in range(1, 2_001):
        narrator.tell(opens(client_id, entry_id=client_id))
        narrator.tell(OrderUpdate(0, client_id, OrderFact.CANCELLED))
    assert narrator.tell(OrderUpdate(0, 1, OrderFact.EXPIRED)) is None
    assert narrator.tell(OrderUpdate(0, 2_000, OrderFact.EXPIRED)) is not None


def test_ten_thousand_orders_leave_no_more_behind_than_five_thousand() -> None:
    narrator, kept = Narrator(), []
    for entry in range(1, 5_001):
        close = takes_profit(2 * entry + 1, "60030", Part(entry, Q))
        for record in (
            opens(2 * entry, entry_id=entry),
            fill(2 * entry, Side.BUY, "60000"),
            close,
            fill(2 * entry + 1, Side.SELL, "60030"),
        ):
            assert narrator.tell(record) is not None or isinstance(record, OrderIntended)
        kept.append((len(narrator._orders), len(narrator._ended), len(narrator._lots), len(narrator._trades)))
    assert kept[2_500] == kept[-1] == (500, 500, 0, 500)

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Record
from domain.market import Side
from domain.orders import OrderFact
from helpers.trade_rows import TradeRows
from tests.support.records import closing, opened, trade, update

SECOND = 1_000_000_000
HISTORY: tuple[Record, ...] = (
    opened(1, "0.1", entry=1),
    trade(1, "0.04", "100", trade_id="a", venue_ns=SECOND),
    trade(1, "0.06", "100", trade_id="b", venue_ns=2 * SECOND, fee="0.001"),
    closing(2, (1, "0.1")),
    trade(2, "0.1", "101", side=Side.SELL, trade_id="c", venue_ns=3 * SECOND),
)


def rows_of(*records: Record) -> list[tuple[str, str, str | None]]:
    """Quantity, status and trade of each row."""
    rows = TradeRows()
    return [(str(row.quantity), row.status, row.trade_id) for record in records for row in rows.of(record)]


def test_a_repeated_trade_makes_no_second_row() -> None:
    once = rows_of(*HISTORY)
    assert rows_of(*HISTORY, *(HISTORY[place] for place in (1, 2, 4))) == once


def test_foreign_trades_make_no_row() -> None:
    assert rows_of(trade(None, "1", "100"), trade(9, "1", "100")) == []


def test_a_cancelled_open_that_had_filled_gets_a_row_of_its_total() -> None:
    assert rows_of(
        opened(1, "1", entry=1),
        trade(1, "0.3", "100", trade_id="a"),
        update(1, OrderFact.CANCELLED, filled="0.3"),
        update(1, OrderFact.CANCELLED, filled="0.3"),
    ) == [("0.3", "PARTIALLY_FILLED", "a"), ("0.3", "CANCELED", None)]


def test_a_fill_that_a_cancel_reveals_is_named_by_both_rows() -> None:
    assert rows_of(
        opened(1, "1", entry=1),
        update(1, OrderFact.CANCELLED),
        trade(1, "0.3", "100", trade_id="a"),
    ) == [("0.3", "PARTIALLY_FILLED", "a"), ("0.3", "CANCELED", None)]


def test_an_expired_open_that_had_filled_is_a_cancelled_one() -> None:
    assert rows_of(
        opened(1, "1", entry=1), trade(1, "0.3", "100"), update(1, OrderFact.EXPIRED)
    ) == [("0.3", "PARTIALLY_FILLED", "t1"), ("0.3", "CANCELED", None)]


def test_a_cancelled_open_without_a_fill_and_a_cancelled_close_get_no_row() -> None:
    assert rows_of(opened(1, "1", entry=1), update(1, OrderFact.CANCELLED, filled="0")) == []
    partly_closed = (closing(2, (1, "1")), trade(2, "0.4", "101", side=Side.SELL), update(2, OrderFact.CANCELLED))
    assert rows_of(*partly_closed) == [("0.4", "PARTIALLY_FILLED", "t1")]


def test_an_order_told_filled_before_its_last_trade_is_filled_on_that_trade() -> None:
    assert rows_of(
        opened(1, "1", entry=1),
        trade(1, "0.4", "100", trade_id="a"),
        update(1, OrderFact.FILLED, filled="1"),
        trade(1, "0.6", "100", trade_id="b"),
        update(1, OrderFact.FILLED, filled="1"),
    ) == [("0.4", "PARTIALLY_FILLED", "a"), ("0.6", "FILLED", "b")]


@pytest.mark.parametrize(
    "learned", [update(2, OrderFact.FILLED, filled="0.4"), update(2, OrderFact.ACCEPTED, quantity="0.4")]
)
def test_an_order_complete_only_after_its_last_trade_says_so_in_an_empty_row(learned: Record) -> None:
    assert rows_of(
        closing(2, (1, "1")), trade(2, "0.4", "101", side=Side.SELL), learned, learned
    ) == [("0.4", "PARTIALLY_FILLED", "t1"), ("0", "FILLED", None)]


def test_an_order_cancelled_and_then_proven_filled_is_filled_once() -> None:
    assert rows_of(
        opened(1, "1", entry=1),
        trade(1, "0.4", "100", trade_id="a"),
        update(1, OrderFact.CANCELLED, filled="0.4"),
        trade(1, "0.6", "100", trade_id="b"),
    ) == [("0.4", "PARTIALLY_FILLED", "a"), ("0.4", "CANCELED", None), ("0.6", "FILLED", "b")]


facts = st.sampled_from(
    [OrderFact.ACCEPTED, OrderFact.CANCELLED, OrderFact.FILLED, OrderFact.EXPIRED, OrderFact.NEVER_PLACED]
)


@given(
    st.lists(
        st.one_of(
            st.builds(lambda number: trade(1, "0.1", "100", trade_id=str(number)), st.integers(0, 9)),
            st.builds(
                lambda fact, filled: replace(update(1, fact), filled=filled),
                facts,
                st.sampled_from([None, Decimal("0.3"), Decimal(1)]),
            ),
        ),
        max_size=30,
    )
)
def test_each_trade_has_one_row_and_filled_and_canceled_stand_at_most_once(records: list[Record]) -> None:
    rows = rows_of(opened(1, "1", entry=1), *records)
    trades = [trade_id for _, _, trade_id in rows if trade_id is not None]
    statuses = [status for _, status, _ in rows]
    assert len(trades) == len(set(trades))
    assert statuses.count("FILLED") <= 1
    assert statuses.count("CANCELED") <= 1
    if len(trades) == 10:
        assert statuses.count("FILLED") == 1

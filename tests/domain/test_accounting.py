from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounting import EXACT, Accounting, wear_bps
from domain.events import ClosedOutside, Fill, FundingPayment, OrderIntended, OrderUpdate, OwnFound, Record
from domain.market import Side
from domain.orders import OrderFact, Purpose
from domain.status import MoneyStatement
from exchanges.decoding import plain_decimal
from strategies.take_profit_grid.state import GridState
from tests.support.records import closed_outside, closing, opened, trade, update

D = Decimal
ZERO = D(0)


def fold(*records: Record) -> Accounting:
    accounting = Accounting()
    for record in records:
        accounting.apply(record)
    return accounting


def sold(client_id: int, quantity: str, price: str, trade_id: str = "t1", fee: str = "0") -> Fill:
    return trade(client_id, quantity, price, side=Side.SELL, trade_id=trade_id, fee=fee)


def test_nothing_has_happened_yet() -> None:
    assert fold().statement(D(100)) == MoneyStatement(0, 0, ZERO, ZERO, ZERO, ZERO, ZERO, None)


def test_one_round_trip_adds_up() -> None:
    accounting = fold(
        opened(1, "0.1", entry=1),
        trade(1, "0.1", "100", fee="0.001"),
        closing(2, (1, "0.1")),
        sold(2, "0.1", "101", fee="0.002"),
        FundingPayment(9, "f1", D("-0.01")),
    )
    assert accounting.statement(D(500)) == MoneyStatement(
        entries=1,
        exits=1,
        volume_quote=D("20.1"),
        fees=D("0.003"),
        funding=D("-0.01"),
        realized_pnl=D("0.1"),
        unrealized_pnl=ZERO,
        wear_bps=D("-43.2836"),
    )
    assert (accounting.position, accounting.max_position, accounting.open_cost) == (ZERO, D("0.1"), ZERO)


def test_a_selling_bot_earns_when_it_buys_back_lower() -> None:
    accounting = fold(
        opened(1, "2", entry=1, side=Side.SELL),
        sold(1, "2", "100"),
        closing(2, (1, "2"), side=Side.BUY, price="99"),
        trade(2, "1", "99"),
    )
    assert accounting.realized_pnl == D(1)
    assert accounting.statement(D(98)).unrealized_pnl == D(2)
    assert (accounting.position, accounting.max_position, accounting.exits) == (D(-1), D(2), 0)


def test_without_a_quote_unrealized_and_wear_are_unknown() -> None:
    statement = fold(opened(1, "1", entry=1), trade(1, "1", "100")).statement(None)
    assert (statement.unrealized_pnl, statement.wear_bps, statement.volume_quote) == (None, None, D(100))


def test_a_repeated_trade_changes_nothing() -> None:
    records = (opened(1, "1", entry=1), trade(1, "0.4", "100"))
    assert fold(*records, records[1]).statement(D(90)) == fold(*records).statement(D(90))


def test_a_trade_repeated_after_its_order_was_forgotten_changes_nothing() -> None:
    records = (opened(1, "1", entry=1), trade(1, "1", "100"), closing(2, (1, "1")), sold(2, "1", "101"))
    assert fold(*records, *records[1::2]).statement(D(90)) == fold(*records).statement(D(90))


def test_a_repeated_funding_payment_counts_once() -> None:
    payment = FundingPayment(1, "f1", D("0.5"))
    assert fold(payment, payment, replace(payment, payment_id="f2")).funding == D(1)


def test_a_foreign_trade_is_not_our_money() -> None:
    assert fold(trade(None, "1", "100"), trade(77, "1", "100")).statement(D(1)) == fold().statement(D(1))


def test_close_realizes_against_its_own_entry_and_not_the_oldest() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        opened(2, "1", entry=2),
        trade(2, "1", "90"),
        closing(3, (2, "1")),
        sold(3, "1", "91"),
    )
    assert (accounting.realized_pnl, accounting.open_cost) == (D(1), D(100))


def test_parts_are_consumed_in_order_and_fills_oldest_first() -> None:
    accounting = fold(
        opened(1, "2", entry=1),
        trade(1, "1", "100", trade_id="a"),
        trade(1, "1", "98", trade_id="b"),
        opened(2, "1", entry=2),
        trade(2, "1", "90"),
        closing(3, (2, "1"), (1, "2")),
        sold(3, "1.5", "110"),
    )
    assert accounting.realized_pnl == D(20) + D(5)
    assert accounting.open_cost == D(50) + D(98)


def test_a_merged_close_is_one_exit_and_counts_when_complete() -> None:
    records = (
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        opened(2, "1", entry=2),
        trade(2, "1", "100"),
        closing(3, (1, "1"), (2, "1")),
        sold(3, "1.9", "101", "a"),
    )
    assert fold(*records).exits == 0
    assert fold(*records, sold(3, "0.1", "101", "b")).exits == 1


def test_market_exit_counts_as_an_exit() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        closing(2, (1, "1"), price=None, purpose=Purpose.EXIT),
        sold(2, "1", "99"),
    )
    assert (accounting.exits, accounting.realized_pnl) == (1, D(-1))


def test_a_close_that_the_venue_shrank_is_complete_at_its_smaller_quantity() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        closing(2, (1, "1")),
        update(2, OrderFact.ACCEPTED, quantity="0.6"),
        sold(2, "0.6", "101"),
    )
    assert (accounting.exits, accounting.position) == (1, D("0.4"))


def test_a_re_priced_entry_counts_once() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        update(1, OrderFact.CANCELLED, filled="0"),
        opened(2, "1", entry=1),
        trade(2, "1", "100"),
        trade(1, "0.2", "99"),
    )
    assert (accounting.entries, accounting.position) == (1, D("1.2"))


def test_a_late_fill_after_its_entry_was_closed_does_not_count_the_entry_again() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "0.4", "100", trade_id="a"),
        update(1, OrderFact.CANCELLED, filled="0.4"),
        closing(2, (1, "0.4")),
        sold(2, "0.4", "101"),
        trade(1, "0.1", "100", trade_id="b"),
    )
    assert (accounting.entries, accounting.position, accounting.open_cost) == (1, D("0.1"), D(10))


def test_a_filled_total_is_not_money_until_its_trade_comes() -> None:
    told = (opened(1, "1", entry=1), update(1, OrderFact.ACCEPTED, filled="0.6"))
    before = fold(*told)
    assert (before.entries, before.unexplained, before.position, before.volume_quote) == (1, D("0.6"), ZERO, ZERO)
    after = fold(*told, trade(1, "0.6", "100"))
    assert (after.entries, after.unexplained, after.position, after.volume_quote) == (1, ZERO, D("0.6"), D(60))


def test_filled_without_a_total_means_the_whole_order() -> None:
    assert fold(opened(1, "1", entry=1), update(1, OrderFact.FILLED)).unexplained == D(1)


def test_a_close_that_trades_before_its_opening_trade_is_seen_realizes_when_it_is() -> None:
    told = (
        opened(1, "1", entry=1),
        update(1, OrderFact.FILLED, filled="1"),
        opened(2, "1", entry=2),
        trade(2, "1", "50"),
        closing(3, (1, "1")),
        sold(3, "1", "101"),
    )
    before = fold(*told)
    assert (before.realized_pnl, before.position) == (ZERO, ZERO)
    after = fold(*told, trade(1, "1", "100"))
    assert (after.realized_pnl, after.position, after.open_cost) == (D(1), D(1), D(50))


def test_a_forced_trade_closes_the_oldest_entries_first() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        opened(2, "1", entry=2),
        trade(2, "1", "90"),
        trade(None, "1.5", "80", side=Side.SELL, forced=True, fee="1", order_id="liquidation"),
        trade(None, "1.5", "80", side=Side.SELL, forced=True, fee="1", order_id="liquidation"),
    )
    assert accounting.realized_pnl == D(-20) + D(-5)
    assert (accounting.position, accounting.open_cost, accounting.fees) == (D("0.5"), D(45), D(1))
    assert accounting.exits == 0


def test_a_forced_trade_of_more_than_is_own_is_ours_in_part_only_and_so_is_its_fee() -> None:
    """Somebody else held 0.2 on the same side of the same account."""
    accounting = fold(
        opened(1, "0.1", entry=1),
        trade(1, "0.1", "100"),
        trade(None, "0.3", "90", side=Side.SELL, forced=True, fee="0.6", order_id="liquidation"),
    )
    assert (accounting.position, accounting.open_cost) == (ZERO, ZERO)
    assert (accounting.volume_quote, accounting.fees) == (D(19), D("0.2"))
    assert accounting.realized_pnl == D(-1)


def test_the_fee_of_an_odd_part_is_rounded_and_no_error() -> None:
    accounting = fold(
        opened(1, "0.1", entry=1),
        trade(1, "0.1", "100"),
        trade(None, "0.3", "90", side=Side.SELL, forced=True, fee="1", order_id="liquidation"),
    )
    assert accounting.fees == D("0.3333333333333333333333333333")


@pytest.mark.parametrize("side, quantity", [(Side.BUY, "0.1"), (Side.SELL, "0.1")])
def test_a_forced_trade_where_nothing_is_own_is_somebody_elses(side: Side, quantity: str) -> None:
    whole = (opened(1, "1", entry=1), trade(1, "1", "100"), closing(2, (1, "1")), sold(2, "1", "101"))
    told = trade(None, quantity, "90", side=side, forced=True, fee="1", order_id="liquidation")
    assert fold(*whole, told).statement(D(95)) == fold(*whole).statement(D(95))
    assert fold(told).statement(D(95)) == fold().statement(D(95))


def test_a_forced_trade_on_the_own_side_is_somebody_elses() -> None:
    told = (opened(1, "1", entry=1), trade(1, "1", "100"))
    short = trade(None, "0.5", "90", side=Side.BUY, forced=True, fee="1", order_id="liquidation")
    assert fold(*told, short).statement(D(95)) == fold(*told).statement(D(95))


def test_a_forced_trade_may_close_what_is_known_to_be_own_before_its_trade_is_seen() -> None:
    accounting = fold(
        opened(1, "0.1", entry=1),
        update(1, OrderFact.FILLED, filled="0.1"),
        trade(None, "0.3", "90", side=Side.SELL, forced=True, order_id="liquidation"),
        trade(1, "0.1", "100"),
    )
    assert (accounting.position, accounting.realized_pnl, accounting.volume_quote) == (ZERO, D(-1), D(19))


def test_what_was_found_is_own_and_what_was_written_off_is_not_when_the_venue_forces() -> None:
    found = OwnFound(1, 1, Side.BUY, D("0.5"), D(100))
    accounting = fold(found, closed_outside("0.2"), trade(None, "1", "90", side=Side.SELL, forced=True))
    assert (accounting.position, accounting.volume_quote) == (ZERO, D(27))


def test_what_somebody_else_closed_leaves_without_a_result() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        opened(2, "1", entry=2),
        trade(2, "1", "90"),
        closed_outside("1.5"),
    )
    assert (accounting.written_off, accounting.written_off_cost) == (D("1.5"), D(145))
    assert accounting.statement(D(100)).unrealized_pnl == D(5)
    assert (accounting.position, accounting.realized_pnl, accounting.volume_quote) == (D("0.5"), ZERO, D(190))


def test_what_was_written_off_before_its_trade_was_seen_does_not_come_back_with_it() -> None:
    told = (opened(1, "1", entry=1), update(1, OrderFact.FILLED, filled="1"), closed_outside("0.7"))
    assert fold(*told).written_off == D("0.7")
    after = fold(*told, trade(1, "1", "100"))
    assert (after.position, after.open_cost, after.written_off_cost) == (D("0.3"), D(30), D(70))


def test_what_was_found_at_an_assumed_price_is_valued_and_realized_at_it_without_volume_or_fee() -> None:
    accounting = fold(OwnFound(1, 3, Side.BUY, D(2), D(100)))
    assert (accounting.position, accounting.max_position, accounting.volume_quote) == (D(2), D(2), D(0))
    assert accounting.statement(D(99)).unrealized_pnl == D(-2)
    for record in (closing(7, (3, "2"), price="101"), trade(7, "2", "101", side=Side.SELL, fee="0.1")):
        accounting.apply(record)
    statement = accounting.statement(D(99))
    assert (statement.realized_pnl, statement.unrealized_pnl, statement.fees) == (D(2), D(0), D("0.1"))
    assert (statement.entries, statement.exits, accounting.position) == (1, 1, D(0))


def test_a_close_of_what_was_written_off_takes_another_entry() -> None:
    accounting = fold(
        opened(1, "1", entry=1),
        trade(1, "1", "100"),
        opened(2, "1", entry=2),
        trade(2, "1", "90"),
        closed_outside("1"),
        closing(3, (1, "1")),
        sold(3, "1", "101"),
    )
    assert (accounting.position, accounting.open_cost, accounting.realized_pnl) == (ZERO, ZERO, D(11))


def test_memory_does_not_grow_with_round_trips() -> None:
    accounting = Accounting()
    for number in range(0, 30_000, 3):
        for record in (
            opened(number, "1", entry=number),
            update(number, OrderFact.CANCELLED, filled="0"),
            opened(number + 1, "1", entry=number),
            trade(number + 1, "1", "100"),
            closing(number + 2, (number, "1")),
            sold(number + 2, "1", "101"),
        ):
            accounting.apply(record)
    assert accounting.exits == 10_000
    assert len(accounting._orders) == len(accounting._entries) == 1_000


def test_money_is_never_rounded_silently() -> None:
    with localcontext(prec=3):
        accounting = fold(opened(1, "1.23456789", entry=1), trade(1, "1.23456789", "98765.4321"))
        assert str(accounting.open_cost) == "121932.631112635269"
    with pytest.raises(ArithmeticError):
        fold(opened(1, "1", entry=1), trade(1, "1." + "1" * 200, "1." + "1" * 200))


def test_the_longest_numbers_that_a_codec_reads_are_added_up() -> None:
    """Absurd as they are, they are in the journal by then: a bot that could not count them could not start again."""
    longest, step = (plain_decimal(text, "") for text in ("9" * 40 + "." + "9" * 40, "0." + "1" * 40))
    accounting = fold(
        opened(1, str(step), entry=1),
        trade(1, str(step), str(longest), fee="0." + "3" * 40),
        closing(2, (1, str(step))),
        sold(2, str(step), "0." + "7" * 40, fee="9" * 40),
    )
    with localcontext(prec=500):
        assert accounting.realized_pnl == (D("0." + "7" * 40) - longest) * step
        assert accounting.fees == D("0." + "3" * 40) + D("9" * 40)
    assert accounting.open_cost == ZERO


@pytest.mark.parametrize(
    "net, volume, expected",
    [
        ("-1", "10000", "1.0000"),
        ("1", "10000", "-1.0000"),
        ("-1", "30000", "0.3333"),
        ("-0.00000000025", "0.05", "0.0000"),
        ("-0.00000000075", "0.05", "0.0002"),
        ("0", "5", "0.0000"),
    ],
)
def test_wear_is_rounded_once_and_half_even(net: str, volume: str, expected: str) -> None:
    assert str(wear_bps(D(net), D(volume))) == expected


def test_wear_without_volume_is_undefined() -> None:
    assert wear_bps(ZERO, ZERO) is None


quantities = st.integers(1, 50).map(lambda lots: D(lots) / 10)
prices = st.integers(900, 1100).map(lambda ticks: D(ticks) / 10)


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Orders of one direction with their trades and updates, some of them twice, whatever they add up to."""
    side = draw(st.sampled_from(Side))
    records: list[Record] = []
    entries = draw(st.integers(1, 4))
    for client_id in range(1, draw(st.integers(1, 12)) + 1):
        pieces = draw(st.lists(quantities, max_size=3))
        quantity = str(sum(pieces, draw(st.sampled_from([ZERO, D(1)]))) or D(1))
        entry = draw(st.integers(1, entries))
        order_side = draw(st.sampled_from(Side))
        if order_side is side:
            records.append(opened(client_id, quantity, entry=entry, side=side))
        else:
            parts = [(entry, quantity), (draw(st.integers(1, entries)), str(draw(quantities)))]
            records.append(closing(client_id, *parts, side=order_side))
        for number, piece in enumerate(pieces):
            price = str(draw(prices))
            records.append(trade(client_id, str(piece), price, side=order_side, trade_id=f"t{number}", fee="0.01"))
        if draw(st.booleans()):
            fact = draw(st.sampled_from(OrderFact))
            records.append(update(client_id, fact, filled=draw(st.sampled_from([None, "0.3", "2"]))))
    if draw(st.booleans()):
        forced = trade(None, str(draw(quantities)), str(draw(prices)), side=side.opposite, forced=True)
        records.insert(draw(st.integers(0, len(records))), forced)
    if draw(st.booleans()):
        records.insert(draw(st.integers(0, len(records))), ClosedOutside(1, draw(quantities)))
    if draw(st.booleans()):
        found = OwnFound(1, entries + 1, side, draw(quantities), draw(prices))
        records.insert(draw(st.integers(0, len(records))), found)
    repeated = draw(st.lists(st.sampled_from(records), max_size=5))
    return [*records, *(each for each in repeated if isinstance(each, Fill | OrderUpdate))]


@given(histories(), prices)
def test_realized_and_unrealized_are_exactly_the_cash_and_the_position(history: list[Record], mid: Decimal) -> None:
    accounting = Accounting()
    cash = position_moved = ZERO
    for record in history:
        before = accounting.volume_quote
        accounting.apply(record)
        is_repetition = isinstance(record, Fill) and accounting.volume_quote == before
        if isinstance(record, Fill | OwnFound) and not is_repetition:
            quantity = record.quantity
            if isinstance(record, Fill) and record.forced:
                with localcontext(EXACT):  # Ours in part only, perhaps.
                    quantity = (accounting.volume_quote - before) / record.price
            cash -= record.price * quantity * record.side.sign
            position_moved += quantity * record.side.sign
    unrealized = accounting.statement(mid).unrealized_pnl
    assert unrealized is not None
    with localcontext(EXACT):
        value = cash + accounting.position * mid + accounting.written_off_cost
        assert accounting.realized_pnl + unrealized == value
    held = sum((lot.quantity for entry in accounting._entries.values() for lot in entry.lots), ZERO)
    assert accounting.position == held + sum((lot.quantity for lot in accounting._loose), ZERO)
    assert abs(position_moved - accounting.position) <= accounting.written_off


@given(histories())
def test_money_and_strategy_agree_on_what_a_forced_trade_leaves(history: list[Record]) -> None:
    """Where every total has its trade, what is own in money is what is own to the strategy."""
    side = next((r.side for r in history if isinstance(r, OrderIntended) and r.purpose is Purpose.OPEN), Side.BUY)
    state, accounting = GridState(side), Accounting()
    for record in history:
        if isinstance(record, OrderIntended | Fill):
            before = accounting.position
            was_own = state.own
            state.apply(record)
            accounting.apply(record)
            if isinstance(record, Fill) and record.forced:
                assert (accounting.position - before) * side.sign == state.own - was_own


@given(histories())
def test_the_trades_of_a_whole_history_again_change_nothing(history: list[Record]) -> None:
    facts = [record for record in history if isinstance(record, Fill)]
    assert fold(*history, *facts).statement(D(100)) == fold(*history).statement(D(100))


@given(histories(), st.randoms(use_true_random=False))
def test_the_total_does_not_depend_on_the_order_of_the_trades(history: list[Record], chance: Random) -> None:
    """All but a forced one, of which only that part is ours which was own when it was heard of."""
    intents = [record for record in history if isinstance(record, OrderIntended)]
    facts = [record for record in history if isinstance(record, Fill) and not record.forced]
    shuffled = list(facts)
    chance.shuffle(shuffled)
    one, other = fold(*intents, *facts), fold(*intents, *shuffled)
    assert _total(one) == _total(other)
    assert (one.position, one.fees, one.volume_quote) == (other.position, other.fees, other.volume_quote)


def _total(accounting: Accounting) -> Decimal:
    statement = accounting.statement(D(100))
    assert statement.unrealized_pnl is not None
    return statement.realized_pnl + statement.unrealized_pnl

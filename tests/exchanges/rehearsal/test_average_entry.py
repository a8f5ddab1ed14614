"""The average entry price that venues show."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import Side
from exchanges.rehearsal.desk import TwinFill, TwinOrder
from exchanges.rehearsal.entry import AverageEntry

D = Decimal


def entry_after(*trades: tuple[str, str]) -> Decimal:
    """Signed quantities and prices, in their order."""
    entry = AverageEntry()
    for number, (signed, price) in enumerate(trades, 1):
        side, quantity = (Side.SELL if signed.startswith("-") else Side.BUY), abs(D(signed))
        order = TwinOrder(number, None, side, D(price), quantity, quantity, False, False, 0, 0)
        entry.take(TwinFill(number, order, side, D(price), quantity, D(0), True, 0))
    return entry.price


@pytest.mark.parametrize(
    "trades, price",
    [
        ([], "0"),
        ([("1", "100")], "100"),
        ([("1", "100"), ("3", "104")], "103"),
        ([("1", "100"), ("3", "104"), ("-2", "200")], "103"),
        ([("1", "100"), ("-1", "200")], "0"),
        ([("1", "100"), ("-3", "200")], "200"),
        ([("-1", "100"), ("-1", "102")], "101"),
        ([("-2", "100"), ("1", "50"), ("-1", "103")], "101.5"),
        ([("1", "100"), ("2", "101")], "100.66666667"),
    ],
)
def test_it_moves_when_the_position_grows_and_stays_when_it_shrinks(trades: list[tuple[str, str]], price: str) -> None:
    assert entry_after(*trades) == D(price)

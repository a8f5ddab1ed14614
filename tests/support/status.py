"""A bot's status made by hand, for what shows it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.market import NANOSECONDS, Quote, Side
from domain.orders import OrderStatus, Purpose
from domain.status import BotStatus, LiveOrder, MoneyStatement, Phase

NOON_NS = 1_723_118_400 * NANOSECONDS
"""2024-08-08 12:00:00 UTC."""


def closes(count: int) -> tuple[LiveOrder, ...]:
    """Take-profits of 0.01, ten apart from 60010 up, one minute of age between them."""
    return tuple(
        LiveOrder(
            client_id=number,
            order_id=f"c{number}",
            purpose=Purpose.CLOSE,
            side=Side.SELL,
            price=Decimal(60_010 + 10 * number),
            quantity=Decimal("0.01"),
            filled=Decimal(0),
            status=OrderStatus.OPEN,
            since_ns=NOON_NS - number * 60 * NANOSECONDS,
        )
        for number in range(count)
    )


def opening(status: OrderStatus = OrderStatus.OPEN, filled: str = "0") -> LiveOrder:
    return LiveOrder(
        client_id=900,
        order_id="o900",
        purpose=Purpose.OPEN,
        side=Side.BUY,
        price=Decimal("59999.9"),
        quantity=Decimal("0.01"),
        filled=Decimal(filled),
        status=status,
        since_ns=NOON_NS - 3 * NANOSECONDS,
    )


def bot_status(**changes: Any) -> BotStatus:
    """A buying bot with two entries, one of which has its close."""
    facts: dict[str, Any] = {
        "now_ns": NOON_NS,
        "phase": Phase.RUNNING,
        "exchange": "paper",
        "ticker": "BTC",
        "mode": "4 x real time",
        "direction": Side.BUY,
        "connected_since_ns": NOON_NS - 192 * NANOSECONDS,
        "quote": Quote(Decimal("59999.9"), Decimal(1), Decimal("60000.0"), Decimal(1), NOON_NS),
        "position": Decimal("0.02"),
        "foreign_position": Decimal(0),
        "covered": Decimal("0.01"),
        "open_entries": 2,
        "max_orders": 10,
        "orders": (*closes(1), opening()),
        "money": MoneyStatement(
            entries=5,
            exits=3,
            volume_quote=Decimal("4800.12345"),
            fees=Decimal("0.5"),
            funding=Decimal("-0.01"),
            realized_pnl=Decimal("1.25"),
            unrealized_pnl=Decimal("-0.30"),
            wear_bps=Decimal("-0.9167"),
        ),
        "next_action": "watch the open at 59999.9",
        "holds": (),
    }
    return BotStatus(**(facts | changes))

"""A sweep held against the bot: the same data, the same settings, order by order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from backtesting import BacktestData, BacktestResult, BacktestSettings, run_backtest
from backtesting.sweep import Role, Sweep, SweepFill, SweepResult
from domain.market import Side
from domain.orders import Purpose
from strategies.take_profit_grid.config import OFF

_ROLES = {Purpose.OPEN: Role.OPEN, Purpose.CLOSE: Role.CLOSE, Purpose.EXIT: Role.EXIT}


@dataclass
class Tally:
    """What was compared: settings that were equal, their fills, and why others were left to the bot."""

    equal: int = 0
    fills: int = 0
    left: Counter[str] = field(default_factory=Counter)


def fills_of(result: BacktestResult) -> tuple[SweepFill, ...]:
    """The bot's fills in the sweep's form: an order's number is its place among those sent."""
    first = min((order.client_id for order in result.orders), default=0)
    fills = []
    for fill in result.fills:
        assert fill.client_id is not None, "a forced fill"
        assert fill.role is not None
        number = fill.client_id - first
        fills.append(SweepFill(fill.time_ns, number, _ROLES[fill.role], fill.side, fill.price, fill.quantity))
    return tuple(fills)


def assert_equals_bot(data: BacktestData, swept: SweepResult) -> int:
    """The number of fills found equal."""
    bot = run_backtest(data, swept.settings)
    assert swept.fills == fills_of(bot), swept.settings
    assert swept.orders == len(bot.orders), swept.settings
    assert swept.trades == len(bot.fills)
    assert (swept.result, swept.fees, swept.funding) == (bot.money.result, bot.money.fees, bot.money.funding)
    assert (swept.volume_quote, swept.position) == (bot.report.volume_quote, bot.report.position)
    assert swept.wear_bps == bot.report.wear_bps
    return len(swept.fills)


def hold_against_bot(data: BacktestData, settings: list[BacktestSettings], tally: Tally) -> None:
    """Sweep all settings at once, and run the bot for each that the sweep tells."""
    for swept in Sweep(data).run(settings, with_fills=True):
        if swept.why_not is not None:
            tally.left[swept.why_not] += 1
            continue
        tally.fills += assert_equals_bot(data, swept)
        tally.equal += 1


def random_setting(chance: Random, price: int) -> BacktestSettings:
    """Any direction, size against the volumes, profit, wait, count, latency; boost, grid step, stop and pause price."""
    sells = chance.random() < 0.5
    outward = -1 if sells else 1
    stop = pause = OFF
    if chance.random() < 0.15:
        stop = Decimal(price + outward * chance.randint(1, 20))
    elif chance.random() < 0.25:
        pause = Decimal(price + outward * chance.randint(0, 6)) + Decimal("0.05")
    return BacktestSettings(
        ticker="BTC",
        quantity=chance.choice((Decimal("0.001"), Decimal("0.01"), Decimal("0.05"), Decimal("0.3"))),
        take_profit=Decimal(chance.choice((15, 20, 50, 137, 500, 1_000))) / 1_000,
        direction=Side.SELL if sells else Side.BUY,
        max_orders=chance.choice((1, 2, 3, 7, 10, 40)),
        wait_time=Decimal(chance.choice((0, 2, 31, 300))),
        grid_step=Decimal(chance.choice((-200, 0, 50))) / 1_000 if chance.random() < 0.4 else Decimal(-100),
        stop_price=stop,
        pause_price=pause,
        boost=chance.random() < 0.2,
        maker_fee_rate=chance.choice((Decimal(0), Decimal("0.0002"), Decimal("-0.0001"))),
        latency_ns=chance.choice((0, 1, 7, 50, 50, 123, 400)) * 1_000_000,
        balance=Decimal(100_000),
    )

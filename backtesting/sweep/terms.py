"""A setting in whole ticks and lots, or why this setting on this market is not one that the sweep can tell."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import gcd

from backtesting.settings import BacktestSettings
from backtesting.sweep.layout import NEVER, SECOND
from domain.market import Side
from domain.stop import StopMode
from markets.account import AccountTerms
from markets.tape import MarketSource
from strategies.take_profit_grid.config import OFF

_MOST = 1 << 60
_LONGEST_LATENCY_NS = SECOND
"""Above this the bot begins to ask for orders whose answers are under way."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`whole`: what `layout` names from `LATENCY` on, in order; `real`: from `BALANCE` on."""

    whole: tuple[int, ...]
    real: tuple[float, ...]


class NotTold(Exception):
    """This setting is run with the bot instead; the message says why."""


def terms_of(settings: BacktestSettings, source: MarketSource, highest: int) -> Terms:
    """`highest`: the largest price of the market in its units. Raises `NotTold`."""
    _check(settings, source)
    scale, sells = source.scale, settings.direction is Side.SELL
    unit = scale.price_unit * scale.size_unit
    quantity = settings.quantity / scale.size_unit
    profit_up, profit_down = _ratio(settings.take_profit / 100)
    step_close, step_ask = _grid_step(settings, sells)
    if 2 * highest * max(profit_up, step_close, step_ask) >= _MOST or highest * int(quantity) >= _MOST >> 20:
        raise NotTold("take_profit and grid_step have too many digits for whole numbers of 64 bits")
    waits = [int(settings.wait_time * SECOND * share) for share in map(Decimal, ("0.25", "0.5", "1", "2"))]
    account = settings.account_terms()
    return Terms(
        whole=(
            settings.latency_ns,
            int(quantity),
            settings.max_orders,
            *waits,
            profit_up,
            profit_down,
            int(settings.grid_step > -100),
            step_close,
            step_ask,
            _level(settings.stop_price, scale.price_unit, sells),
            _level(settings.pause_price, scale.price_unit, sells),
            int(settings.boost),
        ),
        real=(
            float(settings.balance / unit),
            float(settings.leverage),
            float(settings.maker_fee_rate),
            float(settings.taker_fee_rate),
            _floor_factor(account, sells),
        ),
    )


def _check(settings: BacktestSettings, source: MarketSource) -> None:
    rules, scale = source.rules, source.scale
    if settings.on_stop is not StopMode.KEEP:
        raise NotTold(f"on_stop {settings.on_stop.value} trades at the end of the session")
    if settings.run_for_ns is not None:
        raise NotTold("the session ends before the data")
    if settings.latency_ns > _LONGEST_LATENCY_NS:
        raise NotTold("the latency is above a second")
    if rules.tick_size != scale.price_unit or rules.quantity_step != scale.size_unit:
        raise NotTold("the market's tick and step are not the units of its data")
    if rules.min_notional or rules.min_quantity != rules.quantity_step:
        raise NotTold("the market has a minimum above one step, so that small fills are carried")
    if rules.refusal(None, settings.quantity) is not None:
        raise NotTold("the quantity is not one that the market takes")
    if settings.direction is Side.SELL and settings.take_profit >= 100:
        raise NotTold("a profit of 100 % downward is no price")
    if settings.take_profit <= 0 or settings.wait_time < 0 or settings.max_orders < 1:
        raise NotTold("take_profit, wait_time or max_orders is not one that the bot trades")


def _ratio(value: Decimal) -> tuple[int, int]:
    up, down = value.as_integer_ratio()
    return up, down


def _grid_step(settings: BacktestSettings, sells: bool) -> tuple[int, int]:
    """What the nearest close and the ask are multiplied by before they are compared, as small as they can be."""
    profit = 1 - settings.take_profit / 100 if sells else 1 + settings.take_profit / 100
    step = 1 + settings.grid_step / 100
    on_close, on_ask = (step, profit) if sells else (Decimal(1), profit * step)
    (close_up, close_down), (ask_up, ask_down) = _ratio(on_close), _ratio(on_ask)
    close, ask = close_up * ask_down, ask_up * close_down
    divisor = gcd(close, ask)
    return close // divisor, ask // divisor


def _level(price: Decimal, unit: Decimal, sells: bool) -> int:
    """The lowest ask, in the mirror of a selling bot, that reaches a stop or pause price."""
    if price == OFF:
        return NEVER
    if sells:
        return -int((price / unit).to_integral_value(ROUND_FLOOR))
    return int((price / unit).to_integral_value(ROUND_CEILING))


def _floor_factor(account: AccountTerms, sells: bool) -> float:
    rate = min(account.maintenance_rate, 1 / (2 * account.leverage))
    return float(1 + rate if sells else 1 - rate)

"""What an exchange can do, beside what was asked of it: refusals before the first order, and warnings."""

from __future__ import annotations

from decimal import Decimal, localcontext

from commands.options import RunOptions
from commands.usage import UsageError
from domain.market import Side
from domain.report import plain
from domain.stop import StopMode
from exchanges.base import Capabilities, OrderLimits

_EXACT_DIGITS = 60
_FAR = 2
"""A take-profit beyond one part in so many of the price band gets a warning."""


def check_against_capabilities(options: RunOptions, can: Capabilities) -> list[str]:
    """Warnings, one line each, without the word "warning".

    Raises `UsageError` below the minimum: orders must be found again by our own id, what the flags ask for must exist,
    and the closes that they lead to must be allowed to rest.
    """
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        return [*_ability_warnings(options, can), *_limit_warnings(options, can.order_limits)]


def _ability_warnings(options: RunOptions, can: Capabilities) -> list[str]:
    name = options.exchange
    if not can.query_by_client_id:
        raise UsageError(
            f"{name} cannot be asked for an order by our own id: what became of one whose answer was lost could never "
            "be found out, so that nothing is traded there"
        )
    if options.boost and not (can.boost and can.market_orders):
        raise UsageError(f"--boost is not offered on {name}; leave it out")
    if options.on_stop is StopMode.FLATTEN and not can.market_orders:
        raise UsageError(f"--on-stop flatten needs market orders, which {name} does not have; choose keep or cancel")
    if not can.reduce_only:
        return [f"{name} has no reduce-only orders: a position that you close by hand can be turned round by a close"]
    return []


def _limit_warnings(options: RunOptions, limits: OrderLimits) -> list[str]:
    most = limits.max_open_orders
    if most is not None and options.max_orders >= most:
        raise UsageError(
            f"--max-orders {options.max_orders} needs as many closes to rest and an open beside them, and "
            f"{options.exchange} lets {most} orders rest in a market; give {most - 1} or less"
        )
    if options.boost:
        return []
    room = _room(options.direction, limits)
    if room is None or options.take_profit * _FAR <= room:
        return []
    if options.take_profit >= room:
        raise UsageError(
            f"--take-profit {plain(options.take_profit)} is farther from the market than {options.exchange} lets an "
            f"order rest, so that every close would be refused; give less than {plain(room)}"
        )
    return [
        f"{options.exchange} lets no order rest farther than {plain(room)} % from the market: a close that has to be "
        "placed anew waits until the price is that near"
    ]


def _room(direction: Side, limits: OrderLimits) -> Decimal | None:
    """How far from the market a close may be, percent, never more than is allowed; None where there is no bound."""
    if direction is Side.BUY:
        bound = None if limits.highest_price is None else limits.highest_price - 1
    else:
        bound = None if limits.lowest_price is None else 1 - limits.lowest_price
    return None if bound is None or bound <= 0 else bound * 100

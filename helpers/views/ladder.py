"""Own orders and the touch as the rungs of a ladder, highest price first, collapsed to fit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.market import Quote, Side
from domain.orders import Purpose
from domain.status import LiveOrder


class Rung(StrEnum):
    OPEN = "open"
    CLOSE = "close"
    EXIT = "exit"
    ASK = "ask"
    BID = "bid"
    MORE = "more"
    """Stands for `hidden` rungs that did not fit."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the ladder. `price` None: at market, or a rung that stands for others."""

    rung: Rung
    price: Decimal | None = None
    order: LiveOrder | None = None
    hidden: int = 0


_RUNG_OF = {Purpose.OPEN: Rung.OPEN, Purpose.CLOSE: Rung.CLOSE, Purpose.EXIT: Rung.EXIT}


def ladder(orders: tuple[LiveOrder, ...], quote: Quote | None, height: int) -> list[Step]:
    """At most `height` rungs (and at least those of the touch): the ones nearest to the market, and the farthest.

    Orders without a price come last. An order at the price of a touch stands on the far side of it, as in the queue.
    """
    above, core, below = _zones(orders, quote)
    room = max(0, height - len(core))
    # The shorter side is shown whole where it takes no more than half.
    for_below = min(len(below), max(room // 2, room - len(above)))
    for_above = min(len(above), room - for_below)
    collapsed_above = list(reversed(_collapsed(list(reversed(above)), for_above)))
    return [*collapsed_above, *core, *_collapsed(below, for_below)]


def _zones(orders: tuple[LiveOrder, ...], quote: Quote | None) -> tuple[list[Step], list[Step], list[Step]]:
    """Above the ask, from ask to bid, and below the bid; each from the highest price down."""
    steps = [Step(_RUNG_OF[order.purpose], order.price, order) for order in orders]
    priced = sorted(((step.price, step) for step in steps if step.price is not None), key=_by_price)
    unpriced = [step for step in steps if step.price is None]
    if quote is None:
        sells = [step for _, step in priced if step.order is not None and step.order.side is Side.SELL]
        buys = [step for _, step in priced if step.order is not None and step.order.side is Side.BUY]
        return sells, [], buys + unpriced
    above = [step for price, step in priced if price >= quote.ask]
    inside = [step for price, step in priced if quote.bid < price < quote.ask]
    below = [step for price, step in priced if price <= quote.bid]
    core = [Step(Rung.ASK, quote.ask), *inside, Step(Rung.BID, quote.bid)]
    return above, core, below + unpriced


def _by_price(priced: tuple[Decimal, Step]) -> Decimal:
    return -priced[0]


def _collapsed(nearest_first: list[Step], room: int) -> list[Step]:
    """`nearest_first` in `room` lines: its middle folded into one, its far end kept where there is space."""
    if len(nearest_first) <= room:
        return nearest_first
    if room <= 0:
        return []
    if room < 3:
        near = nearest_first[: room - 1]
        return [*near, Step(Rung.MORE, hidden=len(nearest_first) - len(near))]
    near = nearest_first[: room - 2]
    return [*near, Step(Rung.MORE, hidden=len(nearest_first) - len(near) - 1), nearest_first[-1]]

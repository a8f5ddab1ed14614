"""A venue that may do to a grid whatever a venue can do, and the bot around it that only takes down and passes on.

What is true happens at once (`true` orders, `position`); what the grid is told of it waits in `news`, and is delivered
late, twice, or out of order. `surprised`: the grid was led to believe something untrue, so that for a while it cannot
keep every bound; `touched`: somebody else moved the position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from domain.commands import CancelOrder, Command, PlaceClose, PlaceExit, PlaceOpen
from domain.events import Fill, Liquidity, OrderUpdate, SessionStarted
from domain.market import Side
from domain.orders import OrderFact, Purpose
from strategies.take_profit_grid.orders import Order
from strategies.take_profit_grid.state import GridState
from tests.support.grid import ZERO, Desk

_FINAL = {"cancelled": OrderFact.CANCELLED, "expired": OrderFact.EXPIRED, "refused": OrderFact.REFUSED}


@dataclass(slots=True)
class TrueOrder:
    """What the venue knows of one order. `end`: empty while it lives; "lost": it never arrived."""

    client_id: int
    purpose: Purpose
    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal = ZERO
    arrived: bool = False
    end: str = ""

    @property
    def rests(self) -> bool:
        return self.arrived and not self.end

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def fact(self) -> OrderFact:
        if self.end == "filled":
            return OrderFact.FILLED
        if not self.arrived:
            return OrderFact.NEVER_PLACED
        return _FINAL.get(self.end, OrderFact.ACCEPTED)


@dataclass(slots=True)
class GridVenue:
    desk: Desk
    true: dict[int, TrueOrder] = field(default_factory=dict)
    cancels: list[int] = field(default_factory=list)
    """Cancels under way."""
    news: list[OrderUpdate | Fill] = field(default_factory=list)
    position: Decimal = ZERO
    """Of the grid, in its own direction."""
    trades: int = 0
    surprised: bool = False
    touched: bool = False

    # --- the bot's side -----------------------------------------------------------------------------------------

    def perform(self, command: Command) -> None:
        self.desk.perform(command)
        if isinstance(command, CancelOrder):
            self.cancels.append(command.client_id)
        elif isinstance(command, PlaceOpen | PlaceClose | PlaceExit):
            order = self.desk.newest()
            price = order.price or self.desk.bid
            self.true[order.client_id] = TrueOrder(order.client_id, order.purpose, order.side, price, order.quantity)

    def restart(self) -> None:
        """The process dies and comes back: requests on their way are asked for, news on its way is lost."""
        self.news.clear()
        self.desk.state = GridState(self.desk.config.direction)
        for record in self.desk.records:
            self.desk.state.apply(record)
        self.desk.note(SessionStarted(self.desk.now_ns, ""))
        self.desk.see(look=None)

    def ask(self, true: TrueOrder) -> None:
        """The grid asks about one order, and is told the truth. A request still on its way looks like none."""
        if not true.arrived and not true.end:
            self.surprised = True
        quantity = true.quantity if true.rests else None
        self.tell(true, true.fact, filled=true.filled, quantity=quantity)
        self.desk.note(self.news.pop())

    def look(self) -> None:
        """Everything on its way arrives or is lost, every order is asked about, and the position is read."""
        for true in list(self.true.values()):
            if not true.arrived and not true.end:
                true.end = "lost"
        self.deliver_all()
        for true in self.true.values():
            if self.is_doubtful(true):
                self.ask(true)
        self.desk.look(position=str(self.position))

    def is_doubtful(self, true: TrueOrder) -> bool:
        order = self.order(true)
        knows_all = order.filled == true.filled and order.is_live == true.rests and order.quantity <= true.quantity
        return not knows_all or (true.rests and order.status.value in ("planned", "unknown"))

    def order(self, true: TrueOrder) -> Order:
        return self.desk.state.orders[true.client_id]

    # --- the venue's side ---------------------------------------------------------------------------------------

    def tell(
        self, true: TrueOrder, fact: OrderFact, *, filled: Decimal | None = None, quantity: Decimal | None = None
    ) -> None:
        self.news.append(
            OrderUpdate(self.desk.now_ns, true.client_id, fact, f"o{true.client_id}", filled, quantity, "venue")
        )

    def arrive(self, true: TrueOrder, *, refused: bool) -> None:
        true.arrived = True
        if refused:
            true.end = "refused"
            self.tell(true, OrderFact.REFUSED)
            return
        self.tell(true, OrderFact.ACCEPTED)
        if true.purpose is Purpose.EXIT:
            self.trade(true, true.quantity, as_trade=True, as_total=True)
            if true.rests:
                self.end(true, "cancelled", stated=True)

    def trade(self, true: TrueOrder, quantity: Decimal, *, as_trade: bool, as_total: bool) -> None:
        """Closing orders are reduce-only: they trade no more than there is."""
        opens = true.purpose is Purpose.OPEN
        if not opens:
            quantity = min(quantity, max(ZERO, self.position))
            if not quantity:
                return
        true.filled += quantity
        self.position += quantity if opens else -quantity
        if not true.remaining:
            true.end = "filled"
        self.trades += 1
        if as_trade:
            self.news.append(
                Fill(
                    self.desk.now_ns,
                    true.client_id,
                    f"o{true.client_id}",
                    f"t{self.trades}",
                    true.side,
                    true.price,
                    quantity,
                    ZERO,
                    Liquidity.MAKER,
                    0,
                )
            )
        if as_total:
            self.tell(true, true.fact, filled=true.filled)

    def end(self, true: TrueOrder, how: str, *, stated: bool) -> None:
        """The order leaves the book. Not `stated`: without its filled total, which only its trades tell."""
        true.end = how
        if not stated and true.filled > self.order(true).filled:
            self.surprised = True
        self.tell(true, true.fact, filled=true.filled if stated else None)

    def take_cancel(self, client_id: int) -> None:
        self.cancels.remove(client_id)
        true = self.true[client_id]
        if true.rests:
            self.end(true, "cancelled", stated=True)

    def fail_cancel(self, client_id: int) -> None:
        self.cancels.remove(client_id)
        if self.true[client_id].rests:
            self.tell(self.true[client_id], OrderFact.CANCEL_FAILED)

    def deliver(self, index: int, *, again: bool = False) -> None:
        news = self.news[index] if again else self.news.pop(index)
        self.desk.note(news)

    def deliver_all(self) -> None:
        while self.news:
            self.deliver(0)

"""Histories told to the auditor by hand: a venue, a journal and a bot in a few words each.

A bot buys 0.1 ETH at a time, at most three entries, and takes a profit of 1 %: an open at 100 is closed at 101. Times
are seconds after `BEGAN_NS`. Every verb tells what the real world would tell, in that order.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.events import (
    Fill,
    IdsReserved,
    JournalBegan,
    Liquidity,
    OrderIntended,
    OrderUpdate,
    Part,
    Record,
    SessionStarted,
)
from domain.market import NANOSECONDS, MarketRules, Side
from domain.orders import OrderFact, Purpose
from domain.status import Notice, NoticeKind
from simulation.auditor import Auditor, AuditTerms
from simulation.observed import (
    LifeBegan,
    LifeEnded,
    LifeKilled,
    Observation,
    PowerLost,
    RequestKind,
    Said,
    Sent,
    StopAsked,
    Synced,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueQuote,
    Violation,
    Written,
)

BEGAN_NS = 1_704_067_200 * NANOSECONDS
RULES = MarketRules("ETH", "ETH-PERP", Decimal("0.01"), Decimal("0.001"), Decimal("0.01"))
TERMS = AuditTerms(
    direction=Side.BUY, quantity=Decimal("0.1"), max_orders=3, take_profit=Decimal(1), rules=RULES, wait_time_s=40
)
LOOKS = ("open_orders", "position")


def moment(seconds: float) -> int:
    """The time so long after the world began, in nanoseconds since the epoch."""
    return BEGAN_NS + int(seconds * NANOSECONDS)


def violation(seconds: float, invariant: str, text: str) -> Violation:
    return Violation(moment(seconds), invariant, text)


class Told:
    """`at` moves the time; everything else happens there and then."""

    def __init__(self, **terms: Any) -> None:
        self.terms = replace(TERMS, **terms)
        self.auditor = Auditor(self.terms)
        self.now_ns = BEGAN_NS
        self.seq = 0
        self.position = Decimal(0)
        self._trades = 0
        self._orders: dict[int, VenueOrder] = {}

    @property
    def violations(self) -> list[Violation]:
        return self.auditor.violations

    # --- time and observations --------------------------------------------------------------------------------------

    def at(self, seconds: float) -> Told:
        self.now_ns = moment(seconds)
        return self

    def see(self, *observations: Observation) -> Told:
        for observation in observations:
            self.auditor.see(self.now_ns, observation)
        return self

    def end(self) -> list[Violation]:
        """The world ends here; everything that was found."""
        self.auditor.at_end(self.now_ns)
        return self.violations

    # --- the bot's process ------------------------------------------------------------------------------------------

    def began(self, number: int = 1) -> Told:
        """A life that has looked at its account; the first also begins the journal."""
        self.see(LifeBegan(number))
        if number == 1:
            self.write(JournalBegan(self.now_ns, 1, Decimal(0), "{}"), IdsReserved(self.now_ns, 1000), sync=True)
        self.write(SessionStarted(self.now_ns, "{}"))
        return self.look()

    def look(self) -> Told:
        return self.see(*(Sent(RequestKind.READ, what) for what in LOOKS))

    def killed(self, number: int = 1, *, power_lost_after: int | None = None) -> Told:
        self.see(LifeKilled(number))
        if power_lost_after is not None:
            self.see(PowerLost(power_lost_after))
            self.seq = power_lost_after
        return self

    def stop(self, mode: str = "keep") -> Told:
        return self.see(StopAsked(mode))

    def ended(self, status: int = 0, *unconfirmed: str, number: int = 1, reason: str = "stopped") -> Told:
        return self.see(LifeEnded(number, status, reason, unconfirmed))

    def write(self, *records: Record, sync: bool = False) -> Told:
        for record in records:
            self.seq += 1
            self.see(Written(self.seq, record, sync))
        return self

    def say(self, kind: NoticeKind, text: str = "something happened") -> Told:
        return self.see(Said(Notice(self.now_ns, kind, text)))

    # --- orders -----------------------------------------------------------------------------------------------------

    def intend(
        self,
        client_id: int,
        price: str | None,
        quantity: str = "0.1",
        *,
        entry: int | None = None,
        parts: tuple[tuple[int, str], ...] = (),
        sync: bool = True,
        adopted: bool = False,
    ) -> Told:
        """`entry`: an open of it; otherwise a close, or a market exit where there is no price."""
        is_open = entry is not None
        purpose = Purpose.OPEN if is_open else Purpose.EXIT if price is None else Purpose.CLOSE
        side = self.terms.direction if is_open else self.terms.direction.opposite
        limit = None if price is None else Decimal(price)
        named = tuple(Part(number, Decimal(part)) for number, part in parts)
        intent = OrderIntended(
            self.now_ns, client_id, purpose, side, limit, Decimal(quantity), entry, named, adopted
        )
        return self.write(intent, sync=sync)

    def send(self, client_id: int, price: str | None, quantity: str = "0.1", *, is_open: bool, **more: Any) -> Told:
        side = self.terms.direction if is_open else self.terms.direction.opposite
        limit = None if price is None else Decimal(price)
        fields: dict[str, Any] = {
            "side": side,
            "price": limit,
            "quantity": Decimal(quantity),
            "post_only": price is not None,
            "reduce_only": not is_open,
            "book_age_ns": 0 if is_open else None,
        }
        self.see(VenueQuote(Decimal(100), Decimal("100.01")))
        return self.see(Sent(RequestKind.PLACE, "place", client_id, **(fields | more)))

    def rest(self, client_id: int, price: str | None, quantity: str = "0.1", *, is_open: bool, **more: Any) -> Told:
        """The venue takes the order."""
        side = self.terms.direction if is_open else self.terms.direction.opposite
        limit = None if price is None else Decimal(price)
        order = VenueOrder(
            f"v{client_id}",
            client_id,
            side,
            limit,
            Decimal(quantity),
            Decimal(0),
            is_live=True,
            post_only=price is not None,
            reduce_only=not is_open,
        )
        self._orders[client_id] = replace(order, **more)
        return self.see(self._orders[client_id])

    def accept(self, client_id: int) -> Told:
        return self.write(OrderUpdate(self.now_ns, client_id, OrderFact.ACCEPTED, f"v{client_id}"))

    def open(self, client_id: int, price: str = "100", quantity: str = "0.1", *, entry: int | None = None) -> Told:
        """Intended, sent, taken by the venue, and known."""
        self.intend(client_id, price, quantity, entry=client_id if entry is None else entry)
        self.send(client_id, price, quantity, is_open=True)
        return self.rest(client_id, price, quantity, is_open=True).accept(client_id)

    def close(self, client_id: int, of: int, price: str = "101", quantity: str = "0.1") -> Told:
        """The same for the close of entry `of`."""
        self.intend(client_id, price, quantity, parts=((of, quantity),))
        self.send(client_id, price, quantity, is_open=False)
        return self.rest(client_id, price, quantity, is_open=False).accept(client_id)

    def venue_fills(self, client_id: int, quantity: str = "0.1", *, is_maker: bool = True, price: str = "") -> Told:
        """The venue alone knows so far: the order, the fill and the position, as one step."""
        order = self._orders[client_id]
        filled = order.filled + Decimal(quantity)
        self._orders[client_id] = replace(order, filled=filled, is_live=filled < order.quantity)
        self._trades += 1
        self.position += Decimal(quantity) * order.side.sign
        at = Decimal(price) if price else order.price
        assert at is not None
        trade = VenueFill(
            f"t{self._trades}", order.order_id, client_id, order.side, at, Decimal(quantity), Decimal(0), is_maker
        )
        return self.see(self._orders[client_id], trade, VenuePosition(self.position))

    def hear_fill(self, client_id: int, quantity: str = "0.1", *, trade: int | None = None, price: str = "") -> Told:
        """The bot writes down the last fill, or that of number `trade`."""
        order = self._orders[client_id]
        at = Decimal(price) if price else order.price
        assert at is not None
        trade_id = f"t{self._trades if trade is None else trade}"
        return self.write(
            Fill(
                self.now_ns,
                client_id,
                order.order_id,
                trade_id,
                order.side,
                at,
                Decimal(quantity),
                Decimal(0),
                Liquidity.MAKER,
                self.now_ns,
            )
        )

    def fill(self, client_id: int, quantity: str = "0.1") -> Told:
        return self.venue_fills(client_id, quantity).hear_fill(client_id, quantity)

    def venue_ends(self, client_id: int) -> Told:
        """The order is gone at the venue; what is filled stays."""
        self._orders[client_id] = replace(self._orders[client_id], is_live=False)
        return self.see(self._orders[client_id])

    def hear_end(self, client_id: int, fact: OrderFact = OrderFact.CANCELLED, reason: str = "") -> Told:
        return self.write(OrderUpdate(self.now_ns, client_id, fact, f"v{client_id}", reason=reason))

    def cancel(self, client_id: int) -> Told:
        """Asked for, done and known."""
        self.see(Sent(RequestKind.CANCEL, "cancel", client_id, f"v{client_id}"))
        return self.venue_ends(client_id).hear_end(client_id)

    def synced(self) -> Told:
        return self.see(Synced(self.seq))

    # --- others -----------------------------------------------------------------------------------------------------

    def foreign_trade(self, signed: str, *, is_forced: bool = False) -> Told:
        """Somebody else trades on this account, or (`is_forced`) the venue itself."""
        quantity = Decimal(signed)
        side = Side.BUY if quantity > 0 else Side.SELL
        self._trades += 1
        self.position += quantity
        trade = VenueFill(
            f"t{self._trades}", "f1", None, side, Decimal(100), abs(quantity), Decimal(0), False, is_forced
        )
        return self.see(trade, VenuePosition(self.position))

    def covered_entry(self, client_id: int, *, price: str = "100", close: str = "101") -> Told:
        """An open, filled and covered by the close of the next id."""
        return self.open(client_id, price).fill(client_id).close(client_id + 1, client_id, close)


def running(**terms: Any) -> Told:
    """A bot that has begun and looked at its account, at second 0, with a flat position known."""
    return Told(**terms).see(VenuePosition(Decimal(0))).began()

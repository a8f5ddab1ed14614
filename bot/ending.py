"""How a session ends: asked for, settled, proven on the venue; or given up after a while, with a list of what is open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.inquiry import Inquiry
from bot.oversight import Oversight
from bot.recorder import Recorder
from domain.clock import Clock
from domain.market import NANOSECONDS, Quote
from domain.orders import OrderStatus, Purpose
from domain.report import plain
from domain.stop import StopMode
from strategies.take_profit_grid.decisions import TakeProfitGrid
from strategies.take_profit_grid.state import ZERO, GridState, Order

STOP_WITHIN_NS = 15 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended.

    `exit_status` as in `docs/OPERATING.md`; `unconfirmed`: what could not be proven on the venue. `duration_ns`: own
    time from running to the stop request.
    """

    exit_status: int
    reason: str
    unconfirmed: tuple[str, ...]
    duration_ns: int


class Ending:
    """`mode` is None while nobody has asked for the end. Times are nanoseconds of the bot's own clock."""

    def __init__(
        self,
        state: GridState,
        strategy: TakeProfitGrid,
        recorder: Recorder,
        inquiry: Inquiry,
        oversight: Oversight,
        clock: Clock,
        quote: Callable[[], Quote | None],
    ) -> None:
        self._state = state
        self._strategy = strategy
        self._recorder = recorder
        self._inquiry = inquiry
        self._oversight = oversight
        self._clock = clock
        self._quote = quote
        self.mode: StopMode | None = None
        self.reason = ""
        self.asked_ns: int | None = None
        self.is_abandoned = False

    def ask(self, reason: str, mode: StopMode, at_ns: int | None = None) -> None:
        self.mode = mode
        self.reason = reason
        self._oversight.closes_leave = mode is not StopMode.KEEP
        if self.asked_ns is None:  # A halt during a stop gives it no more time.
            self.asked_ns = self._clock.now_ns() if at_ns is None else at_ns

    @property
    def deadline_ns(self) -> int | None:
        """When proving is given up."""
        return None if self.asked_ns is None else self.asked_ns + STOP_WITHIN_NS

    def is_over(self) -> bool:
        deadline_ns = self.deadline_ns
        if deadline_ns is None:
            return False
        return self.is_abandoned or self._clock.now_ns() >= deadline_ns or self.is_verified()

    def is_settled(self) -> bool:
        """Whether stopping has nothing left to do but to verify."""
        state = self._state
        if self.mode is None or state.live_opens or self._inquiry.questions:
            return False
        if any(order.status is not OrderStatus.OPEN for order in state.live.values()):
            return False
        if self.mode is not StopMode.KEEP and state.live:
            return False
        if self.mode is StopMode.CANCEL:
            return True
        quote, look = self._usable_quote(), self._oversight.newest()
        return not self._strategy.could_cover(state, self.mode, quote, look)

    def is_verified(self) -> bool:
        """Whether the venue, asked after everything was settled, lists what we believe.

        After a halt the position may differ, which is what the halt has said; the orders must agree all the same.
        """
        reading = self._oversight.reading
        if reading is None or reading.look is None or self.asked_ns is None or not self.is_settled():
            return False
        look = reading.look
        if look.started_ns < self.asked_ns or look.as_of_ns < self._recorder.memory.last_order_event_ns:
            return False
        has_position = look.own == self._state.own and not look.missing
        return (
            not reading.own_opens
            and look.resting_closes == resting_closes(self._state)
            and (has_position or self._state.halted is not None)
        )

    def unconfirmed(self) -> tuple[str, ...]:
        """What could not be proven, one line each: after an interruption everything that is open."""
        lines = []
        if self.is_abandoned or not self.is_verified():
            state = self._state
            lines += [_described(order) for order in state.live.values()]
            bare = "; what is left of it has no closes" if self.mode is StopMode.FLATTEN else ""
            lines.append(f"own position {plain(state.own * state.side.sign)} was not confirmed by the venue{bare}")
        if self._recorder.unwritten:
            lines.append(f"{self._recorder.unwritten} records are not in the journal: {self._recorder.trouble}")
        return tuple(lines)

    def conclude(self) -> tuple[str, ...]:
        """To be called once, at the end: `unconfirmed`, and what a flattening had to leave, which `reason` then names
        too."""
        residue = self._residue()
        if not residue:
            return self.unconfirmed()
        self.reason = f"{self.reason}; the own position is not flat: {residue}"
        return (*self.unconfirmed(), f"that the own position is flat: {residue}")

    def _residue(self) -> str:
        """What a flattening left because no order may be so small; empty where nothing is left, or nothing proven."""
        own = self._state.own
        if self.mode is not StopMode.FLATTEN or not own or not self.is_verified():
            return ""
        is_opposed = self._state.foreign_position * self._state.side.sign < 0
        otherwise = "others hold the other way" if is_opposed else "the venue takes no order so small"
        refusal = self._strategy.exit_refusal(own, self._usable_quote()) or otherwise
        return f"{plain(own)} is left ({refusal})"

    def _usable_quote(self) -> Quote | None:
        quote = self._quote()
        return quote if quote is not None and quote.is_usable else None


def resting_closes(state: GridState) -> Decimal:
    """Sum of what remains in own closes that the venue holds, in base units."""
    resting = (OrderStatus.OPEN, OrderStatus.CANCELLING)
    closes = (order for order in state.live.values() if order.purpose is Purpose.CLOSE)
    return sum((order.remaining for order in closes if order.status in resting), ZERO)


def _described(order: Order) -> str:
    price = "market" if order.price is None else plain(order.price)
    name = f"{order.purpose.value} order {order.order_id or order.client_id}"
    return f"{name}: {order.side.value} {plain(order.remaining)} at {price} is {order.status.value}"

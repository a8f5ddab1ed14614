"""The take-profit grid's decisions: state and circumstances in, commands and reasons out.

`decide` is a pure function. It derives what is wanted from the *state* ("this entry has 0.6 filled and 0 covered"), never from
the event that came last, so a restart, a repetition or a reordering of events changes nothing. The caller performs the commands
(which changes the state through the journal) and asks again until no command is left.

The rules are those of `docs/ARCHITECTURE.md`, section "The algorithm". Percentages are percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal

from domain.commands import (
    AbandonEntry,
    CancelOrder,
    Command,
    Decision,
    LapseWaiver,
    PlaceClose,
    PlaceExit,
    PlaceOpen,
    RequestStop,
)
from domain.events import Part
from domain.market import NANOSECONDS, MarketRules, PriceBand, Quote, Side
from domain.orders import OrderStatus, Purpose
from domain.status import Hold
from domain.stop import StopMode
from strategies.take_profit_grid.config import OFF, TradingConfig
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.state import REPRICE, ZERO, Entry, Failures, GridState, Order

WATCH_NS = 10 * NANOSECONDS
"""An open is left alone this long from its acknowledgement."""
STALE_AFTER_NS = 10 * NANOSECONDS
"""A book whose feed has been silent this long prices nothing."""
_FIRST_RETRY_NS = NANOSECONDS // 5
_LONGEST_CLOSE_RETRY_NS = 2 * NANOSECONDS
"""Closes are owed: a refused one is offered again this soon at the latest."""
_LONGEST_OPEN_RETRY_NS = 60 * NANOSECONDS
_BREAKER_AFTER = 3
"""Refusals of opens in a row after which they pause for `_BREAKER_NS`."""
_BREAKER_NS = 30 * NANOSECONDS
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the journal does not hold: the circumstances of one decision.

    `look`: the newest successful reading of the venue since the connection was last restored; None until there is one.
    `look_failed`: the newest attempt failed. `suspicion`: what the guard objects to, awaiting its second look (or, at a start
    after a halt, still there). `trouble`: why the bot itself must not open (journal unwritable, event loop lagging).
    `stopping`: None while running. A halt is in the state.
    """

    now_ns: int
    quote: Quote | None
    connected: bool = True
    look: Look | None = None
    look_failed: bool = False
    suspicion: str = ""
    trouble: str = ""
    stopping: StopMode | None = None


@dataclass(slots=True)
class _Draft:
    """A decision being made: one place that gathers the earliest wake-up and the narrowest band."""

    commands: list[Command] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    wake_ns: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    needs_look: bool = False
    next_action: str = ""

    def wake_at(self, at_ns: int) -> None:
        self.wake_ns = at_ns if self.wake_ns is None else min(self.wake_ns, at_ns)

    def watch_below(self, level: Decimal) -> None:
        self.low = level if self.low is None else max(self.low, level)

    def watch_above(self, level: Decimal) -> None:
        self.high = level if self.high is None else min(self.high, level)


class TakeProfitGrid:
    """The strategy over one state. Holds the settings and the rules; keeps nothing else between decisions."""

    def __init__(self, config: TradingConfig, rules: MarketRules) -> None:
        self.config = config
        self.rules = rules
        self._buys = config.direction is Side.BUY
        percent = config.take_profit / 100
        self._profit_factor = 1 + percent if self._buys else 1 - percent
        self._step_factor = 1 + config.grid_step / 100
        self._waits_ns = [
            int(config.wait_time * NANOSECONDS * share)
            for share in (Decimal("0.25"), Decimal("0.5"), Decimal(1), Decimal(2))
        ]

    def decide(self, state: GridState, situation: Situation) -> Decision:
        """What to do now. Deterministic; changes nothing."""
        draft = _Draft()
        quote = self._usable(situation)
        if quote is not None and situation.stopping is None and self._reached(self.config.stop_price, quote):
            draft.commands.append(RequestStop(f"stop price {self.config.stop_price} reached at {self._touch(quote)}"))
        self._cover(state, situation, quote, draft)
        self._tend_closes(state, situation, draft)
        if state.live_opens:
            self._tend_opens(state, situation, quote, draft)
        else:
            self._open(state, situation, quote, draft)
        self._watch_levels(situation, quote, draft)
        band = None
        if draft.low is not None or draft.high is not None:
            band = PriceBand(Side.SELL if self._buys else Side.BUY, draft.low, draft.high)
        return Decision(
            tuple(draft.commands), tuple(draft.holds), draft.wake_ns, band, draft.needs_look, draft.next_action
        )

    # --- prices -------------------------------------------------------------------------------------------------

    def open_price(self, quote: Quote) -> Decimal:
        """The best post-only price: one tick inside the opposite touch."""
        return quote.ask - self.rules.tick_size if self._buys else quote.bid + self.rules.tick_size

    def close_price(self, fill_price: Decimal, quote: Quote | None) -> Decimal:
        """The take-profit for a fill, rounded away from loss; one tick outside the touch where it would cross."""
        target = _EXACT.multiply(fill_price, self._profit_factor)
        return self._outside_touch(self._away_from_loss(target), quote)

    def _away_from_loss(self, target: Decimal) -> Decimal:
        return self.rules.price_at_or_above(target) if self._buys else self.rules.price_at_or_below(target)

    def _outside_touch(self, price: Decimal, quote: Quote | None) -> Decimal:
        if quote is None:
            return price
        if self._buys:
            return price if price > quote.bid else quote.bid + self.rules.tick_size
        return price if price < quote.ask else quote.ask - self.rules.tick_size

    def _usable(self, situation: Situation) -> Quote | None:
        quote = situation.quote
        if quote is None or not quote.is_usable or situation.now_ns - quote.as_of_ns > STALE_AFTER_NS:
            return None
        return quote

    def _touch(self, quote: Quote) -> Decimal:
        """The side of the book this bot prices its opens from."""
        return quote.ask if self._buys else quote.bid

    def _reached(self, level: Decimal, quote: Quote) -> bool:
        """Whether a stop or pause price is reached: upward for a buying bot, downward for a selling one."""
        if level == OFF:
            return False
        return quote.ask >= level if self._buys else quote.bid <= level

    # --- covering -----------------------------------------------------------------------------------------------

    def _cover(self, state: GridState, situation: Situation, quote: Quote | None, draft: _Draft) -> None:
        """Every filled quantity gets a close, unless the stop mode takes the closes away."""
        if not state.owing:
            return
        if situation.stopping in (StopMode.CANCEL, StopMode.FLATTEN):
            if situation.stopping is StopMode.FLATTEN:
                self._flatten(state, situation, draft)
            return
        retry_ns = self._retry_at(state.failures[Purpose.CLOSE], _LONGEST_CLOSE_RETRY_NS)
        if retry_ns is not None and situation.now_ns < retry_ns:
            draft.wake_at(retry_ns)
            return
        owed = self._coverable(state, situation, draft)
        exits = [(entry, amount) for entry, amount in owed if self._leaves_at_market(entry)]
        closes = [(entry, amount) for entry, amount in owed if not self._leaves_at_market(entry)]
        self._exit(exits, state, situation, draft)
        for group in self._grouped(closes, quote):
            price = self._group_price(group, quote)
            parts = tuple(Part(entry.entry_id, amount) for entry, amount in group)
            total = sum((part.quantity for part in parts), ZERO)
            draft.commands.append(PlaceClose(self.config.close_side, price, total, parts))

    def _leaves_at_market(self, entry: Entry) -> bool:
        """Boost closes each fill at market; what a cancel of the open revealed leaves as a maker at the entry price."""
        return self.config.boost_mode and not entry.open_was_cancelled

    def _coverable(self, state: GridState, situation: Situation, draft: _Draft) -> list[tuple[Entry, Decimal]]:
        """What may be covered now, per entry: fresh fills at once, returned quantity after one look, up to the position."""
        may_return = ZERO
        if any(state.entries[entry_id].returned > 0 for entry_id in state.owing):
            look = situation.look
            if look is None or look.started_ns <= (state.uncertain_since_ns or 0):
                draft.needs_look = True
            else:
                position = look.position + (state.own - look.own)
                may_return = max(ZERO, min(state.own, position) - state.covered)
        coverable = []
        for entry_id in state.owing:
            entry = state.entries[entry_id]
            returned = min(entry.returned, may_return)
            may_return -= returned
            amount = self.rules.quantity_at_or_below(max(ZERO, entry.fresh) + returned)
            if amount > 0:
                coverable.append((entry, amount))
        return coverable

    def _grouped(
        self, owed: list[tuple[Entry, Decimal]], quote: Quote | None
    ) -> Iterator[list[tuple[Entry, Decimal]]]:
        """One close per entry; what is below the venue's minimum is merged into another, or carried."""
        dust = [pair for pair in owed if not self._is_placeable([pair], quote)]
        large = [pair for pair in owed if self._is_placeable([pair], quote)]
        for pair in large:
            yield [*dust, pair]
            dust = []
        if dust and self._is_placeable(dust, quote):
            yield dust

    def _is_placeable(self, group: list[tuple[Entry, Decimal]], quote: Quote | None) -> bool:
        total = sum((amount for _, amount in group), ZERO)
        return self.rules.refusal(self._group_price(group, quote), total) is None

    def _group_price(self, group: list[tuple[Entry, Decimal]], quote: Quote | None) -> Decimal:
        """Never worse than any part's target: the outermost of them."""
        prices = [self._entry_close_price(entry, quote) for entry, _ in group]
        return max(prices) if self._buys else min(prices)

    def _entry_close_price(self, entry: Entry, quote: Quote | None) -> Decimal:
        assert entry.worst_price is not None
        if self.config.boost_mode:
            return self._outside_touch(self._away_from_loss(entry.worst_price), quote)
        return self.close_price(entry.worst_price, quote)

    def _exit(
        self, exits: list[tuple[Entry, Decimal]], state: GridState, situation: Situation, draft: _Draft
    ) -> None:
        """Close at market, all at once; what is below the minimum waits for more."""
        parts = tuple(Part(entry.entry_id, amount) for entry, amount in exits)
        total = sum((part.quantity for part in parts), ZERO)
        if self.rules.refusal(None, total) is not None:
            return
        retry_ns = self._retry_at(state.failures[Purpose.EXIT], _LONGEST_CLOSE_RETRY_NS)
        if retry_ns is not None and situation.now_ns < retry_ns:
            draft.wake_at(retry_ns)
            return
        draft.commands.append(PlaceExit(self.config.close_side, total, parts))

    def _flatten(self, state: GridState, situation: Situation, draft: _Draft) -> None:
        """Once nothing else of ours rests, leave what is owed at market."""
        if not state.live:
            self._exit(self._coverable(state, situation, draft), state, situation, draft)

    def _tend_closes(self, state: GridState, situation: Situation, draft: _Draft) -> None:
        """Cancel closes that the stop mode takes away, or that cover more than there is."""
        if situation.stopping in (StopMode.CANCEL, StopMode.FLATTEN):
            for order in state.live.values():
                if order.purpose is Purpose.CLOSE:
                    self._cancel(order, f"stop: {situation.stopping.value}", situation, draft)
            return
        over = {entry_id for entry_id in state.owing if state.entries[entry_id].owed < 0}
        if not over:
            return
        for order in state.live.values():
            claimed = {claim.entry_id for claim in order.claims}
            if order.purpose is Purpose.CLOSE and claimed & over:
                over -= claimed
                self._cancel(order, "covers more than there is", situation, draft)

    def _cancel(self, order: Order, why: str, situation: Situation, draft: _Draft) -> None:
        """Ask for a cancel once; again, with growing pauses, where the venue says the order still lives."""
        if order.status is not OrderStatus.OPEN:
            return
        if order.cancel_failures:
            again_ns = order.cancel_failed_ns + min(
                _FIRST_RETRY_NS << (order.cancel_failures - 1), _LONGEST_CLOSE_RETRY_NS
            )
            if situation.now_ns < again_ns:
                draft.wake_at(again_ns)
                return
        draft.commands.append(CancelOrder(order.client_id, why))

    # --- the live open ------------------------------------------------------------------------------------------

    def _tend_opens(self, state: GridState, situation: Situation, quote: Quote | None, draft: _Draft) -> None:
        order = next(iter(state.live_opens.values()))
        must_go = self._must_go(state, situation, quote)
        if must_go:
            draft.holds.append(must_go)
            draft.next_action = f"cancel the open: {must_go.text}"
            for live in state.live_opens.values():
                self._cancel(live, must_go.word, situation, draft)
            return
        draft.next_action = f"wait for the open at {order.price} to fill"
        if order.status is not OrderStatus.OPEN or order.accepted_ns is None or quote is None or order.price is None:
            return
        watched_until_ns = order.accepted_ns + WATCH_NS
        if situation.now_ns < watched_until_ns:
            draft.wake_at(watched_until_ns)
            return
        new = self.open_price(quote)
        if (new - order.price) * self.config.direction.sign > 0:
            self._cancel(order, REPRICE, situation, draft)
        elif self._buys:
            draft.watch_above(order.price + 2 * self.rules.tick_size)
        else:
            draft.watch_below(order.price - 2 * self.rules.tick_size)

    def _must_go(self, state: GridState, situation: Situation, quote: Quote | None) -> Hold | None:
        """Why a resting open must be cancelled at once, whatever its age."""
        if situation.stopping is not None:
            return Hold("stopping", "the session is ending")
        if state.halted is not None:
            return Hold("halted", state.halted)
        if not situation.connected:
            return Hold("disconnected", "the venue's streams are lost")
        if quote is None:
            return Hold("stale_quote", "there is no fresh quote")
        return self._price_limit(quote)

    def _price_limit(self, quote: Quote) -> Hold | None:
        """The stop or pause price, where it is reached."""
        touch = self._touch(quote)
        if self._reached(self.config.stop_price, quote):
            return Hold("stop_price", f"the price {touch} has reached the stop price {self.config.stop_price}")
        if self._reached(self.config.pause_price, quote):
            return Hold("pause_price", f"the price {touch} has reached the pause price {self.config.pause_price}")
        return None

    # --- a new open ---------------------------------------------------------------------------------------------

    def _open(self, state: GridState, situation: Situation, quote: Quote | None, draft: _Draft) -> None:
        draft.holds.extend(self._holds(state, situation, quote, draft))
        if not draft.holds:
            assert quote is not None
            entry_id = state.replacing if state.replacing is not None else state.next_entry_id
            price = self.open_price(quote)
            draft.commands.append(PlaceOpen(entry_id, self.config.direction, price, self.config.quantity))
            draft.next_action = f"place an open at {price}"
            return
        draft.next_action = f"wait: {draft.holds[0].text}"
        if all(hold.word == "backoff" for hold in draft.holds):
            return
        if state.replacing is not None:
            draft.commands.append(AbandonEntry(state.replacing))
        if state.waiver:
            draft.commands.append(LapseWaiver())

    def _holds(
        self, state: GridState, situation: Situation, quote: Quote | None, draft: _Draft
    ) -> Iterator[Hold]:
        """Every reason not to open now, the weightiest first."""
        if situation.stopping is not None:
            yield Hold("stopping", "the session is ending")
        if state.halted is not None:
            yield Hold("halted", state.halted)
        if situation.trouble:
            yield Hold("trouble", situation.trouble)
        if not situation.connected:
            yield Hold("disconnected", "the venue's streams are lost")
        if situation.look_failed or situation.look is None:
            yield Hold("unreconciled", "the venue could not be asked for orders and position yet")
            draft.needs_look = True
        if situation.suspicion:
            yield Hold("mismatch", situation.suspicion)
        if quote is None:
            yield Hold("stale_quote", "there is no fresh quote")
        else:
            yield from self._price_holds(state, quote, draft)
        yield from self._time_holds(state, situation, draft)

    def _price_holds(self, state: GridState, quote: Quote, draft: _Draft) -> Iterator[Hold]:
        limit = self._price_limit(quote)
        if limit is not None:
            yield limit
        outermost = state.outermost_close()
        if outermost is not None and not self._steps_enough(outermost, quote):
            yield Hold("grid_step", f"an open must be {self.config.grid_step} % better than the close at {outermost}")
            self._watch_step(outermost, draft)
        refusal = self.rules.refusal(self.open_price(quote), self.config.quantity)
        if refusal is not None:
            yield Hold("rules", refusal)

    def _steps_enough(self, outermost: Decimal, quote: Quote) -> bool:
        """The grid step: buy passes when lowest close / (ask (1 + tp)) > 1 + g; sell when bid (1 - tp) / highest close > 1 + g."""
        take_profit = _EXACT.multiply(self._touch(quote), self._profit_factor)
        if self._buys:
            return outermost > _EXACT.multiply(take_profit, self._step_factor)
        return take_profit > _EXACT.multiply(outermost, self._step_factor)

    def _watch_step(self, outermost: Decimal, draft: _Draft) -> None:
        """Be woken at the first touch at which the grid step passes."""
        if self._buys:
            draft.watch_below(self._tick_below(outermost / (self._profit_factor * self._step_factor)))
        else:
            draft.watch_above(self._tick_above(outermost * self._step_factor / self._profit_factor))

    def _tick_below(self, level: Decimal) -> Decimal:
        """The highest valid price strictly below `level`."""
        return self.rules.price_at_or_above(level) - self.rules.tick_size

    def _tick_above(self, level: Decimal) -> Decimal:
        """The lowest valid price strictly above `level`."""
        return self.rules.price_at_or_below(level) + self.rules.tick_size

    def _time_holds(self, state: GridState, situation: Situation, draft: _Draft) -> Iterator[Hold]:
        config = self.config
        n = len(state.unclosed)
        if n >= config.max_orders:
            yield Hold("max_orders", f"{n} entries are open, the most allowed is {config.max_orders}")
        elif not (config.boost_mode or state.waiver or state.replacing is not None or state.clock_ns is None):
            ready_ns = state.clock_ns + self.cooldown_ns(n)
            if situation.now_ns < ready_ns:
                draft.wake_at(ready_ns)
                yield Hold("cooldown", f"cooling down with {n} of {config.max_orders} entries open", ready_ns)
        retry_ns = self._open_retry_at(state)
        if retry_ns is not None and situation.now_ns < retry_ns:
            draft.wake_at(retry_ns)
            reason = state.failures[Purpose.OPEN].reason
            yield Hold("backoff", f"the venue refused the last open ({reason})", retry_ns)

    def cooldown_ns(self, open_entries: int) -> int:
        """The wait after an open fill while `open_entries` are open (below max orders): W/4, W/2, W or 2W."""
        most = self.config.max_orders
        bracket = (6 * open_entries >= most) + (3 * open_entries >= most) + (3 * open_entries >= 2 * most)
        return self._waits_ns[bracket]

    def _open_retry_at(self, state: GridState) -> int | None:
        failures = state.failures[Purpose.OPEN]
        if failures.count >= _BREAKER_AFTER:
            return failures.last_ns + _BREAKER_NS
        return self._retry_at(failures, _LONGEST_OPEN_RETRY_NS)

    @staticmethod
    def _retry_at(failures: Failures, longest_ns: int) -> int | None:
        """When to try again after refusals in a row: from `_FIRST_RETRY_NS`, doubling up to `longest_ns`."""
        if not failures.count:
            return None
        return failures.last_ns + min(_FIRST_RETRY_NS << min(failures.count - 1, 20), longest_ns)

    # --- stop and pause levels ----------------------------------------------------------------------------------

    def _watch_levels(self, situation: Situation, quote: Quote | None, draft: _Draft) -> None:
        """Be woken when the touch crosses the stop or pause price, in whichever direction matters now."""
        if quote is None or situation.stopping is not None:
            return
        for level in (self.config.stop_price, self.config.pause_price):
            if level == OFF:
                continue
            reached = self._reached(level, quote)
            if self._buys:
                draft.watch_below(self._tick_below(level)) if reached else draft.watch_above(level)
            else:
                draft.watch_above(self._tick_above(level)) if reached else draft.watch_below(level)

"""Covering: every filled quantity gets a close, once, and nothing rests that has nothing to close.

What is wanted is derived from what each entry is owed, never from the fill that came last.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domain.commands import CancelOrder, PlaceClose, PlaceExit
from domain.events import Part
from domain.market import Quote
from domain.orders import OrderStatus, Purpose
from domain.stop import StopMode
from strategies.take_profit_grid.entries import Entry
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.orders import ZERO, Order
from strategies.take_profit_grid.prices import Prices
from strategies.take_profit_grid.retry import cancel_retry_at, close_retry_at
from strategies.take_profit_grid.situation import Draft, Situation
from strategies.take_profit_grid.state import GridState

Owed = list[tuple[Entry, Decimal]]
"""Entries, each with what of it may be covered now."""


def cancel(order: Order, why: str, situation: Situation, draft: Draft) -> None:
    """Ask for a cancel once; again, with growing pauses, where the venue says the order still lives."""
    if order.status is not OrderStatus.OPEN:
        return
    if order.cancel_failures:
        again_ns = cancel_retry_at(order.cancel_failed_ns, order.cancel_failures)
        if situation.now_ns < again_ns:
            draft.wake_at(again_ns)
            return
    draft.commands.append(CancelOrder(order.client_id, why))


class Covering:
    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._config = prices.config

    def cover(self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft) -> None:
        """Cover what is owed, unless the stop mode takes the closes away."""
        if not state.owing or situation.stopping is StopMode.CANCEL:
            return
        if situation.stopping is StopMode.FLATTEN and state.live:
            return
        if situation.recovering:
            draft.needs_look = True
            return
        draft.uncoverable = self._uncoverable(state, situation)
        owed = self._coverable(state, situation, draft)
        retry_ns = close_retry_at(state.failures[Purpose.CLOSE])
        if retry_ns is not None and situation.now_ns < retry_ns:
            draft.wake_at(retry_ns)
            return
        if situation.stopping is StopMode.FLATTEN:
            self._exit(owed, state, situation, draft)
            return
        at_market, rest = self._ways(owed, situation.quote)
        self._exit(at_market, state, situation, draft)
        draft.commands.extend(self._closes(rest, quote))

    def tend(self, state: GridState, situation: Situation, draft: Draft) -> None:
        """Cancel closes that the stop mode takes away, or that cover more than there is."""
        if situation.stopping in (StopMode.CANCEL, StopMode.FLATTEN):
            for order in state.live.values():
                if order.purpose is Purpose.CLOSE:
                    cancel(order, f"stop: {situation.stopping.value}", situation, draft)
            return
        over = {entry_id for entry_id in state.owing if state.entries[entry_id].owed < 0}
        if not over and state.covered <= max(ZERO, state.own):
            return
        for order in state.live.values():
            claimed = {claim.entry_id for claim in order.claims}
            if order.purpose is Purpose.CLOSE and (claimed & over or order.remaining > order.claimed):
                over -= claimed
                cancel(order, "covers more than there is", situation, draft)

    def could_cover(
        self, state: GridState, stopping: StopMode | None, quote: Quote | None, look: Look | None
    ) -> bool:
        """Whether an order the venue would take could close some of what lies bare; the rest is dust, and carried, or
        what others hold against."""
        owed = [(entry, entry.owed) for entry in map(state.entries.__getitem__, state.owing) if entry.owed > 0]
        if _opposed(state):
            owed = _up_to(_room(state, look), owed)
        at_market, rest = (owed, []) if stopping is StopMode.FLATTEN else self._ways(owed, quote)
        return self.exit_refusal(self._whole_steps(at_market), quote) is None or any(self._closes(rest, quote))

    def exit_refusal(self, quantity: Decimal, quote: Quote | None) -> str | None:
        """Why the venue would not take an exit of this size; None where it would. A market order has no price, but its
        worth may be too little."""
        price = None if quote is None or not quote.is_usable else self.prices.rules.price_at_or_below(quote.bid)
        return self.prices.rules.refusal(price, quantity)

    # --- how much -----------------------------------------------------------------------------------------------

    def _coverable(self, state: GridState, situation: Situation, draft: Draft) -> Owed:
        """What may be covered now: fresh fills at once, returned quantity after one look, up to the position."""
        entries = [state.entries[entry_id] for entry_id in state.owing]
        look = situation.look
        fresh = sum((max(ZERO, entry.fresh) for entry in entries), ZERO)
        room = _room(state, look)
        may_be_fresh = min(fresh, room) if _opposed(state) else fresh
        may_return = ZERO
        if situation.stopping is StopMode.FLATTEN:
            # A reduce-only exit can take no more than there is: no look is waited for.
            may_return = room - may_be_fresh if _opposed(state) else state.own
        elif any(entry.returned > 0 for entry in entries):
            if look is None or look.as_of_ns < (state.uncertain_since_ns or 0):
                draft.needs_look = True
            else:
                may_return = max(ZERO, room - fresh)
        coverable = []
        for entry in entries:
            returned = min(entry.returned, may_return)
            may_return -= returned
            fresh = min(max(ZERO, entry.fresh), may_be_fresh)
            may_be_fresh -= fresh
            amount = fresh + returned
            if amount > 0:
                coverable.append((entry, amount))
        return coverable

    def _uncoverable(self, state: GridState, situation: Situation) -> Decimal:
        """What lies bare, and no close may be placed for because others hold as much the other way; no dust."""
        if not _opposed(state):
            return ZERO
        bare = sum((max(ZERO, state.entries[entry_id].owed) for entry_id in state.owing), ZERO)
        beyond = min(_opposed(state), max(ZERO, bare - _room(state, situation.look)))
        quantity = self.prices.rules.quantity_at_or_below(beyond)
        return quantity if self.exit_refusal(quantity, situation.quote) is None else ZERO

    def _leaves_at_market(self, entry: Entry) -> bool:
        """Boost closes each fill at market; what a cancel of the open revealed leaves as a maker at the entry price."""
        return self._config.boost_mode and not entry.open_was_cancelled

    # --- as which orders ----------------------------------------------------------------------------------------

    def _ways(self, owed: Owed, quote: Quote | None) -> tuple[Owed, Owed]:
        """What leaves at market, and what as a maker. What is too little to leave at market by itself joins the rest:
        two kinds of dust may be enough together."""
        if not self._config.boost_mode:
            return [], owed
        at_market = [pair for pair in owed if self._leaves_at_market(pair[0])]
        rest = [pair for pair in owed if not self._leaves_at_market(pair[0])]
        if rest and self.exit_refusal(self._whole_steps(at_market), quote) is not None:
            return [], owed
        return at_market, rest

    def _closes(self, owed: Owed, quote: Quote | None) -> Iterator[PlaceClose]:
        """One close per entry; what is below the venue's minimum is merged into another, or carried."""
        single = [(pair, self._close([pair], quote)) for pair in owed]
        dust = [pair for pair, close in single if close is None]
        for pair, close in single:
            if close is not None:
                merged = self._close([*dust, pair], quote) if dust else close
                yield merged or close
                dust = []
        if dust and (merged := self._close(dust, quote)) is not None:
            yield merged

    def _close(self, group: Owed, quote: Quote | None) -> PlaceClose | None:
        """One close of all that the group owes, at a price worse than no part's target; None below the minimum."""
        quantity = self._whole_steps(group)
        price = self.prices.outermost([self._target(entry, quote) for entry, _ in group])
        if self.prices.rules.refusal(price, quantity) is not None:
            return None
        return PlaceClose(self._config.close_side, price, quantity, _parts(group, quantity))

    def _exit(self, owed: Owed, state: GridState, situation: Situation, draft: Draft) -> None:
        """Close at market, all at once; what is below the minimum waits for more."""
        if not owed:
            return
        quantity = self._whole_steps(owed)
        if self.exit_refusal(quantity, situation.quote) is not None:
            return
        retry_ns = close_retry_at(state.failures[Purpose.EXIT])
        if retry_ns is not None and situation.now_ns < retry_ns:
            draft.wake_at(retry_ns)
            return
        draft.commands.append(PlaceExit(self._config.close_side, quantity, _parts(owed, quantity)))

    def _whole_steps(self, owed: Owed) -> Decimal:
        return self.prices.rules.quantity_at_or_below(sum((amount for _, amount in owed), ZERO))

    def _target(self, entry: Entry, quote: Quote | None) -> Decimal:
        assert entry.worst_price is not None, f"entry {entry.entry_id} filled at no known price"
        if self._config.boost_mode:
            return self.prices.break_even_price(entry.worst_price, quote)
        return self.prices.close_price(entry.worst_price, quote)


def _opposed(state: GridState) -> Decimal:
    """What others held against the bot's direction when the journal began."""
    return max(ZERO, -state.foreign_position * state.side.sign)


def _room(state: GridState, look: Look | None) -> Decimal:
    """How much more may be under closes: what others hold the other way makes the venue's position smaller, and no
    order may turn it over. `look`: the newest; without one the others are taken to hold what they did."""
    position = state.own if look is None else look.position + (state.own - look.own)
    return max(ZERO, min(state.own, position - _opposed(state)) - state.covered)


def _parts(owed: Owed, quantity: Decimal) -> tuple[Part, ...]:
    """`quantity` spread over what is owed; what does not fit in whole steps is left to the last."""
    return tuple(Part(entry.entry_id, taken) for entry, taken in _up_to(quantity, owed))


def _up_to(quantity: Decimal, owed: Owed) -> Owed:
    taken: Owed = []
    for entry, amount in owed:
        part = min(amount, quantity)
        quantity -= part
        if part > 0:
            taken.append((entry, part))
    return taken

"""The take-profit grid's decisions: state and circumstances in, commands and reasons out.

`decide` is a pure function. It derives what is wanted from the *state* ("this entry has 0.6 filled and 0 covered"),
never from the event that came last, so a restart, a repetition or a reordering of events changes nothing. The caller
performs the commands (which changes the state through the journal) and asks again until no command is left.

The rules are those of `docs/ARCHITECTURE.md`, section "The algorithm". Percentages are percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domain.commands import AbandonEntry, Command, Decision, LapseWaiver, PlaceClose, PlaceOpen, RequestStop
from domain.market import NANOSECONDS, MarketRules, Quote
from domain.orders import OrderStatus, Purpose
from domain.status import Hold
from domain.stop import StopMode
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.covering import Covering, cancel
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.orders import REPRICE, Order
from strategies.take_profit_grid.prices import Prices
from strategies.take_profit_grid.renewal import Renewal
from strategies.take_profit_grid.retry import open_again_at, open_retry_at
from strategies.take_profit_grid.situation import Draft, Situation
from strategies.take_profit_grid.state import GridState

__all__ = ["Situation", "TakeProfitGrid"]

WATCH_NS = 10 * NANOSECONDS
"""An open is left alone this long from its acknowledgement."""
STALE_AFTER_NS = 10 * NANOSECONDS
"""A book whose feed has been silent this long prices nothing."""
_RECHECK_QUOTE_NS = NANOSECONDS
"""A feed may come back without its touch having moved: an unusable quote is looked at again this soon."""
_SURPLUS = "one open at a time"


class TakeProfitGrid:
    """The strategy over one state. Holds the settings and the rules; keeps nothing else between decisions."""

    def __init__(self, config: TradingConfig, rules: MarketRules, order_life_s: int | None = None) -> None:
        """`order_life_s`: seconds after which the venue ends a resting order; None where it never does."""
        self.config = config
        self.prices = Prices(config, rules)
        self._covering = Covering(self.prices)
        self._renewal = Renewal(self.prices, order_life_s)
        self._waits_ns = [
            int(config.wait_time * NANOSECONDS * share)
            for share in (Decimal("0.25"), Decimal("0.5"), Decimal(1), Decimal(2))
        ]

    @property
    def rules(self) -> MarketRules:
        return self.prices.rules

    @rules.setter
    def rules(self, rules: MarketRules) -> None:
        self.prices.rules = rules

    def decide(self, state: GridState, situation: Situation) -> Decision:
        """What to do now. Deterministic; changes nothing."""
        draft = Draft()
        quote = _usable(situation)
        if quote is not None and situation.stopping is None and self.prices.has_reached(self.config.stop_price, quote):
            touch = self.prices.touch(quote)
            draft.commands.append(RequestStop(f"stop price {self.config.stop_price} reached at {touch}"))
        self._covering.cover(state, situation, quote, draft)
        self._covering.tend(state, situation, draft)
        self._renewal.tend(state, situation, quote, draft)
        if state.live_opens:
            self._tend_opens(state, situation, quote, draft)
        else:
            self._open(state, situation, quote, draft)
        if situation.stopping is None:
            self._watch(situation, quote, draft)
        return Decision(
            commands=tuple(draft.commands),
            holds=tuple(draft.holds),
            wake_ns=draft.wake_ns,
            band=self.prices.band(draft),
            needs_look=draft.needs_look,
            next_action=draft.next_action,
            uncoverable=draft.uncoverable,
        )

    def closes(self, state: GridState, situation: Situation) -> tuple[Command, ...]:
        """What `decide` would close now, and nothing else thought about: what closes is sent before the rest."""
        if not state.owing:
            return ()
        draft = Draft()
        self._covering.cover(state, situation, _usable(situation), draft)
        return tuple(draft.commands)

    def could_cover(
        self, state: GridState, stopping: StopMode | None, quote: Quote | None, look: Look | None
    ) -> bool:
        """See `Covering.could_cover`."""
        return self._covering.could_cover(state, stopping, quote, look)

    def exit_refusal(self, quantity: Decimal, quote: Quote | None) -> str | None:
        """Why the venue would not take an exit at market of this size; None where it would."""
        return self._covering.exit_refusal(quantity, quote)

    def _watch(self, situation: Situation, quote: Quote | None, draft: Draft) -> None:
        """Be woken when the touch crosses the stop or pause price, or when there is a quote again."""
        if quote is not None:
            self.prices.watch_level(self.config.stop_price, quote, draft)
            self.prices.watch_level(self.config.pause_price, quote, draft)
            return
        self.prices.watch_for_any(situation.quote, draft)
        if situation.quote is not None:
            draft.wake_at(situation.now_ns + _RECHECK_QUOTE_NS)

    # --- the live open ------------------------------------------------------------------------------------------

    def _tend_opens(self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft) -> None:
        must_go = self._must_go(state, situation, quote)
        if must_go is not None:
            draft.holds.append(must_go)
            draft.next_action = f"cancel the open: {must_go.text}"
            for order in state.live_opens.values():
                cancel(order, must_go.word, situation, draft)
            return
        assert quote is not None
        draft.wake_at(quote.as_of_ns + STALE_AFTER_NS + 1)
        first, *others = state.live_opens.values()
        draft.next_action = f"wait for the open at {first.price} to fill"
        for order in others:
            cancel(order, _SURPLUS, situation, draft)
        if state.entries[first.entry_id or 0].filled > first.filled:
            cancel(first, _SURPLUS, situation, draft)
        elif first.status is OrderStatus.OPEN:
            self._reprice(first, state, situation, quote, draft)

    def _reprice(
        self, order: Order, state: GridState, situation: Situation, quote: Quote, draft: Draft
    ) -> None:
        """Cancel a resting open once its watch is over and a better price is to be had."""
        assert order.price is not None
        if order.accepted_ns is None:
            return
        watched_until_ns = order.accepted_ns + WATCH_NS
        if situation.now_ns < watched_until_ns:
            draft.wake_at(watched_until_ns)
        elif self.prices.is_better(self._open_price(state, quote, draft), order.price):
            cancel(order, REPRICE, situation, draft)
        elif not self.prices.is_better(self.prices.open_price(quote), order.price):
            self.prices.watch_for_better(order.price, draft)

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
        touch = self.prices.touch(quote)
        if self.prices.has_reached(self.config.stop_price, quote):
            return Hold("stop_price", f"the price {touch} has reached the stop price {self.config.stop_price}")
        if self.prices.has_reached(self.config.pause_price, quote):
            return Hold("pause_price", f"the price {touch} has reached the pause price {self.config.pause_price}")
        return None

    # --- a new open ---------------------------------------------------------------------------------------------

    def _open(self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft) -> None:
        draft.holds.extend(self._holds(state, situation, quote, draft))
        if not draft.holds:
            assert quote is not None
            entry_id = state.replacing if state.replacing is not None else state.next_entry_id
            price = self._open_price(state, quote, draft)
            draft.commands.append(PlaceOpen(entry_id, self.config.direction, price, self.config.quantity))
            draft.next_action = f"place an open at {price}"
            return
        draft.next_action = f"wait: {draft.holds[0].text}"
        if not _has_looked(draft.holds):
            return
        if state.replacing is not None:
            draft.commands.append(AbandonEntry(state.replacing))
        if state.waiver:
            draft.commands.append(LapseWaiver())

    def _holds(
        self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft
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
            asked = "could not be asked" if situation.look_failed else "is being asked"
            yield Hold("unreconciled", f"the venue {asked} for orders and position")
            draft.needs_look = True
        elif draft.needs_look:
            yield Hold("unreconciled", "the venue is being asked about what a close no longer covers")
        if situation.suspicion:
            yield Hold("mismatch", situation.suspicion)
        if draft.uncoverable:
            text = "others hold as much the other way, and no close may turn the position over"
            yield Hold("opposed", f"{draft.uncoverable} cannot be covered: {text}")
        if situation.stopping is not None:
            return  # No price and no time would let an open begin any more.
        if quote is None:
            yield Hold("stale_quote", "there is no fresh quote")
        else:
            yield from self._price_holds(state, quote, draft)
        yield from self._count_holds(state, situation, quote, draft)
        yield from self._refusal_holds(state, situation, draft)

    def _refusal_holds(self, state: GridState, situation: Situation, draft: Draft) -> Iterator[Hold]:
        """What the venue refuses is tried again later; nothing is opened that could not be closed either."""
        for purpose, failures in state.failures.items():
            if not failures.count:
                continue
            if purpose is Purpose.OPEN:
                again_ns, text = open_retry_at(failures), "the venue refused the last open"
            else:
                again_ns, text = open_again_at(failures), "the venue refuses closes again and again"
            if again_ns is not None and situation.now_ns < again_ns and not _was_taken(state, purpose):
                draft.wake_at(again_ns)
                yield Hold("backoff", f"{text} ({failures.reason})", again_ns)

    def _price_holds(self, state: GridState, quote: Quote, draft: Draft) -> Iterator[Hold]:
        limit = self._price_limit(quote)
        if limit is not None:
            yield limit
        nearest = self._nearest_close(state, draft)
        if nearest is not None and not self.prices.steps_enough(nearest, quote):
            yield Hold("grid_step", f"an open must be {self.config.grid_step} % better than the close at {nearest}")
            self.prices.watch_step(nearest, draft)
        refusal = self.rules.refusal(self._open_price(state, quote, draft), self.config.quantity)
        if refusal is not None:
            yield Hold("rules", refusal)

    def _open_price(self, state: GridState, quote: Quote, draft: Draft) -> Decimal:
        return self.prices.open_price(quote, self._nearest_close(state, draft))

    def _nearest_close(self, state: GridState, draft: Draft) -> Decimal | None:
        """The own close that the market would reach first, those of this very decision included."""
        prices = [command.price for command in draft.commands if isinstance(command, PlaceClose)]
        resting = state.outermost_close()
        return self.prices.nearest(prices if resting is None else [*prices, resting])

    # --- how many, and when -------------------------------------------------------------------------------------

    def _count_holds(
        self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft
    ) -> Iterator[Hold]:
        config = self.config
        n = len(state.unclosed)
        if self._is_full(state, quote):
            yield Hold("max_orders", f"{n} entries with {state.own} are open, the most allowed is {config.max_orders}")
        elif not (config.boost_mode or state.waiver or state.replacing is not None or state.clock_ns is None):
            ready_ns = state.clock_ns + self.cooldown_ns(n)
            if situation.now_ns < ready_ns:
                draft.wake_at(ready_ns)
                yield Hold("cooldown", f"cooling down with {n} of {config.max_orders} entries open", ready_ns)

    def _is_full(self, state: GridState, quote: Quote | None) -> bool:
        """Whether no further entry is allowed: by count, or (after late fills) by size.

        One exception: when all there is is dust that no close can take, only the next entry's close can, so that one
        entry more is let in. Without it `max_orders` 1 would wait for ever after a tiny partial fill.
        """
        most = self.config.max_orders
        too_many = len(state.unclosed) >= most
        too_much = state.own + self.config.quantity > most * self.config.quantity
        if not too_many and not too_much:
            return False
        if state.covered or quote is None:
            return True
        whole = self.rules.quantity_at_or_below(state.own)
        return self.rules.refusal(self.prices.open_price(quote), whole) is None

    def cooldown_ns(self, open_entries: int) -> int:
        """The wait after an open fill while `open_entries` are open: W/4, W/2, W or 2W by their share of the most."""
        most = self.config.max_orders
        bracket = (6 * open_entries >= most) + (3 * open_entries >= most) + (3 * open_entries >= 2 * most)
        return self._waits_ns[bracket]


def _usable(situation: Situation) -> Quote | None:
    """The quote, unless it is crossed, empty, or its feed has gone silent."""
    quote = situation.quote
    if quote is None or not quote.is_usable or situation.now_ns - quote.as_of_ns > STALE_AFTER_NS:
        return None
    return quote


def _was_taken(state: GridState, purpose: Purpose) -> bool:
    """Whether, after refusals of what closes, nothing is owed any more and the venue has taken what was sent last."""
    if purpose is Purpose.OPEN or state.owing:
        return False
    newest = next(reversed(state.live.values()), None)
    return newest is None or newest.purpose is not purpose or newest.status is OrderStatus.OPEN


def _has_looked(holds: list[Hold]) -> bool:
    """Whether these holds say that an entry cannot begin, rather than that the venue could not be seen or asked again.

    Only the former ends what a re-priced entry or a waiver was granted: an attempt that placed nothing, a restart or a
    reconnect changes neither.
    """
    words = {hold.word for hold in holds}
    return words != {"backoff"} and not words & {"unreconciled", "disconnected"}

"""Mutants of the strategy: how much it covers, at what price, and when it may open."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_STATE = "strategies/take_profit_grid/state.py"
_COVERING = "strategies/take_profit_grid/covering.py"
_DECISIONS = "strategies/take_profit_grid/decisions.py"
_PRICES = "strategies/take_profit_grid/prices.py"

MUTANTS = (
    Mutant(
        "a_fill_counts_twice",
        _STATE,
        "        delta = total - order.filled\n        if delta <= 0:\n            return\n",
        "        delta = total\n        if delta <= 0:\n            return\n",
        "a repetition of news is covered again",
    ),
    Mutant(
        "totals_may_fall",
        _STATE,
        "        if delta <= 0:\n            return\n        rested",
        "        if delta == 0:\n            return\n        rested",
        "older news takes back what has filled",
    ),
    Mutant(
        "a_restart_sends_unknown_orders_anew",
        _STATE,
        "        self._book.doubt_everything_owed()\n",
        "        for order in [each for each in self.live.values() if each.status is not OrderStatus.OPEN]:\n"
        "            self._move(order, OrderFact.NEVER_PLACED, record.at_ns)\n"
        "        self._book.doubt_everything_owed()\n",
        "what was under way when the process died is sent again under a new id",
    ),
    Mutant(
        "a_close_that_ended_still_covers",
        _STATE,
        "            self._give_back(order, order.remaining, order.remaining - order.claimed, at_ns)\n"
        "            self._close_prices",
        "            self._close_prices",
        "what the venue cancelled, expired or refused is never covered again",
    ),
    Mutant(
        "recovery_does_not_wait",
        _COVERING,
        "        if situation.recovering:\n            draft.needs_look = True\n            return\n",
        "",
        "what looks bare at a start is covered beside a close that the journal has lost",
    ),
    Mutant(
        "dust_is_sent_alone",
        _COVERING,
        "        if self.prices.rules.refusal(price, quantity) is not None:\n            return None\n",
        "        if not quantity:\n            return None\n",
        "closes below the venue's minimum are sent again and again",
    ),
    Mutant(
        "a_close_is_rounded_toward_loss",
        _PRICES,
        "            price = self.rules.price_at_or_above(target)\n",
        "            price = self.rules.price_at_or_below(target)\n",
        "every take-profit of a buying bot earns up to a tick less than was asked for",
    ),
    Mutant(
        "a_merged_close_takes_the_easiest_price",
        _PRICES,
        "        return max(prices) if self.buys else min(prices)\n",
        "        return min(prices) if self.buys else max(prices)\n",
        "a merged close is worse than the target of one of its parts",
    ),
    Mutant(
        "a_second_open_beside_an_unknown_one",
        _DECISIONS,
        "        if state.live_opens:\n            self._tend_opens",
        "        if any(order.accepted_ns is not None for order in state.live_opens.values()):\n"
        "            self._tend_opens",
        "while the fate of one open is unknown another is sent",
    ),
    Mutant(
        "the_venue_need_not_be_asked",
        _DECISIONS,
        "        if situation.look_failed or situation.look is None:\n",
        "        if situation.look_failed and situation.look is None:\n",
        "opens go on although the venue could not be asked",
    ),
    Mutant(
        "a_halt_blocks_nothing",
        _DECISIONS,
        "        if state.halted is not None:\n            yield",
        "        if not situation:\n            yield",
        "opens go on after a halt",
    ),
    Mutant(
        "an_old_book_prices_opens",
        _DECISIONS,
        "STALE_AFTER_NS = 10 * NANOSECONDS",
        "STALE_AFTER_NS = 1_000 * NANOSECONDS",
        "opens are priced from a book that stands still",
    ),
    Mutant(
        "a_crossed_book_prices_opens",
        _DECISIONS,
        "    if quote is None or not quote.is_usable or situation.now_ns",
        "    if quote is None or situation.now_ns",
        "opens are priced from a book whose bid is above its ask",
    ),
    Mutant(
        "one_look_is_enough",
        "strategies/take_profit_grid/guards.py",
        "        if first is None or (first.uncovered, first.missing) != (look.uncovered, look.missing):\n"
        "            self._suspect = look\n"
        "            return Finding(Verdict.SUSPECT, doubt)\n"
        "        if look.started_ns - first.finished_ns < CONFIRM_AFTER_NS:\n"
        "            return Finding(Verdict.SUSPECT, doubt)\n",
        "        del first, doubt\n",
        "a position of 0 told for a second is taken for the truth",
    ),
    Mutant(
        "the_guard_says_fine",
        "strategies/take_profit_grid/guards.py",
        "    if abs(look.uncovered) <= limit:",
        "    if limit:",
        "position and closes may drift apart unnoticed",
    ),
    Mutant(
        "a_partial_fill_ends_an_open",
        _STATE,
        "OrderFact.FILLED if order.filled >= order.quantity else OrderFact.ACCEPTED, fill.at_ns)",
        "OrderFact.FILLED, fill.at_ns)",
        "an order that filled a part counts as gone while its rest still fills",
    ),
)

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
        "a_close_that_ended_still_covers",
        _STATE,
        "            self._give_back(order, order.remaining, order.remaining - order.claimed, at_ns)\n"
        "            self._close_prices",
        "            self._close_prices",
        "what the venue cancelled, expired or refused is never covered again",
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

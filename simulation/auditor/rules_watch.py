"""S8: the venue's rules, and for how long a bot may not know them yet."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from domain.market import NANOSECONDS, MarketRules

_PRICE_MARGIN = Decimal("0.9")
"""A close may be priced below the fill it closes (a selling bot's), and several fills may share one."""


class RulesWatch:
    """`current`: in force at the venue. A bot learns of a change by an order that breaks it, or by asking."""

    def __init__(self, rules: MarketRules, rules_s: int) -> None:
        self.current = rules
        self._former: list[MarketRules] = []
        self._grace_ns = rules_s * NANOSECONDS
        self._first_broken_ns: int | None = None

    def change(self, rules: MarketRules) -> None:
        self._former.append(self.current)
        self.current = rules
        self._first_broken_ns = None

    def breach(self, at_ns: int, price: Decimal | None, quantity: Decimal, fair_since_ns: int | None) -> str | None:
        """Why an order may not be sent; None: it may, or the bot cannot know yet that it may not."""
        why = self.current.refusal(price, quantity)
        if why is None or all(rules.refusal(price, quantity) is not None for rules in self._former):
            return why
        if self._first_broken_ns is None:
            self._first_broken_ns = at_ns
        since = max(self._first_broken_ns, at_ns if fair_since_ns is None else fair_since_ns)
        return why if at_ns - since > self._grace_ns else None

    def least_closable(self, known: MarketRules, price: Decimal | None) -> Decimal:
        """The smallest quantity that a close must be placed for, by the rules in force and those the bot knows.

        `price`: of a recent fill; None while nothing has filled.
        """
        return max(_least(self.current, price), _least(known, price))


def _least(rules: MarketRules, price: Decimal | None) -> Decimal:
    least = max(rules.min_quantity, rules.quantity_step)
    if price is not None and rules.min_notional > 0:
        least = max(least, rules.min_notional / (price * _PRICE_MARGIN))
    return (least / rules.quantity_step).to_integral_value(ROUND_CEILING) * rules.quantity_step

"""What a market's rules say about the options: refusals, and warnings about money."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, localcontext

from commands.options import RunOptions
from commands.usage import UsageError
from domain.market import MarketRules, Quote, Side

_EXACT_DIGITS = 60
"""Enough for any two numbers that `commands.values` lets through, multiplied."""


def check_against_rules(options: RunOptions, rules: MarketRules, quote: Quote | None) -> list[str]:
    """Warnings about `options` on this market, one line each, without the word "warning".

    Raises `UsageError` where no order could be placed, or none could earn. With no usable quote only what needs no
    price is checked.
    """
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        _check_quantity(options, rules)
        if quote is None or not quote.is_usable:
            return []
        price = _opening_price(options.direction, rules, quote)
        if price <= 0:
            raise UsageError(f"{rules.ticker} has no opening price above 0 now; try later, or another --ticker")
        if not options.boost:
            _check_take_profit(options, rules, price)
        _check_notional(options, rules, price if options.boost else min(price, _closing_price(options, rules, price)))
        return [*_fee_warnings(options, rules, price), *_margin_warnings(options, price)]


def _opening_price(direction: Side, rules: MarketRules, quote: Quote) -> Decimal:
    """Where the bot would open now: one tick inside the opposite touch."""
    return quote.ask - rules.tick_size if direction is Side.BUY else quote.bid + rules.tick_size


def _closing_price(options: RunOptions, rules: MarketRules, price: Decimal) -> Decimal:
    """The take-profit of a fill at `price`, rounded away from loss."""
    move = price * options.take_profit.scaleb(-2)
    if options.direction is Side.BUY:
        return rules.price_at_or_above(price + move)
    return rules.price_at_or_below(price - move)


def _check_quantity(options: RunOptions, rules: MarketRules) -> None:
    quantity, step = options.quantity, rules.quantity_step
    smallest = _up_to_step(rules.min_quantity, rules)
    if quantity < rules.min_quantity:
        raise UsageError(
            f"--quantity {_plain(quantity)} is below the minimum of {rules.ticker}; give {_plain(smallest)} or more"
        )
    if quantity % step:
        below = rules.quantity_at_or_below(quantity)
        valid = [value for value in (below, below + step) if value >= smallest]
        choice = " or ".join(_plain(value) for value in valid)
        raise UsageError(
            f"--quantity {_plain(quantity)} is not a multiple of the lot step {_plain(step)} of {rules.ticker}; "
            f"give {choice}"
        )


def _check_notional(options: RunOptions, rules: MarketRules, price: Decimal) -> None:
    notional = price * options.quantity
    if notional < rules.min_notional:
        smallest = _up_to_step(rules.min_notional / price, rules)
        raise UsageError(
            f"--quantity {_plain(options.quantity)} is worth {_money(notional)} at {_plain(price)}, below the minimum "
            f"order value {_plain(rules.min_notional)} of {rules.ticker}; give {_plain(smallest)} or more"
        )


def _check_take_profit(options: RunOptions, rules: MarketRules, price: Decimal) -> None:
    """Less than one tick is no profit of its own: the price grid has no such close."""
    if price * options.take_profit.scaleb(-2) < rules.tick_size:
        least = _percent_at_or_above(rules.tick_size, price)
        raise UsageError(
            f"--take-profit {_plain(options.take_profit)} rounds to no profit: at {_plain(price)} it is less than "
            f"one tick of {_plain(rules.tick_size)}; give {_plain(least)} or more"
        )
    if _closing_price(options, rules, price) <= 0:
        raise UsageError(f"--take-profit {_plain(options.take_profit)} would close at no price above 0; give less")


def _fee_warnings(options: RunOptions, rules: MarketRules, price: Decimal) -> list[str]:
    """A round trip that costs more than it earns: stated, not refused."""
    maker, taker = rules.maker_fee_rate, rules.taker_fee_rate
    if options.boost:
        close, close_rate, names = price, taker, f"maker {_percent(maker)}, taker {_percent(taker)}"
    else:
        close, close_rate, names = _closing_price(options, rules, price), maker, f"maker {_percent(maker)} twice"
    gain = abs(close - price) * options.quantity
    fees = (price * maker + close * close_rate) * options.quantity
    cost = fees - gain
    value = price * options.quantity
    if fees <= 0 or cost <= 0:
        return []
    each = f"about {_money(cost)} in quote currency ({_percent(cost / value)} of {_money(value)})"
    if options.boost:
        return [f"--boost closes without profit: each round trip costs {each} in fees ({names}), and the spread"]
    return [
        f"--take-profit {_plain(options.take_profit)} does not earn the round-trip fee of {_percent(fees / value)} "
        f"({names}): each round trip costs {each}"
    ]


def _margin_warnings(options: RunOptions, price: Decimal) -> list[str]:
    """The worst case, all entries waiting at once, beside the money of a fresh paper account.

    Raises `UsageError` where that money does not carry a single entry.
    """
    if not options.is_paper:
        return []
    each, carried = price * options.quantity, options.balance * options.leverage
    if each > carried:
        raise UsageError(
            f"--quantity {_plain(options.quantity)} is worth {_money(each)}, and --balance {_plain(options.balance)} "
            f"at --leverage {_plain(options.leverage)} carries {_money(carried)}; give less, or more --balance"
        )
    worst = each * options.max_orders
    if worst <= carried:
        return []
    return [
        f"--max-orders {options.max_orders} x --quantity {_plain(options.quantity)} is worth {_money(worst)}, more "
        f"than --balance {_plain(options.balance)} carries at --leverage {_plain(options.leverage)}: "
        "opens will be refused"
    ]


def _up_to_step(quantity: Decimal, rules: MarketRules) -> Decimal:
    """The smallest multiple of the quantity step not below `quantity`."""
    return (quantity / rules.quantity_step).to_integral_value(ROUND_CEILING) * rules.quantity_step


def _percent_at_or_above(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole`, rounded up to three significant digits."""
    exact = part / whole * 100
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_CEILING)


def _plain(value: Decimal) -> str:
    """Without exponent or trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: Decimal, decimals: int) -> str:
    """For reading: `decimals` places, or three significant digits where that shows more."""
    places = decimals if not value else max(decimals, 2 - value.adjusted())
    return _plain(value.quantize(Decimal(1).scaleb(-places)))


def _money(value: Decimal) -> str:
    return _rounded(value, 2)


def _percent(rate: Decimal) -> str:
    return f"{_rounded(rate * 100, 3)} %"

"""The perpetuals the paper exchange lists: their rules, and what their generated markets look like.

Ticks, steps and minimums are of the size found on large venues; start prices are round and belong to no particular day.
A start price is what a generated market begins at. Fees are not part of a listing: they depend on the account.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules


class UnknownTicker(ValueError):
    """No market can be generated for this ticker; the message is the one line that says what to choose instead."""

    def __init__(self, ticker: str) -> None:
        listed = list(LISTED)
        near = difflib.get_close_matches(ticker.upper(), listed, n=3, cutoff=0.5)
        advice = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(listed)}"
        super().__init__(f"no market is generated for ticker {ticker!r}: {advice}")
        self.ticker = ticker


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed perpetual.

    `tick_size` and `start_price` in quote currency per base unit; `quantity_step`, `min_quantity`, `touch_size` (median
    displayed size at the touch) and `trade_size` (median volume of a trade row) in base units; `min_notional` in quote
    currency; `volatility` the standard deviation of a year's return as a fraction (0.45 is 45 %).
    """

    ticker: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    start_price: Decimal
    touch_size: Decimal
    trade_size: Decimal
    volatility: Decimal

    @property
    def contract_id(self) -> str:
        return f"{self.ticker}-PERP"

    def rules(self, maker_fee_rate: Decimal, taker_fee_rate: Decimal) -> MarketRules:
        """What an order must satisfy; fee rates are fractions of notional (0.0005 is 0.05 %)."""
        return MarketRules(
            ticker=self.ticker,
            contract_id=self.contract_id,
            tick_size=self.tick_size,
            quantity_step=self.quantity_step,
            min_quantity=self.min_quantity,
            min_notional=self.min_notional,
            maker_fee_rate=maker_fee_rate,
            taker_fee_rate=taker_fee_rate,
        )


# Columns: ticker, tick, step, minimum quantity, minimum notional, start price, touch size, trade size, volatility.
_TABLE = """
BTC   0.1      0.001  0.001  10  60000    3.1     0.07   0.45
ETH   0.01     0.001  0.01   10  3000     38      0.8    0.60
SOL   0.01     0.01   0.01   5   150      420     9      0.75
BNB   0.01     0.01   0.01   5   600      22      0.6    0.50
XRP   0.0001   0.1    1      5   2.2      9000    210    0.75
DOGE  0.00001  1      10     5   0.18     120000  2600   0.85
HYPE  0.001    0.01   0.1    5   35       240     8      0.95
AVAX  0.001    0.1    0.1    5   25       330     12     0.85
LINK  0.001    0.01   0.1    5   15       400     15     0.75
LTC   0.01     0.001  0.01   5   85       90      3      0.70
ARB   0.0001   0.1    1      5   0.45     30000   700    0.95
SUI   0.0001   0.1    0.1    5   3.2      4000    120    0.95
ADA   0.0001   1      1      5   0.65     40000   900    0.80
TRX   0.00001  1      10     5   0.28     60000   1500   0.45
DOT   0.001    0.1    0.1    5   4.2      3000    90     0.80
NEAR  0.001    1      1      5   2.6      3500    100    0.90
"""


def _listed() -> dict[str, Instrument]:
    rows = [line.split() for line in _TABLE.strip().splitlines()]
    return {ticker: Instrument(ticker, *(Decimal(value) for value in values)) for ticker, *values in rows}


LISTED: dict[str, Instrument] = _listed()
"""Every instrument of the paper exchange by ticker, the most traded first."""


def find_instrument(ticker: str) -> Instrument:
    """The listed instrument of a ticker, in any case of letters; `UnknownTicker` names near ones."""
    instrument = LISTED.get(ticker.upper())
    if instrument is None:
        raise UnknownTicker(ticker)
    return instrument

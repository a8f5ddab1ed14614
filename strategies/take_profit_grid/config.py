"""The settings of one take-profit grid bot, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.market import Side

OFF = Decimal(-1)
"""The level that switches a stop or pause price off."""


@dataclass(frozen=True, slots=True)
class TradingConfig:
    """Everything a person chose. Percentages are percent (0.02 is 0.02 %), times seconds, prices quote per base."""

    ticker: str
    contract_id: str
    quantity: Decimal
    take_profit: Decimal
    tick_size: Decimal
    direction: Side
    max_orders: int
    wait_time: Decimal
    exchange: str
    grid_step: Decimal = Decimal(-100)
    stop_price: Decimal = OFF
    pause_price: Decimal = OFF
    boost_mode: bool = False

    @property
    def close_side(self) -> Side:
        return self.direction.opposite

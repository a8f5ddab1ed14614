"""Short ways to say what a covering test expects: one close, one filled entry, one covered entry."""

from __future__ import annotations

from decimal import Decimal

from domain.commands import Command, PlaceClose
from domain.events import Part
from domain.market import Side
from strategies.take_profit_grid.config import TradingConfig
from tests.support.grid import Desk, config, rules


def close(price: str, *parts: tuple[int, str], side: Side = Side.SELL) -> PlaceClose:
    named = tuple(Part(entry, Decimal(quantity)) for entry, quantity in parts)
    return PlaceClose(side, Decimal(price), sum((part.quantity for part in named), Decimal(0)), named)


def closing(commands: list[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, PlaceClose)]


def filled(quantity: str = "1", settings: TradingConfig | None = None, **market: str) -> Desk:
    """A desk whose first open, at 100.0 (100.1 of a selling bot), has filled `quantity`; nothing is decided yet."""
    desk = Desk(settings, rules(**market))
    desk.fill(desk.open_one(), quantity)
    return desk


def covered() -> Desk:
    """One entry under a close of 1 that has rested at 101.0 for a minute, and a grid too full to open more."""
    desk = Desk(config(max_orders=1))
    desk.enter()
    desk.pass_time(60)
    return desk

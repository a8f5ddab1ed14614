"""Short ways to say what a test of new entries expects: what was opened, a grid full of entries, a restart."""

from __future__ import annotations

from decimal import Decimal

from domain.commands import PlaceOpen
from domain.market import Side
from strategies.take_profit_grid.state import GridState
from tests.support.grid import Desk, config


def buys() -> Desk:
    return Desk()


def sells(**settings: object) -> Desk:
    return Desk(config(direction=Side.SELL, **settings))


def open_at(price: str, *, entry: int = 1, side: Side = Side.BUY) -> PlaceOpen:
    return PlaceOpen(entry, side, Decimal(price), Decimal(1))


def opened(desk: Desk) -> list[PlaceOpen]:
    return [command for command in desk.settle() if isinstance(command, PlaceOpen)]


def open_of(entry: int) -> list[PlaceOpen]:
    return [PlaceOpen(entry, Side.BUY, Decimal("100.0"), Decimal(1))]


def full_to(entries: int, **settings: object) -> Desk:
    """A desk with so many entries under resting closes, the last filled this instant."""
    desk = Desk(config(**settings))
    for _ in range(entries):
        desk.enter()
    return desk


def restarted(desk: Desk) -> GridState:
    state = GridState(Side.BUY)
    for record in desk.records:
        state.apply(record)
    return state

"""Killed at each step, disturbed at each message: the next process covers once. With strides; `make each-step` leaves
no step and no message out."""

from __future__ import annotations

import pytest

from exchanges.factory import ExchangeFactory
from tests.support.each_step import (
    broken,
    killed_at_each_step,
    killed_while_recovering,
    message_faults,
    struck_at_each_message,
)

VENUES = ExchangeFactory.venues()
DEATHS = pytest.mark.parametrize("power_lost", [False, True], ids=["kill -9", "power loss"])


@DEATHS
@pytest.mark.parametrize("exchange, stride, least", [("paper", 9, 60), *((venue, 190, 5) for venue in VENUES)])
def test_killed_before_any_step_the_next_process_covers_once(
    exchange: str, stride: int, least: int, power_lost: bool
) -> None:
    worlds, found = broken(killed_at_each_step(exchange, stride, power_lost=power_lost, first=3))
    assert found == {}
    assert worlds > least


@DEATHS
@pytest.mark.parametrize("exchange, steps, stride", [("paper", (25, 60, 110, 160, 210), 9), ("backpack", (300,), 20)])
def test_killed_again_while_recovering_the_next_process_covers_once(
    exchange: str, steps: tuple[int, ...], stride: int, power_lost: bool
) -> None:
    for step in steps:
        assert broken(killed_while_recovering(exchange, step, stride, power_lost=power_lost))[1] == {}


@pytest.mark.parametrize(
    "exchange, fault", [(exchange, fault) for exchange in ("paper",) for fault in message_faults(exchange)]
)
def test_whichever_message_meets_a_fault_the_fills_are_covered_once(exchange: str, fault: str) -> None:
    worlds, found = broken(struck_at_each_message(exchange, fault, 1))
    assert found == {}
    assert worlds > 4


@pytest.mark.parametrize("place, exchange", list(enumerate(VENUES)))
def test_whichever_message_of_a_venue_meets_a_fault_the_fills_are_covered_once(place: int, exchange: str) -> None:
    """Each venue meets every third of the faults, so that all of them are met by several."""
    for number, fault in enumerate(message_faults(exchange)):
        if number % 3 == place % 3:
            worlds, found = broken(struck_at_each_message(exchange, fault, 29, first=place % 3))
            assert (fault, found) == (fault, {})
            assert worlds > 1

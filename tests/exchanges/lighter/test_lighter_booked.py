"""What Lighter booked beside what was sent, and rules that moved in between."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import RulesChanged, VenueTrouble
from exchanges.errors import Refused
from exchanges.lighter.facts import Switches
from exchanges.transport.twin import FrameFate
from tests.support.contract import RULES
from tests.support.lighter_world import QUIET, buy, world_of

D = Decimal


@pytest.mark.parametrize("name", ["tick_size", "min_quantity"])
@pytest.mark.parametrize("is_shown", [False, True], ids=["unseen", "shown"])
async def test_after_a_failure_that_new_rules_would_explain_they_are_read_at_once(
    name: str, is_shown: bool
) -> None:
    """They are read every half hour otherwise, and until then every close would fail."""
    async with world_of(QUIET, Switches(failed_tx_has_order_event=is_shown)) as world:
        changed = {name: D(1)}
        world.twin.desk.change_rules(replace(RULES, **changed))  # type: ignore[arg-type]
        with contextlib.suppress(Refused):
            await world.client.place(buy(1000))
        told = await world.log.until(RulesChanged)
        assert getattr(told.rules, name) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"market_index": 1},
        {"is_ask": True},
        {"price": "3000.4"},
        {"initial_base_amount": "0.200", "remaining_base_amount": "0.200"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_an_order_that_was_booked_as_another_one_ends_the_run(changed: dict[str, object]) -> None:
    def other(frame: str | bytes) -> FrameFate | None:
        told = json.loads(frame)
        if told["type"] != "update/account_all_orders":
            return None
        (row,) = told["orders"]["0"]
        return FrameFate(instead=json.dumps({**told, "orders": {"0": [{**row, **changed}]}}))

    async with world_of(QUIET) as world:
        world.faults.on_frame = other
        await world.client.place(buy(1000))
        trouble = await world.log.until(VenueTrouble)
        assert trouble.must_stop
        assert trouble.text.startswith("the exchange booked another order than was sent: order ")

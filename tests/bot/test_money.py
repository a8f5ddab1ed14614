"""The books agree with the venue's to the last digit, on generated markets, through kills, and at every speed."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import pytest

from domain.events import FundingPayment
from domain.market import NANOSECONDS, Side
from domain.stop import StopMode
from helpers.record_codec import encode_record
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from tests.support.bot import Rig
from tests.support.tape import START_NS
from trading_bot import BotSettings

D = Decimal
MAKER, TAKER = D("0.00015"), D("0.0005")


def generated(seed: int, ticker: str = "BTC") -> GeneratedMarket:
    return GeneratedMarket(find_instrument(ticker), seed, START_NS, MAKER, TAKER)


def trading(seed: int, hours: int, **changes: Any) -> Rig:
    usual = {"quantity": D("0.01"), "take_profit": D("0.05"), "max_orders": 10, "wait_time": D(60)}
    chosen: dict[str, Any] = usual | changes
    on_stop: StopMode = chosen.pop("on_stop", StopMode.KEEP)
    rig = Rig(
        generated(seed),
        terms=AccountTerms(balance=D(100_000), maker_fee_rate=MAKER, taker_fee_rate=TAKER),
        settings=BotSettings("test", on_stop, hours * 3_600 * NANOSECONDS),
        **chosen,
    )
    rig.auditor.checks_prices = False
    rig.auditor.allows_exits = on_stop is StopMode.FLATTEN or bool(changes.get("boost_mode"))
    return rig


@pytest.mark.parametrize("direction", list(Side))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_result_equals_the_change_of_equity(seed: int, direction: Side) -> None:
    with trading(seed, 2, direction=direction) as rig:
        rig.start()
        outcome = rig.finish(3 * 3_600)
        assert (outcome.exit_status, outcome.duration_ns) == (0, 7_200 * NANOSECONDS)
        assert len(rig.own_fills()) > 10
        assert rig.auditor.longest_bare_s(rig.world.now_ns) < 1
        assert {reason for _, reason in rig.line.refusals} <= {"post_only_would_cross"}
        rig.check_covered()
        rig.check_money()


def test_result_equals_the_change_of_equity_after_a_day_with_funding() -> None:
    with trading(7, 24) as rig:
        rig.start()
        outcome = rig.finish(25 * 3_600)
        assert (outcome.exit_status, rig.told.notices[-1].text) == (0, "the session's time is up")
        assert len(rig.of_kind(FundingPayment)) >= 2
        assert len(rig.own_fills()) > 100
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("mode", [StopMode.CANCEL, StopMode.FLATTEN])
def test_result_equals_the_change_of_equity_whatever_the_stop_leaves(mode: StopMode) -> None:
    with trading(4, 1, on_stop=mode) as rig:
        rig.start()
        assert rig.finish(2 * 3_600).exit_status == 0
        assert rig.resting() == []
        rig.check()
        rig.check_money()


def test_result_equals_the_change_of_equity_in_boost_mode() -> None:
    with trading(5, 1, boost_mode=True) as rig:
        rig.start()
        assert rig.finish(2 * 3_600).exit_status == 0
        assert len(rig.own_fills()) > 50
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("seed", [11, 12])
def test_result_equals_the_change_of_equity_through_kills(seed: int) -> None:
    chance = Random(seed)
    with trading(seed, 30) as rig:
        rig.start()
        for _ in range(25):
            rig.run_for(chance.uniform(1, 1_200))
            rig.kill()
            rig.downtime(chance.choice([0.001, 5, 3_600]))
            rig.start()
        rig.run_for(30)
        assert len(rig.of_kind(FundingPayment)) >= 1
        rig.check_covered()
        rig.check_money()


def lived(seed: int, pace: float | None = None) -> list[str]:
    """The journal of ten minutes, as it is written; with a pace, against a wall clock that runs fast."""
    ticking = count()
    how: dict[str, Any] = {"pace": pace, "wall": lambda: next(ticking) / 10}
    with Rig(generated(seed), quantity=D("0.01"), take_profit=D("0.02"), wait_time=D(20), **how) as rig:
        rig.start()
        rig.run_for(600)
        rig.stop()
        return [encode_record(record) for record in rig.records]


def test_same_seed_leaves_the_same_journal_byte_for_byte_at_every_pace() -> None:
    at_full_speed = lived(7)
    assert len(at_full_speed) > 30
    assert lived(7) == at_full_speed
    assert lived(7, pace=50.0) == at_full_speed
    assert lived(7, pace=3.7) == at_full_speed
    assert lived(8) != at_full_speed

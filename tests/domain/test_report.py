from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.accounting import Accounting
from domain.market import Side
from domain.orders import OrderStatus, Purpose
from domain.report import Report, plain, seconds, span
from domain.status import BotStatus, LiveOrder, Phase
from tests.support.records import closing, opened, trade

D = Decimal

REPORT = Report(
    exchange="paper",
    ticker="BTC",
    seed=7,
    duration_s=D("86400"),
    entries=12,
    exits=11,
    open_closes=1,
    position=D("0.010"),
    max_position=D("0.05"),
    covered=D("0.01"),
    volume_quote=D("1.38E+4"),
    fees=D("0E-8"),
    funding=D("-0.25"),
    realized_pnl=D("3.30"),
    unrealized_pnl=None,
    wear_bps=None,
    halted=False,
    reason="",
)


def test_json_has_the_promised_keys_in_order_and_exact_values() -> None:
    assert REPORT.to_json() == (
        "{\n"
        '  "exchange": "paper",\n'
        '  "ticker": "BTC",\n'
        '  "seed": 7,\n'
        '  "duration_s": "86400",\n'
        '  "entries": 12,\n'
        '  "exits": 11,\n'
        '  "open_closes": 1,\n'
        '  "position": "0.01",\n'
        '  "max_position": "0.05",\n'
        '  "covered": "0.01",\n'
        '  "volume_quote": "13800",\n'
        '  "fees": "0",\n'
        '  "funding": "-0.25",\n'
        '  "realized_pnl": "3.3",\n'
        '  "unrealized_pnl": null,\n'
        '  "wear_bps": null,\n'
        '  "halted": false,\n'
        '  "reason": "",\n'
        '  "written_off": "0",\n'
        '  "unexplained": "0",\n'
        '  "gaps": 0\n'
        "}\n"
    )


def test_a_value_that_is_no_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="NaN is not a number"):
        replace(REPORT, fees=D("NaN")).to_json()


def test_reason_of_any_text_stays_json() -> None:
    reason = 'a "quote"\n\x1b[31m\ud800'
    assert json.loads(replace(REPORT, reason=reason).to_json())["reason"] == reason


def test_lines_say_it_to_a_person() -> None:
    assert REPORT.to_lines() == (
        "paper BTC: ended after 1d 0h",
        "entries 12, exits 11, closes still resting 1",
        "position 0.01 (largest 0.05), covered 0.01",
        "realized 3.3, unrealized unknown (no quote), fees 0, funding -0.25",
        "volume 13800, cost per volume no volume",
    )


def test_lines_name_what_is_unusual() -> None:
    unusual = replace(
        REPORT, halted=True, reason="mismatch", written_off=D(1), unexplained=D(2), gaps=3, wear_bps=D("0.5000")
    )
    lines = unusual.to_lines()
    assert lines[0] == "paper BTC: halted after 1d 0h (mismatch)"
    assert lines[4:] == (
        "volume 13800, cost per volume 0.5 bps",
        "closed by somebody else at no known price: 1",
        "filled, but the venue has not shown the trades: 2",
        "holes in the recorded market: 3",
    )


def test_report_of_a_bot_takes_money_from_the_books_and_orders_from_the_status() -> None:
    accounting = Accounting()
    for record in (opened(1, "2", entry=1), trade(1, "2", "100"), closing(2, (1, "1.5"))):
        accounting.apply(record)
    resting = LiveOrder(
        2, "o2", Purpose.CLOSE, Side.SELL, D(101), D("1.5"), D(0), OrderStatus.OPEN, since_ns=1
    )
    status = BotStatus(
        now_ns=10,
        phase=Phase.ENDED,
        exchange="paper",
        ticker="ETH",
        mode="paper",
        direction=Side.BUY,
        connected_since_ns=None,
        quote=None,
        position=D(2),
        foreign_position=D(0),
        covered=D("1.5"),
        open_entries=1,
        max_orders=40,
        orders=(resting, replace(resting, client_id=3, purpose=Purpose.OPEN)),
        money=accounting.statement(D(101)),
        next_action="",
        holds=(),
        reason="asked to stop",
    )
    assert Report.of(status, accounting, seed=None, duration_ns=1_500_000_000, halted=False, gaps=2) == Report(
        exchange="paper",
        ticker="ETH",
        seed=None,
        duration_s=D("1.5"),
        entries=1,
        exits=0,
        open_closes=1,
        position=D(2),
        max_position=D(2),
        covered=D("1.5"),
        volume_quote=D(200),
        fees=D(0),
        funding=D(0),
        realized_pnl=D(0),
        unrealized_pnl=D(2),
        wear_bps=D("-100.0000"),
        halted=False,
        reason="asked to stop",
        gaps=2,
    )


@pytest.mark.parametrize(
    "value, text",
    [
        ("1E+3", "1000"),
        ("0.500", "0.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0E-9", "0"),
        ("100", "100"),
        ("1E-7", "0.0000001"),
    ],
)
def test_plain_numbers_have_no_exponent_and_no_idle_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text


@pytest.mark.parametrize("ns, text", [(0, "0"), (1, "0.000000001"), (86_400_000_000_000, "86400")])
def test_seconds_are_exact(ns: int, text: str) -> None:
    assert plain(seconds(ns)) == text


@pytest.mark.parametrize(
    "s, text", [("0", "0s"), ("59.9", "59s"), ("250", "4m 10s"), ("7500", "2h 5m"), ("97200", "1d 3h")]
)
def test_span_shows_the_two_largest_units(s: str, text: str) -> None:
    assert span(D(s)) == text

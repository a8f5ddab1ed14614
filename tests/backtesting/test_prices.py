"""Prices sampled beside a run: at round times, with what lies between, and never a row changed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backtesting.prices import MOST_SAMPLES, PriceSample, SampledSource, sampling_interval_ns
from domain.market import NANOSECONDS
from tests.support.tape import ScriptedMarket, at, quote, sold

D = Decimal
TICKS = (
    quote(0, 1000, 1001),
    sold(3, 998, 5),
    quote(9, 1002, 1003),
    quote(12, 1004, 1005),
    quote(41, 1010, 1012),
    sold(42, 1009, 1),
    quote(500, 900, 901, gap=True),
    quote(503, 905, 906),
)
SAMPLES = (
    PriceSample(at(0), D("100.05"), D("100.0"), D("100.1")),
    PriceSample(at(10), D("100.25"), D("99.8"), D("100.3")),
    PriceSample(at(20), D("100.45"), D("100.4"), D("100.5")),
    PriceSample(at(42), D("101.1"), D("100.9"), D("101.2")),
    PriceSample(at(500), D("90.05"), D("90.0"), D("90.1")),
    PriceSample(at(503), D("90.55"), D("90.5"), D("90.6")),
)


def sampled(chunk_rows: int) -> tuple[SampledSource, list[tuple[int, int]]]:
    seen: list[tuple[int, int]] = []
    market = ScriptedMarket(TICKS, chunk_rows=chunk_rows)
    return SampledSource(market, 10 * NANOSECONDS, lambda at_ns, rows: seen.append((at_ns, rows))), seen


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 100])
def test_samples_stand_at_round_times_and_at_the_ends_of_what_the_data_hold(chunk_rows: int) -> None:
    source, _ = sampled(chunk_rows)
    rows = [row for chunk in source.chunks() for row in zip(chunk.time_ns, chunk.low, chunk.high, strict=True)]
    assert rows == [(tick.time_ns, tick.low, tick.high) for tick in TICKS]
    assert source.samples(at(1_000)) == SAMPLES


def test_samples_after_the_end_of_a_session_are_left_out() -> None:
    source, _ = sampled(100)
    assert len(list(source.chunks())) == 2
    assert source.samples(at(499)) == SAMPLES[:4]


def test_progress_is_told_when_a_chunk_has_been_taken_in() -> None:
    source, seen = sampled(3)
    stream = source.chunks()
    next(stream)
    assert (seen, source.rows) == ([], 3)
    next(stream)
    assert (seen, source.rows) == ([(at(9), 3)], 6)
    assert [len(chunk) for chunk in stream] == [2]
    assert (seen, source.rows) == ([(at(9), 3), (at(42), 6), (at(503), 8)], 8)


@pytest.mark.parametrize(
    "span_s, interval_s",
    [(1, 1), (2_000, 1), (2_001, 2), (86_400, 60), (30 * 86_400, 1_800), (3_650 * 86_400, 2 * 86_400)],
)
def test_the_interval_is_round_and_gives_at_most_so_many_samples(span_s: int, interval_s: int) -> None:
    assert sampling_interval_ns(span_s * NANOSECONDS) == interval_s * NANOSECONDS
    assert span_s / interval_s <= MOST_SAMPLES

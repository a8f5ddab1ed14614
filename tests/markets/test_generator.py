from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import NANOSECONDS
from markets.generator import BLOCK_NS, DEFAULT_FUNDING, GeneratedMarket
from markets.instruments import LISTED, find_instrument
from markets.tape import Chunk, MarketSource, TapeScale

START_NS = 1_700_000_000 * NANOSECONDS
HOUR_NS = 3600 * NANOSECONDS
PINNED = (14_315, "83934b25f015cad3f3627457e0c7f908")
"""The number of rows in an hour of BTC, seed 7, and the beginning of the SHA-256 of their representation."""
Row = tuple[int, bool, int, int, int, int]


def market(ticker: str = "BTC", seed: int = 7, start_ns: int = START_NS) -> GeneratedMarket:
    return GeneratedMarket(find_instrument(ticker), seed, start_ns, Decimal(0), Decimal("0.0005"))


def rows_of(chunk: Chunk) -> Iterator[Row]:
    return zip(
        chunk.time_ns, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size, strict=True
    )


def rows_until(source: MarketSource, until_ns: int, after_ns: int | None = None) -> list[Row]:
    rows: list[Row] = []
    for chunk in source.chunks(after_ns):
        rows += rows_of(chunk)
        if rows[-1][0] >= until_ns:
            break
    return [row for row in rows if row[0] < until_ns]


@pytest.fixture(scope="module")
def six_hours() -> list[Row]:
    return rows_until(market(), START_NS + 6 * HOUR_NS)


def test_a_generated_market_is_a_market_source() -> None:
    source: MarketSource = market()
    assert source.rules == find_instrument("BTC").rules(Decimal(0), Decimal("0.0005"))
    assert (source.scale, source.queues) == (TapeScale(Decimal("0.1"), Decimal("0.001")), True)
    assert (source.funding, source.start_ns) == (DEFAULT_FUNDING, START_NS)
    assert source.identity == f"generated v1 BTC seed 7 from {START_NS}"
    assert source.description == "generated BTC market, seed 7"


def test_the_rows_of_a_seed_are_pinned_on_every_python_and_platform() -> None:
    rows = rows_until(market(), START_NS + HOUR_NS)
    assert (len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()[:32]) == PINNED


def test_two_markets_of_one_seed_are_equal_and_of_two_seeds_are_not() -> None:
    first, again, other = (rows_until(market(seed=seed), START_NS + BLOCK_NS) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_start_moves_the_times_and_nothing_else() -> None:
    here = rows_until(market(), START_NS + BLOCK_NS)
    later = rows_until(market(start_ns=START_NS + 5), START_NS + 5 + BLOCK_NS)
    assert [(row[0] + 5, *row[1:]) for row in here] == later


def test_the_first_row_is_a_quote_at_the_start_around_the_start_price() -> None:
    first = next(iter(market().chunks()))
    assert (first.time_ns[0], first.is_trade[0], first.low[0], first.high[0]) == (START_NS, False, 600_000, 600_001)


@settings(max_examples=40, deadline=None)
@given(after=st.one_of(st.integers(-10, 20 * 60 * 10**9), st.integers(0, 3000)), fresh=st.booleans())
def test_resuming_after_any_moment_gives_the_very_rows_that_follow(after: int, fresh: bool) -> None:
    whole = WHOLE
    # Small numbers stand for the time of a row itself, where an off-by-one would show.
    after_ns = whole[after][0] if 0 <= after < len(whole) else START_NS + after
    source = market() if fresh else USED
    assert rows_until(source, START_NS + 20 * BLOCK_NS, after_ns) == [row for row in whole if row[0] > after_ns]


WHOLE = rows_until(market(), START_NS + 20 * BLOCK_NS)
USED = market()


def test_resuming_hours_later_from_a_checkpoint_equals_a_fresh_start() -> None:
    used = market()
    rows = rows_until(used, START_NS + 3 * HOUR_NS)
    after_ns = START_NS + 2 * HOUR_NS + 12_345_678_901
    expected = [row for row in rows if row[0] > after_ns]
    assert rows_until(used, START_NS + 3 * HOUR_NS, after_ns) == expected
    assert rows_until(market(), START_NS + 3 * HOUR_NS, after_ns) == expected


@pytest.mark.parametrize("ticker", LISTED)
def test_every_row_is_sound(ticker: str) -> None:
    rows = rows_until(market(ticker, seed=11), START_NS + HOUR_NS)
    assert all(later[0] >= earlier[0] for earlier, later in pairwise(rows))
    quotes = [row for row in rows if not row[1]]
    trades = [row for row in rows if row[1]]
    assert all(0 < low < high and low_size > 0 and high_size > 0 for _, _, low, high, low_size, high_size in quotes)
    assert all(low == high and min(sizes) == 0 < max(sizes) for _, _, low, high, *sizes in trades)
    assert min(len(quotes), len(trades)) > 1000


def test_trades_print_at_the_touch_or_on_the_way_to_the_next_one(six_hours: list[Row]) -> None:
    bid, ask = six_hours[0][2:4]
    at_touch = beyond = 0
    for index, (_, is_trade, low, high, sold, _) in enumerate(six_hours):
        if not is_trade:
            bid, ask = low, high
        elif low == (bid if sold else ask):
            at_touch += 1
        else:
            following = next(row for row in six_hours[index:] if not row[1])
            assert following[2] < low < bid if sold else ask < low < following[3]
            beyond += 1
    assert at_touch > 5 * beyond > 0


def test_rows_come_about_five_times_a_second(six_hours: list[Row]) -> None:
    assert 3.5 < len(six_hours) / (6 * 3600) < 6


def test_chunks_are_small_and_know_no_gap() -> None:
    chunks = list(islice(market().chunks(), 8))
    assert max(len(chunk) for chunk in chunks) < 10_000
    assert [chunk.gap_before for chunk in chunks] == [False] * 8


def test_no_direction_is_favoured() -> None:
    """Over many short markets the mean return is within three standard errors of nothing."""
    returns = []
    for seed in range(300):
        rows = next(iter(market(seed=seed).chunks()))
        lows = [low for low, trade in zip(rows.low, rows.is_trade, strict=True) if not trade]
        returns.append((lows[-1] - lows[0]) / lows[0])
    mean = sum(returns) / len(returns)
    error = (sum((value - mean) ** 2 for value in returns) / len(returns) / len(returns)) ** 0.5
    assert abs(mean) < 3 * error


def test_what_happened_does_not_tell_what_comes(six_hours: list[Row]) -> None:
    mids = [row[2] + row[3] for row in six_hours if not row[1]]
    moves = [later - earlier for earlier, later in pairwise(mids)]
    products = sum(a * b for a, b in pairwise(moves))
    assert abs(products / sum(move * move for move in moves)) < 0.05


def test_generating_imports_no_numpy_and_no_pyarrow() -> None:
    script = (
        "import sys; from decimal import Decimal; from markets.generator import GeneratedMarket; "
        "from markets.instruments import find_instrument; "
        "next(iter(GeneratedMarket(find_instrument('BTC'), 1, 0, Decimal(0), Decimal(0)).chunks())); "
        "print(sorted({'numpy', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

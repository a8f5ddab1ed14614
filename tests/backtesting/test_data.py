"""Which part of which files is run: windows, holes, funding beside them, and one clear line for what does not fit."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from backtesting import RecordingError, open_data
from markets.funding_files import open_funding
from markets.rows import NOWHERE
from markets.tape import FundingTerms
from markets.times import parse_utc, utc_text
from tests.support.recordings import NOON, SECOND, candles, write

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def bars(*minutes: int) -> dict[str, list[object]]:
    return candles([(minute, 100.0, 101.0, 99.0, 100.5, 8.0) for minute in minutes])


@pytest.fixture
def candle_file(tmp_path: Path) -> Path:
    """Ten bars, a hole of five minutes, ten bars."""
    return write(tmp_path / "candles.parquet", bars(*range(10), *range(15, 25)))


def times(source: object) -> list[int]:
    return [time_ns for chunk in source.chunks() for time_ns in chunk.time_ns]  # type: ignore[attr-defined]


def test_without_a_window_the_whole_recording_is_run(candle_file: Path) -> None:
    data = open_data([candle_file], ticker="BTC")
    last = NOON + 24 * MINUTE + 45 * SECOND
    gap = (NOON + 9 * MINUTE + 45 * SECOND, NOON + 15 * MINUTE)
    assert (data.start_ns, data.end_ns, data.gaps, data.is_candles) == (NOON, last, (gap,), True)
    assert data.covered_ns(data.end_ns) == last - NOON - (gap[1] - gap[0])
    [file] = data.identity.files
    assert (file.name, file.sha256) == ("candles.parquet", sha256(candle_file.read_bytes()).hexdigest())


def test_a_window_holds_its_first_moment_and_not_its_last(candle_file: Path) -> None:
    data = open_data([candle_file], ticker="BTC", from_ns=NOON + 2 * MINUTE, to_ns=NOON + 4 * MINUTE)
    at = times(data.source)
    assert (at[0], at[-1], len(at)) == (NOON + 2 * MINUTE, NOON + 3 * MINUTE + 45 * SECOND, 16)
    assert (data.start_ns, data.gaps, data.source.start_ns) == (NOON + 2 * MINUTE, (), NOON + 2 * MINUTE)


def test_a_window_that_begins_in_a_hole_begins_after_it_without_a_gap(candle_file: Path) -> None:
    data = open_data([candle_file], ticker="BTC", from_ns=NOON + 11 * MINUTE)
    chunks = list(data.source.chunks())
    assert (data.start_ns, data.gaps, chunks[0].gap_before) == (NOON + 15 * MINUTE, (), False)


def test_a_window_over_the_hole_keeps_it(candle_file: Path) -> None:
    data = open_data([candle_file], ticker="BTC", from_ns=NOON + 5 * MINUTE)
    assert [chunk.gap_before for chunk in data.source.chunks()] == [False, True]
    assert data.gaps == ((NOON + 9 * MINUTE + 45 * SECOND, NOON + 15 * MINUTE),)


def test_a_window_can_be_streamed_from_the_middle(candle_file: Path) -> None:
    data = open_data([candle_file], ticker="BTC", from_ns=NOON + 5 * MINUTE, to_ns=NOON + 20 * MINUTE)
    whole = times(data.source)
    after = [at for chunk in data.source.chunks(whole[7]) for at in chunk.time_ns]
    assert after == [at for at in whole if at > whole[7]]
    hole = NOON + 12 * MINUTE
    assert [chunk.gap_before for chunk in data.source.chunks(hole)] == [True]


@pytest.mark.parametrize(
    "from_ns, to_ns",
    [(NOON + HOUR, None), (None, NOON), (NOON - HOUR, NOON), (NOON + 11 * MINUTE, NOON + 12 * MINUTE)],
)
def test_a_window_without_data_is_refused(candle_file: Path, from_ns: int | None, to_ns: int | None) -> None:
    with pytest.raises(RecordingError, match=r"^no data for --.*: the files hold 2023-11-14 22:13:20 to .* UTC; give"):
        open_data([candle_file], ticker="BTC", from_ns=from_ns, to_ns=to_ns)


def test_a_window_that_ends_before_it_begins_is_refused(candle_file: Path) -> None:
    with pytest.raises(RecordingError, match=r"^--from .* is not before --to .*; give an earlier --from"):
        open_data([candle_file], ticker="BTC", from_ns=NOON + MINUTE, to_ns=NOON + MINUTE)


# --- funding --------------------------------------------------------------------------------------------------------


def funding_file(path: Path, hours: list[int], rate: float = 0.0001) -> Path:
    return write(
        path, {"date": [(NOON + hour * HOUR) // SECOND for hour in hours], "funding_rate": [rate for _ in hours]}
    )


@pytest.mark.parametrize("name", ["funding.csv", "funding.parquet"])
def test_recorded_funding_is_read_exactly(tmp_path: Path, name: str) -> None:
    terms = open_funding(funding_file(tmp_path / name, [0, 1, 2], 0.0000123))
    moments = tuple((NOON + hour * HOUR, Decimal("0.0000123")) for hour in (0, 1, 2))
    assert terms == FundingTerms(HOUR, Decimal("0.0000123"), moments)
    assert [terms.next_from(NOON + offset) for offset in (-1, 0, 1, 2 * HOUR, 2 * HOUR + 1)] == [
        NOON,
        NOON,
        NOON + HOUR,
        NOON + 2 * HOUR,
        NOWHERE,
    ]
    assert terms.rate_at(NOON + HOUR) == Decimal("0.0000123")


def test_funding_of_another_time_is_refused(tmp_path: Path, candle_file: Path) -> None:
    funding = funding_file(tmp_path / "funding.csv", [30, 31, 32])
    with pytest.raises(RecordingError, match=r"funding.csv covers .* to .* UTC, and the data are of .*; give funding"):
        open_data([candle_file], ticker="BTC", funding=funding)


def test_funding_with_a_hole_is_refused(tmp_path: Path) -> None:
    candle_file = write(tmp_path / "candles.csv", bars(*range(600)))
    funding = funding_file(tmp_path / "funding.csv", [0, 1, 2, 6, 7, 8, 9, 10])
    with pytest.raises(RecordingError, match=r"funding.csv has no funding between .* and .* UTC, which the data need"):
        open_data([candle_file], ticker="BTC", funding=funding)


def test_a_hole_of_the_funding_inside_one_of_the_data_is_no_hole(tmp_path: Path) -> None:
    candle_file = write(tmp_path / "candles.csv", bars(*range(130), *range(350, 600)))
    funding = funding_file(tmp_path / "funding.csv", [0, 1, 2, 6, 7, 8, 9, 10])
    assert open_data([candle_file], ticker="BTC", funding=funding).source.funding.interval_ns == HOUR


@pytest.mark.parametrize(
    "columns, complaint",
    [
        ({"date": [1, 2], "rate": [0.1, 0.1]}, r"has the wrong columns \(date, rate\); funding needs"),
        ({"date": [1_700_000_000], "funding_rate": [0.0]}, "has fewer than two rows of funding"),
        ({"date": [1_700_000_000] * 2, "funding_rate": [0.0, 0.0]}, "row 2: its date is not later"),
        ({"date": [1_700_000_000, 1_700_003_600], "funding_rate": [0.0, 1.5]}, "row 2: funding_rate 1.5 is no rate"),
    ],
)
def test_unsound_funding_is_refused(tmp_path: Path, columns: dict[str, list[float]], complaint: str) -> None:
    with pytest.raises(RecordingError, match=complaint):
        open_funding(write(tmp_path / "funding.parquet", columns))


def test_a_missing_funding_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"none.csv is not a file that can be read; check the path given"):
        open_funding(tmp_path / "none.csv")


# --- moments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, at",
    [
        ("2023-11-14", "2023-11-14 00:00:00"),
        ("2023-11-14T22:13", "2023-11-14 22:13:00"),
        ("2023-11-14 22:13:20Z", "2023-11-14 22:13:20"),
        ("2023-11-15T00:13:20+02:00", "2023-11-14 22:13:20"),
    ],
)
def test_days_and_moments_are_utc_unless_they_say_otherwise(text: str, at: str) -> None:
    assert utc_text(parse_utc(text)) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-01", "2023-11-14T25:00", "14.11.2023", "2023-11-14T"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like 2024-08-08"):
        parse_utc(text)

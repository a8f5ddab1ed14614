"""Recorded funding rates: a file of moments and rates beside a recorded market.

Two columns count, in parquet or CSV: `date`, the moment at which funding is charged (as in candles), and
`funding_rate`, the fraction of notional that longs pay at it (negative: they receive).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from markets.recording_files import RecordingError, nanoseconds
from markets.tape import FundingTerms
from markets.times import utc_text
from markets.units import integers

_NAMES = ("date", "funding_rate")
_HIGHEST_RATE = Decimal("0.1")
"""A tenth of the notional at one moment is a rate in percent by mistake."""


def open_funding(path: Path) -> FundingTerms:
    """The file's moments as terms; its interval is the commonest distance. Raises `RecordingError`."""
    times, rates = _columns(path)
    if len(times) < 2:
        raise RecordingError(f"{path} has fewer than two rows of funding; record or copy it again")
    for row, (earlier, later) in enumerate(pairwise(times), start=2):
        if later <= earlier:
            raise RecordingError(f"{path}, row {row}: its date is not later than the row before; sort it, once each")
    for row, rate in enumerate(rates, start=1):
        if not rate.is_finite() or abs(rate) > _HIGHEST_RATE:
            raise RecordingError(
                f"{path}, row {row}: funding_rate {rate} is no rate; a fraction of notional is needed, like 0.0001"
            )
    distances = Counter(later - earlier for earlier, later in pairwise(times))
    interval_ns = distances.most_common(1)[0][0]
    return FundingTerms(interval_ns, rates[-1], tuple(zip(times, rates, strict=True)))


def check_covers(terms: FundingTerms, path: Path, start_ns: int, end_ns: int, gaps: Sequence[tuple[int, int]]) -> None:
    """Raise `RecordingError` where the file lacks moments of a market from `start_ns` to `end_ns`.

    Inside `gaps` of the market (from, to) no funding is charged, so none is needed there.
    """
    times = [at_ns for at_ns, _ in terms.schedule]
    slack_ns = terms.interval_ns
    if times[0] > start_ns + slack_ns or times[-1] < end_ns - slack_ns:
        raise RecordingError(
            f"{path} covers {utc_text(times[0])} to {utc_text(times[-1])} UTC, and the data are of "
            f"{utc_text(start_ns)} to {utc_text(end_ns)}; give funding of that time, or narrow it with --from and --to"
        )
    for earlier, later in pairwise(times):
        is_needed = later > start_ns and earlier < end_ns
        # A second or two of jitter is no hole.
        if is_needed and later - earlier > slack_ns * 3 // 2 and not _is_inside_a_gap(earlier, later, slack_ns, gaps):
            raise RecordingError(
                f"{path} has no funding between {utc_text(earlier)} and {utc_text(later)} UTC, which the data need; "
                "give a file without that hole, or narrow the data with --from and --to"
            )


def _is_inside_a_gap(earlier: int, later: int, slack_ns: int, gaps: Sequence[tuple[int, int]]) -> bool:
    return any(start <= earlier + slack_ns and later - slack_ns <= end for start, end in gaps)


def _columns(path: Path) -> tuple[list[int], list[Decimal]]:
    """Times in nanoseconds and rates, each exactly the shortest decimal of the recorded number."""
    import pyarrow as pa

    if not path.is_file():
        raise RecordingError(f"{path} is not a file that can be read; check the path given to --funding")
    try:
        table = _table(path)
        missing = [name for name in _NAMES if name not in table.column_names]
        if missing:
            held = ", ".join(table.column_names) or "none"
            raise RecordingError(f"{path} has the wrong columns ({held}); funding needs date and funding_rate")
        if any(table.column(name).null_count for name in _NAMES):
            raise RecordingError(f"{path} has rows without a date or a rate; mend or remove them")
        if not table.num_rows:
            return [], []
        dates = nanoseconds(path, "date", table.column("date").combine_chunks())
        rates = table.column("funding_rate").cast(pa.float64()).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise RecordingError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    return integers(dates), [Decimal(repr(rate)) for rate in rates]


def _table(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    if path.suffix.lower() != ".csv":
        return pq.read_table(path)
    convert = pyarrow.csv.ConvertOptions(column_types={"date": pa.string(), "funding_rate": pa.float64()})
    return pyarrow.csv.read_csv(path, convert_options=convert)

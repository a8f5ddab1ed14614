"""The market of a backtest: a recording, the part of it that is wanted, and the funding beside it.

`open_data` reads every file once and refuses what is unsound, before anything runs. What it returns can be run many
times, with any settings; each run streams the files again.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from domain.market import MarketRules
from markets.funding_files import check_covers, open_funding
from markets.recordings import MarketOverride, Recording, RecordingError, open_recording
from markets.tape import Chunk, FundingTerms, MarketSource, TapeScale
from markets.times import utc_text

__all__ = ["BacktestData", "DataFile", "DataIdentity", "RecordingError", "open_data"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file by name and content."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DataIdentity:
    """Which data a result belongs to: two results are comparable when these are equal.

    `from_ns` and `to_ns`: the part that was asked for (to: not included); None where it was not narrowed.
    """

    files: tuple[DataFile, ...]
    funding: DataFile | None
    from_ns: int | None
    to_ns: int | None
    market: str
    """What market, scale and contents the engine saw, in one line (`MarketSource.identity`)."""
    description: str
    """For people: what the files hold."""


@dataclass(frozen=True, slots=True)
class BacktestData:
    """A market that is ready to run. `start_ns`: its first row; `end_ns`: nothing of it is later."""

    source: MarketSource
    identity: DataIdentity
    is_candles: bool
    start_ns: int
    end_ns: int
    gaps: tuple[tuple[int, int], ...]
    """Holes in it, each from the last candle point or quote before to the first row after, in nanoseconds."""

    def covered_ns(self, until_ns: int) -> int:
        """How much of the time from the first row to `until_ns` has data."""
        holes_ns = sum(max(0, min(end, until_ns) - start) for start, end in self.gaps)
        return max(0, until_ns - self.start_ns - holes_ns)

    def part(self, from_ns: int, to_ns: int) -> BacktestData:
        """The rows from `from_ns` on and before `to_ns`, without reading the files again for their soundness.

        Raises `RecordingError` where there are none.
        """
        source = _Part(self.source, from_ns, to_ns, self.source.funding)
        if source.is_empty:
            raise RecordingError(f"no data from {utc_text(from_ns)} to {utc_text(to_ns)} UTC; give a time inside")
        end_ns = min(to_ns - 1, self.end_ns)
        gaps = tuple(gap for gap in self.gaps if source.start_ns <= gap[0] and gap[1] <= end_ns)
        identity = replace(self.identity, from_ns=from_ns, to_ns=to_ns, market=source.identity)
        return BacktestData(source, identity, self.is_candles, source.start_ns, end_ns, gaps)


class _Part:
    """A `MarketSource`: the rows of another from `from_ns` on and before `to_ns`, with funding of its own."""

    def __init__(self, whole: MarketSource, from_ns: int | None, to_ns: int | None, funding: FundingTerms) -> None:
        self._whole = whole
        self._from_ns = from_ns
        self._to_ns = to_ns
        self.rules: MarketRules = whole.rules
        self.scale: TapeScale = whole.scale
        self.queues = whole.queues
        self.funding = funding
        self.description = whole.description
        self.identity = whole.identity
        if from_ns is not None:
            self.identity += f" from {utc_text(from_ns)}"
        if to_ns is not None:
            self.identity += f" to {utc_text(to_ns)}"
        self.start_ns = whole.start_ns
        first = next(iter(self.chunks()), None)
        self.is_empty = first is None
        if first is not None:
            self.start_ns = first.time_ns[0]

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        before_ns = None if self._from_ns is None else self._from_ns - 1
        later_than = before_ns if after_ns is None else after_ns if before_ns is None else max(after_ns, before_ns)
        is_first = before_ns is not None and (after_ns is None or after_ns <= before_ns)
        for chunk in self._whole.chunks(later_than):
            if is_first:
                chunk.gap_before = is_first = False  # What lies before the part is not a hole in it.
            if self._to_ns is not None and chunk.time_ns[-1] >= self._to_ns:
                end = bisect_left(chunk.time_ns, self._to_ns)
                if end:
                    yield _head(chunk, end)
                return
            yield chunk


def open_data(
    paths: Sequence[Path],
    *,
    ticker: str,
    market: MarketOverride | None = None,
    funding: Path | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
) -> BacktestData:
    """Open a recording as `--replay` does, the part of it from `from_ns` to before `to_ns`, and funding of its time.

    Raises `RecordingError`: one line that says what to do.
    """
    whole = open_recording(paths, market, ticker)
    _check_overlap(whole, from_ns, to_ns)
    terms = FundingTerms() if funding is None else open_funding(funding)
    source: MarketSource = whole
    if from_ns is not None or to_ns is not None or funding is not None:
        part = _Part(whole, from_ns, to_ns, terms)
        if part.is_empty:
            raise _no_overlap(whole, from_ns, to_ns)
        source = part
    start_ns = source.start_ns
    end_ns = whole.summary.end_ns if to_ns is None else min(to_ns - 1, whole.summary.end_ns)
    gaps = tuple(gap for gap in whole.gaps if start_ns <= gap[0] and gap[1] <= end_ns)
    if funding is not None:
        check_covers(terms, funding, start_ns, end_ns, gaps)
    identity = DataIdentity(
        files=tuple(DataFile(path.name, _sha256(path)) for path in paths),
        funding=None if funding is None else DataFile(funding.name, _sha256(funding)),
        from_ns=from_ns,
        to_ns=to_ns,
        market=source.identity,
        description=whole.description,
    )
    return BacktestData(source, identity, whole.summary.candles > 0, start_ns, end_ns, gaps)


def _check_overlap(whole: Recording, from_ns: int | None, to_ns: int | None) -> None:
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise RecordingError(
            f"--from {utc_text(from_ns)} is not before --to {utc_text(to_ns)}; give an earlier --from or a later --to"
        )
    is_late = from_ns is not None and from_ns > whole.summary.end_ns
    is_early = to_ns is not None and to_ns <= whole.summary.start_ns
    if is_late or is_early:
        raise _no_overlap(whole, from_ns, to_ns)


def _no_overlap(whole: Recording, from_ns: int | None, to_ns: int | None) -> RecordingError:
    asked = [f"--from {utc_text(from_ns)}"] if from_ns is not None else []
    asked += [f"--to {utc_text(to_ns)}"] if to_ns is not None else []
    return RecordingError(
        f"no data for {' '.join(asked)}: the files hold {utc_text(whole.summary.start_ns)} to "
        f"{utc_text(whole.summary.end_ns)} UTC; give a time inside"
    )


def _head(chunk: Chunk, end: int) -> Chunk:
    return Chunk(
        chunk.time_ns[:end],
        chunk.is_trade[:end],
        chunk.low[:end],
        chunk.high[:end],
        chunk.low_size[:end],
        chunk.high_size[:end],
        chunk.gap_before,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

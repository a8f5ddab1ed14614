"""Recorded markets: best bid/offer with trades beside it, or candles, streamed in bounded memory.

`open_recording` reads every file once, whole, before anything trades: it refuses what is unsound, infers tick and step,
finds the gaps and counts. Streaming then reads the files again, batch by batch; memory does not grow with the file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from domain.market import NANOSECONDS, MarketRules
from markets.recording_files import Kind, RecordingError, RecordingFile, RecordingSummary
from markets.tape import Chunk, FundingTerms, TapeScale

__all__ = [
    "MarketOverride",
    "Recording",
    "RecordingError",
    "RecordingSummary",
    "open_recording",
    "parse_market_override",
]


@dataclass(frozen=True, slots=True)
class MarketOverride:
    """What a person says of a recorded market, where the files do not say it well; None is inferred.

    `tick_size` in quote currency per base unit, the quantities in base units.
    """

    tick_size: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None


class Tape(Protocol):
    """The streamed form of a kind of recording, scanned and found sound."""

    @property
    def summary(self) -> RecordingSummary: ...

    @property
    def price_unit(self) -> Decimal: ...

    @property
    def size_unit(self) -> Decimal: ...

    @property
    def gap_starts(self) -> list[int]:
        """The time of the first row after each gap, rising."""

    @property
    def gap_begins(self) -> list[int]:
        """The time of the last candle point or quote before each gap."""

    @property
    def queues(self) -> bool: ...

    def windows(self, price_unit: Decimal, size_unit: Decimal, after_ns: int | None) -> Iterator[Chunk]:
        """All rows in order, in pieces that know no gaps; pieces that end at or before `after_ns` may be left out."""


class Recording:
    """A `MarketSource` over recorded files; made by `open_recording`."""

    def __init__(
        self, tape: Tape, scale: TapeScale, rules: MarketRules, funding: FundingTerms, identity: str, description: str
    ) -> None:
        self.rules = rules
        self.scale = scale
        self.funding = funding
        self.identity = identity
        self.description = description
        self.queues = tape.queues
        self.summary = tape.summary
        self._tape = tape

    @property
    def start_ns(self) -> int:
        return self.summary.start_ns

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """From the last candle point or quote before each gap to the first row after it."""
        return tuple(zip(self._tape.gap_begins, self._tape.gap_starts, strict=True))

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        """See `MarketSource.chunks`. Raises `RecordingError` if a file was changed since it was opened."""
        for window in self._tape.windows(self.scale.price_unit, self.scale.size_unit, after_ns):
            yield from _cut_at_gaps(window, self._tape.gap_starts, after_ns)


def open_recording(
    paths: Sequence[Path],
    market: MarketOverride | None,
    ticker: str,
    *,
    maker_fee_rate: Decimal = Decimal(0),
    taker_fee_rate: Decimal = Decimal(0),
    funding: FundingTerms | None = None,
) -> Recording:
    """Open one market's files: best bid/offer with or without trades beside it, or candles; several of a kind in time
    order. `ticker` only labels it; fee rates are fractions of notional. Raises `RecordingError`.

    Tick and step are inferred (`markets.units`) unless `market` names them; the minimum quantity is the step.
    """
    # pyarrow stands behind these; a bot without a recording does not pay for importing it.
    from markets.candles import CandleTape
    from markets.ticks import TickTape

    market = market or MarketOverride()
    if not paths:
        raise RecordingError("no recording was named; give --replay a file")
    files = [RecordingFile(path) for path in paths]
    of_kind = {kind: [file for file in files if file.kind is kind] for kind in Kind}
    tape: Tape
    if of_kind[Kind.CANDLES]:
        if len(of_kind[Kind.CANDLES]) != len(files):
            raise RecordingError("candles and ticks cannot be replayed together; name files of one sort")
        tape = CandleTape(files, market.quantity_step)
    elif of_kind[Kind.QUOTES]:
        tape = TickTape(of_kind[Kind.QUOTES], of_kind[Kind.TRADES])
    else:
        raise RecordingError(
            f"{files[0].path} holds trades only; name the best bid/offer of the same time with it: BBO,TRADES"
        )
    rules = _rules_of(tape, market, files[0].path, ticker, maker_fee_rate, taker_fee_rate)
    scale = TapeScale(rules.tick_size, _common_unit(tape.size_unit, rules.quantity_step))
    contents = ", ".join(f"{file.path.name} sha256 {file.sha256()}" for file in files)
    identity = f"recording of {ticker}, tick {rules.tick_size} step {rules.quantity_step}: {contents}"
    return Recording(tape, scale, rules, funding or FundingTerms(), identity, _described(files, tape.summary))


def parse_market_override(text: str) -> MarketOverride:
    """`tick=0.1,step=0.001,min=0.001`, any of them; raises `RecordingError` saying what is wrong."""
    values: dict[str, Decimal] = {}
    for item in text.split(","):
        name, equals, value = (part.strip() for part in item.partition("="))
        if name not in ("tick", "step", "min") or not equals:
            raise RecordingError(f"--market {text!r}: {item.strip()!r} is none of tick=, step=, min=")
        if name in values:
            raise RecordingError(f"--market {text!r}: {name} is given twice")
        try:
            values[name] = Decimal(value)
        except InvalidOperation:
            raise RecordingError(f"--market {text!r}: {name} needs a number, not {value!r}") from None
        if not values[name].is_finite() or not Decimal("1e-12") <= values[name] <= Decimal("1e9"):
            raise RecordingError(f"--market {text!r}: {name} must lie between 1e-12 and 1e9, not {value}")
    step, least = values.get("step"), values.get("min")
    if step is not None and least is not None and least % step:
        raise RecordingError(f"--market {text!r}: min must be a multiple of step")
    return MarketOverride(values.get("tick"), step, least)


def _rules_of(
    tape: Tape, market: MarketOverride, path: Path, ticker: str, maker_fee_rate: Decimal, taker_fee_rate: Decimal
) -> MarketRules:
    tick = market.tick_size or tape.price_unit
    if tape.price_unit % tick:
        raise RecordingError(
            f"{path}: its prices move by {tape.price_unit:f}, which is no multiple of tick={tick:f}; leave tick= out"
        )
    step = market.quantity_step or tape.size_unit
    least = market.min_quantity or step
    if least % step:
        raise RecordingError(f"{path}: min={least:f} is not a multiple of the step {step:f}; name another")
    return MarketRules(
        ticker=ticker,
        contract_id=f"{ticker}-PERP",
        tick_size=_plain(tick),
        quantity_step=_plain(step),
        min_quantity=_plain(least),
        maker_fee_rate=maker_fee_rate,
        taker_fee_rate=taker_fee_rate,
    )


def _plain(value: Decimal) -> Decimal:
    """The same number, written without an exponent."""
    return Decimal(f"{value:f}")


def _common_unit(a: Decimal, b: Decimal) -> Decimal:
    """The largest unit that divides both."""
    while b:
        a, b = b, a % b
    return _plain(a)


def _described(files: list[RecordingFile], summary: RecordingSummary) -> str:
    counts = ((summary.quotes, "quotes"), (summary.trades, "trades"), (summary.candles, _candles_of(summary)))
    held = ", ".join(f"{count:,} {name}" for count, name in counts if count)
    first, last = (
        datetime.fromtimestamp(at_ns // NANOSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")
        for at_ns in (summary.start_ns, summary.end_ns)
    )
    gaps = f"{summary.gaps} gap(s), {summary.gap_ns // NANOSECONDS:,} s together" if summary.gaps else "no gap"
    names = ", ".join(file.path.name for file in files)
    dropped = f", {summary.dropped_trades:,} trades without a quote left out" if summary.dropped_trades else ""
    return f"{names}: {held}, {first} to {last} UTC, {gaps}{dropped}"


def _candles_of(summary: RecordingSummary) -> str:
    """Another length than the usual minute is said: four points of five minutes know much less than those of one."""
    seconds = summary.bar_ns / NANOSECONDS
    return "candles" if seconds == 60 else f"candles of {seconds:g} s"


def _cut_at_gaps(window: Chunk, gap_starts: list[int], after_ns: int | None) -> Iterator[Chunk]:
    """The rows of `window` later than `after_ns`, cut before the first row after each gap."""
    times = window.time_ns
    begin = 0 if after_ns is None else bisect_right(times, after_ns)
    if begin == len(times):
        return
    inside = gap_starts[bisect_left(gap_starts, times[begin]) : bisect_right(gap_starts, times[-1])]
    starts = [bisect_left(times, at_ns) for at_ns in inside]
    edges = sorted({begin, *starts, len(times)})
    after_gap = set(starts)
    for first, end in pairwise(edges):
        if (first, end) == (0, len(times)):
            window.gap_before = first in after_gap
            yield window
            return
        part = slice(first, end)
        yield Chunk(
            times[part],
            window.is_trade[part],
            window.low[part],
            window.high[part],
            window.low_size[part],
            window.high_size[part],
            first in after_gap,
        )

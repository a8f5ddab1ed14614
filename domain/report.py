"""The final report of a run: the JSON that scripts read and the few lines that people read."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from decimal import Decimal

from domain.accounting import Accounting
from domain.market import NANOSECONDS
from domain.orders import Purpose
from domain.status import BotStatus

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Report:
    """One run, in the order in which its keys are written. Base units, quote currency, seconds of the run's own time.

    Money and counts are totals since the journal began. `covered`: sum of what remains in own resting closes.
    `position`: own, signed. None where a value is unknown (no quote) or undefined (no volume, no seed).
    """

    exchange: str
    ticker: str
    seed: int | None
    duration_s: Decimal
    entries: int
    exits: int
    open_closes: int
    position: Decimal
    max_position: Decimal
    covered: Decimal
    volume_quote: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    wear_bps: Decimal | None
    halted: bool
    reason: str
    written_off: Decimal = ZERO
    """Own quantity that somebody else closed at no known price: no result is counted for it."""
    unexplained: Decimal = ZERO
    """Filled quantity whose trades the venue has not shown: no result is counted for it yet."""
    gaps: int = 0
    """Holes in a recorded market over which the clock leapt."""

    @classmethod
    def of(
        cls,
        status: BotStatus,
        accounting: Accounting,
        *,
        seed: int | None,
        duration_ns: int,
        halted: bool,
        gaps: int = 0,
    ) -> Report:
        """The report of a bot in `status` after `duration_ns` of its own time, from running to the stop request."""
        money = status.money
        return cls(
            exchange=status.exchange,
            ticker=status.ticker,
            seed=seed,
            duration_s=seconds(duration_ns),
            entries=money.entries,
            exits=money.exits,
            open_closes=sum(order.purpose is Purpose.CLOSE for order in status.orders),
            position=status.position,
            max_position=accounting.max_position,
            covered=status.covered,
            volume_quote=money.volume_quote,
            fees=money.fees,
            funding=money.funding,
            realized_pnl=money.realized_pnl,
            unrealized_pnl=money.unrealized_pnl,
            wear_bps=money.wear_bps,
            halted=halted,
            reason=status.reason,
            written_off=accounting.written_off,
            unexplained=accounting.unexplained,
            gaps=gaps,
        )

    def to_json(self) -> str:
        """One indented JSON object and a newline: decimals as plain strings, counts as numbers, None as null."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        written = {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
        return json.dumps(written, indent=2) + "\n"

    def to_lines(self) -> tuple[str, ...]:
        """The same for a person, in a few lines; cost per volume in basis points (1/100 %)."""
        unrealized = "unknown (no quote)" if self.unrealized_pnl is None else plain(self.unrealized_pnl)
        wear = "no volume" if self.wear_bps is None else f"{plain(self.wear_bps)} bps"
        lines = [
            f"{self.exchange} {self.ticker}: {'halted' if self.halted else 'ended'} after {span(self.duration_s)}"
            + (f" ({self.reason})" if self.reason else ""),
            f"entries {self.entries}, exits {self.exits}, closes still resting {self.open_closes}",
            f"position {plain(self.position)} (largest {plain(self.max_position)}), covered {plain(self.covered)}",
            f"realized {plain(self.realized_pnl)}, unrealized {unrealized}, "
            f"fees {plain(self.fees)}, funding {plain(self.funding)}",
            f"volume {plain(self.volume_quote)}, cost per volume {wear}",
        ]
        if self.written_off:
            lines.append(f"closed by somebody else at no known price: {plain(self.written_off)}")
        if self.unexplained:
            lines.append(f"filled, but the venue has not shown the trades: {plain(self.unexplained)}")
        if self.gaps:
            lines.append(f"holes in the recorded market: {self.gaps}")
        return tuple(lines)


def plain(value: Decimal) -> str:
    """Every digit that matters, without exponent: `1E+3` is 1000, `0.500` is 0.5. Raises `ValueError` if not finite."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a number")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def seconds(duration_ns: int) -> Decimal:
    """Nanoseconds as exact decimal seconds."""
    whole, rest = divmod(duration_ns, NANOSECONDS)
    return Decimal(f"{whole}.{rest:09d}") if rest else Decimal(whole)


def span(duration_s: Decimal) -> str:
    """A duration in the two largest units that matter: `1d 3h`, `2h 5m`, `4m 10s`, `12s`."""
    left = int(duration_s)
    words: list[str] = []
    for unit_s, letter in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, unit_s)
        if count or words or letter == "s":
            words.append(f"{count}{letter}")
    return " ".join(words[:2])

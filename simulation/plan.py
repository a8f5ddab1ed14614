"""From a seed to the plan of a world: everything about it that is not the bot's own doing. Pure.

The mix: of ten worlds in a row five are the paper exchange's and one is each venue's. 94.8 in 100 last about 20 minutes
of their own time (the median; 3 to 60), 5 last 2 hours, and 2 in 1,000 last a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.market import NANOSECONDS, MarketRules, Side
from domain.stop import StopMode
from markets.instruments import LISTED
from simulation.faults.base import Fault
from simulation.faults.catalogue import BY_NAME, KILLS

PAPER = "paper"
START_NS = 1_700_000_000 * NANOSECONDS
CALM_S = 150
"""The last part of every world: everything is well, and the bot must come to rest."""
_PAGED_NS = 3_600 * NANOSECONDS
_SHARE_WITH_FILES = 0.1
"""Of the worlds; the journal of the others lies in memory."""
_TICKERS = ("ETH", "BTC", "SOL", "XRP", "HYPE")
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the bot. Percentages are percent, `quantity` in base units, `wait_time` in seconds."""

    quantity: Decimal
    take_profit: Decimal
    direction: Side
    max_orders: int
    wait_time: int
    grid_step: Decimal
    boost: bool
    on_stop: StopMode
    stop_offset: Decimal | None = None
    """Where the stop price is, as percent of the first price beyond it; None: off."""
    pause_offset: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """A world before it begins. `rates`: of the faults that can strike in it. Times in nanoseconds."""

    seed: int
    exchange: str
    ticker: str
    settings: Settings
    length_ns: int
    """Of the stormy part; `CALM_S` and the end come after it."""
    latency_ns: int
    stream_delays_ns: tuple[int, int, int, int]
    touch_every_ns: int
    skew_ns: int
    maker_fee_rate: Decimal
    checkpoint_every: int
    """Records of the journal."""
    rates: Mapping[str, float]
    longest_page: int | None = None
    """Of open orders, and of trades and ended orders, in one answer, where the venue has pages and cursors; None: as it
    does."""
    longest_history_page: int | None = None
    allowed: Mapping[str, frozenset[int]] | None = None
    """For each fault the strikes that may happen; None: all."""
    kill_steps: tuple[int, ...] = ()
    """Steps, counted over all processes, before which the one that lives is killed; rising."""
    kills_power: bool = False
    """Whether these deaths are losses of power."""
    has_files: bool = False
    """Whether the journal lies in real files."""

    def lines(self) -> list[str]:
        """For people."""
        s = self.settings
        faults = ", ".join(f"{name} {rate:g}" for name, rate in self.rates.items()) or "none"
        return [
            f"seed {self.seed}: {self.exchange} {self.ticker}, {self.length_ns / 60 / NANOSECONDS:.1f} min, "
            f"{self.latency_ns // _MS} ms each way, venue's clock {self.skew_ns / NANOSECONDS:+.1f} s",
            f"{s.direction.value} {s.quantity}, take-profit {s.take_profit} %, up to {s.max_orders}, "
            f"wait {s.wait_time} s, grid step {s.grid_step} %, boost {s.boost}, on stop {s.on_stop.value}",
            f"faults: {faults}",
        ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for. `exchange` None: the mix; `hours` None: drawn; `faults`: names, of which each world
    draws its own; `kills`: whether processes are killed too."""

    exchange: str | None = None
    hours: Decimal | None = None
    faults: tuple[str, ...] = tuple(BY_NAME)
    kills: bool = False


def draw_plan(seed: int, wanted: Wanted, venues: Sequence[str]) -> WorldPlan:
    """`venues`: those with a client and a twin."""
    chance = Random(f"world {seed}")
    exchange = wanted.exchange or _rotated(seed, venues)
    ticker = chance.choice(_TICKERS)
    length_ns = _length_ns(chance)
    if wanted.hours is not None:
        length_ns = int(wanted.hours * 3_600 * NANOSECONDS)
    latency_ns = chance.choice([1, 20, 50, 100, 150, 250, 400]) * _MS
    delays = [chance.choice([1, 20, 50, 100, 150, 250, 400]) * _MS for _ in range(4)]
    settings = _settings(chance, ticker, exchange)
    longest_page, longest_history_page = _pages(Random(f"{seed} pages"), settings.max_orders, length_ns)
    return WorldPlan(
        seed=seed,
        exchange=exchange,
        ticker=ticker,
        settings=settings,
        length_ns=length_ns,
        latency_ns=latency_ns,
        stream_delays_ns=(delays[0], delays[1], delays[2], delays[3]),
        touch_every_ns=chance.choice([250, 500, 500, 1_000]) * _MS,
        skew_ns=chance.choice([0, 0, 0, chance.randrange(-90_000, 90_000)]) * _MS,
        maker_fee_rate=Decimal(chance.choice(["0", "0.0001"])),
        checkpoint_every=chance.choice([20_000, 20_000, 300, 40]),
        has_files=Random(f"{seed} files").random() < _SHARE_WITH_FILES,
        rates=_rates(seed, wanted, is_paper=exchange == PAPER),
        longest_page=longest_page,
        longest_history_page=longest_history_page,
    )


def _pages(chance: Random, max_orders: int, length_ns: int) -> tuple[int | None, int | None]:
    """In half of the worlds the open orders of a full grid come in two or three answers, and histories in answers of a
    few rows: not in long worlds, whose histories a venue would not tell in so small pieces."""
    answers, history = chance.choice([None, None, 2, 3]), chance.choice([10, 20, 50])
    if answers is None:
        return None, None
    return -(-(max_orders + 1) // answers), history if length_ns <= _PAGED_NS else None


def _rotated(seed: int, venues: Sequence[str]) -> str:
    place = seed % (2 * len(venues))
    return PAPER if place < len(venues) else venues[place - len(venues)]


def _length_ns(chance: Random) -> int:
    kind, minutes = chance.random(), 20 * 3 ** (2 * chance.random() - 1)
    if kind < 0.002:
        return 24 * 3_600 * NANOSECONDS
    return (7_200 if kind < 0.052 else round(minutes * 60)) * NANOSECONDS


def _settings(chance: Random, ticker: str, exchange: str) -> Settings:
    rules = LISTED[ticker].rules(Decimal(0), Decimal(0))
    least = _least_quantity(rules, LISTED[ticker].start_price)
    return Settings(
        quantity=least * chance.choice([1, 1, 2, 5, 10]),
        take_profit=Decimal(chance.choice(["0.005", "0.01", "0.02", "0.02", "0.05", "0.2"])),
        direction=chance.choice(list(Side)),
        max_orders=chance.choice([1, 2, 3, 6, 10, 20]),
        wait_time=chance.choice([4, 20, 20, 60, 450]),
        grid_step=Decimal(chance.choice(["-100", "-100", "-100", "0.01", "0.05"])),
        boost=chance.random() < 0.08 and exchange == PAPER,
        on_stop=chance.choice(list(StopMode)),
        stop_offset=Decimal("0.3") if chance.random() < 0.05 else None,
        pause_offset=Decimal("0.05") if chance.random() < 0.1 else None,
    )


def _least_quantity(rules: MarketRules, price: Decimal) -> Decimal:
    """Twice what the venue demands at this price, in steps."""
    by_notional = rules.quantity_at_or_below(2 * rules.min_notional / price) + rules.quantity_step
    return max(2 * rules.min_quantity, by_notional)


def _rates(seed: int, wanted: Wanted, *, is_paper: bool) -> dict[str, float]:
    """None, low or high for each fault by itself; one world in eight is left quite alone."""
    rates = {}
    is_quiet = Random(f"{seed} quiet").random() < 0.125
    for name, fault in BY_NAME.items():
        drawn = _rate(fault, Random(f"{seed} rate of {name}"))
        is_wanted = name in wanted.faults or (wanted.kills and name in KILLS)
        can_strike = fault.on_paper if is_paper else fault.on_wire
        if drawn and is_wanted and can_strike and not is_quiet:
            rates[name] = drawn
    return rates


def _rate(fault: type[Fault], chance: Random) -> float:
    return chance.choice([0.0, 0.0, 0.0, 0.0, fault.low, fault.low, fault.high])

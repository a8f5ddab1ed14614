"""Sweeping many settings over one market, on as many threads as asked for."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from backtesting.data import BacktestData
from backtesting.settings import BacktestSettings
from backtesting.sweep import layout
from backtesting.sweep.compiled import make_ready
from backtesting.sweep.kernel import run
from backtesting.sweep.layout import Outcome, Role
from backtesting.sweep.tape import Payment, Tape, Tapes, taken, tapes_of, zeros
from backtesting.sweep.terms import NotTold, Terms, terms_of
from domain.accounting import EXACT, wear_bps
from domain.market import Side
from markets.tape import MarketSource, TapeScale

_WHY_NOT = {
    Outcome.FULL: "more orders at once, or trades together, than there is room for",
    Outcome.MARGIN: "equity came close to the margin of an open",
    Outcome.LIQUIDATION: "equity came close to liquidation",
    Outcome.RACE_AT_STOP: "the market moved while the session was ending at its stop price",
    Outcome.REFUSED_CLOSE: "the market ran past a close before it arrived",
    Outcome.REFUSED_AFTER_GAP: "an open was refused after a hole in the data",
    Outcome.NO_LIQUIDITY: "an exit at market found too little",
    Outcome.UNEXPECTED: "orders of several entries were wanted at once",
}
_FIRST_FILLS = 1 << 17
_MOST_FILLS = 1 << 24


@dataclass(frozen=True, slots=True)
class SweepFill:
    """One own trade: venue time in nanoseconds, quote currency, base units.

    `order`: which of the bot's orders filled, counted from 0 in the order in which they were sent, refused ones too.
    """

    time_ns: int
    order: int
    role: Role
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class FillColumns:
    """The same trades, column by column and much faster: prices and quantities in whole units of `scale`, roles as
    numbers of `Role`. An open is a trade of the bot's `direction`, everything else of the other one.
    """

    scale: TapeScale
    direction: Side
    time_ns: array[int]
    price: array[int]
    quantity: array[int]
    order: array[int]
    role: array[int]

    def rows(self) -> Iterator[SweepFill]:
        rows = zip(self.time_ns, self.order, self.role, self.price, self.quantity, strict=True)
        for time_ns, order, number, price, quantity in rows:
            role = Role(number)
            yield SweepFill(
                time_ns=time_ns,
                order=order,
                role=role,
                side=self.direction if role is Role.OPEN else self.direction.opposite,
                price=price * self.scale.price_unit,
                quantity=quantity * self.scale.size_unit,
            )


@dataclass(frozen=True, slots=True)
class SweepResult:
    """One setting's outcome. `why_not` None: this is what the bot would have done, to the last digit.

    Else the setting is to be run with the bot instead (`backtesting.run_backtest`): the sweep met something that it
    does not tell, and every number here is 0.

    Quote currency: `cash` is everything sold less everything bought, `fees` positive when paid, `funding` positive when
    received, `result` = `cash` + `position` x `last_mid` - `fees` + `funding`. `position` is signed, in base units.
    `fills` and `columns`, the same twice, are there when they were asked for.
    """

    settings: BacktestSettings
    why_not: str | None
    orders: int = 0
    trades: int = 0
    cash: Decimal = Decimal(0)
    position: Decimal = Decimal(0)
    volume_quote: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    last_mid: Decimal = Decimal(0)
    columns: FillColumns | None = None

    @property
    def fills(self) -> tuple[SweepFill, ...]:
        """Made anew at each call."""
        return () if self.columns is None else tuple(self.columns.rows())

    @property
    def result(self) -> Decimal:
        with localcontext(EXACT):
            return self.cash + self.position * self.last_mid - self.fees + self.funding

    @property
    def wear_bps(self) -> Decimal | None:
        """Cost per volume, marked to market; None without volume. As in `domain.report.Report`."""
        return wear_bps(self.result, self.volume_quote)


class Sweep:
    """A market made ready for sweeping: reading it takes seconds, each setting then milliseconds.

    Raises `RecordingError` when a file was changed since it was opened, or nothing in it quotes.
    """

    def __init__(self, data: BacktestData, *, room_for_fills: int = _FIRST_FILLS) -> None:
        """`room_for_fills`: how many trades of a setting there is room for at first; more make it run again."""
        self._source: MarketSource = data.source
        self._tapes = tapes_of(data)
        self._room_for_fills = room_for_fills

    def prices(self) -> layout.Ints:
        """The bids of candles in ticks, point by point, as the compiled code reads them."""
        points: layout.Ints = self._tapes.buying.points
        return points

    def run(
        self, settings: Iterable[BacktestSettings], *, threads: int = 1, with_fills: bool = False
    ) -> list[SweepResult]:
        """Every setting's outcome, in the order of `settings`, whatever the number of threads."""
        wanted = list(settings)
        shares = [wanted[begin::threads] for begin in range(max(1, threads))]
        if threads <= 1:
            return self._run_share(wanted, with_fills)
        with ThreadPoolExecutor(threads) as pool:
            done = list(pool.map(lambda share: self._run_share(share, with_fills), shares))
        return [done[index % threads][index // threads] for index in range(len(wanted))]

    def _run_share(self, settings: Sequence[BacktestSettings], with_fills: bool) -> list[SweepResult]:
        bench = _Bench(self._source, self._tapes, self._room_for_fills)
        return [bench.run(setting, with_fills) for setting in settings]


class _Bench:
    """The arrays of one thread."""

    def __init__(self, source: MarketSource, tapes: Tapes, room_for_fills: int) -> None:
        self._source = source
        self._tapes = tapes
        self._fills = room_for_fills
        self._whole = zeros(layout.FILLS_AT + layout.FILL_SIZE * self._fills)
        self._real = zeros(layout.PAYMENTS_AT + 2 * len(tapes.payments), real=True)
        for index, payment in enumerate(tapes.payments):
            self._real[layout.PAYMENTS_AT + 2 * index] = float(payment.rate)
        make_ready(run, tapes.buying.columns, tapes.buying.points, self._real, self._whole)

    def run(self, settings: BacktestSettings, with_fills: bool) -> SweepResult:
        try:
            terms = terms_of(settings, self._source, self._tapes.highest)
        except NotTold as reason:
            return SweepResult(settings, str(reason))
        outcome = self._told(self._tapes.of(settings.direction), terms)
        if outcome is not Outcome.DONE:
            return SweepResult(settings, _WHY_NOT[outcome])
        return self._result(settings, with_fills)

    def _told(self, tape: Tape, terms: Terms) -> Outcome:
        while True:
            begin = (*tape.places, *terms.whole)
            for place, value in enumerate(begin):
                self._whole[place] = value
            for place, real in enumerate(terms.real, layout.BALANCE):
                self._real[place] = real
            outcome = Outcome(run(tape.columns, tape.points, self._real, self._whole))
            has_room = self._whole[layout.FILLS] < self._fills
            if outcome is not Outcome.FULL or has_room or self._fills >= _MOST_FILLS:
                return outcome
            self._fills *= 4
            self._whole = zeros(layout.FILLS_AT + layout.FILL_SIZE * self._fills)

    def _result(self, settings: BacktestSettings, with_fills: bool) -> SweepResult:
        whole, scale, sign = self._whole, self._source.scale, settings.direction.sign
        tape, row = self._tapes.of(settings.direction), int(whole[layout.LAST_ROW])
        doubled_mid = sum(int(tape.columns[int(whole[column]) + row]) for column in (layout.BID_AT, layout.ASK_AT))
        with localcontext(EXACT):
            unit = scale.price_unit * scale.size_unit
            maker, taker = int(whole[layout.MAKER_VOLUME]) * unit, int(whole[layout.TAKER_VOLUME]) * unit
            return SweepResult(
                settings=settings,
                why_not=None,
                orders=int(whole[layout.ORDERS]),
                trades=int(whole[layout.FILLS]),
                cash=int(whole[layout.CASH]) * unit,
                position=sign * int(whole[layout.POSITION]) * scale.size_unit,
                volume_quote=maker + taker,
                fees=maker * settings.maker_fee_rate + taker * settings.taker_fee_rate,
                funding=_funding(self._tapes.payments, self._real, sign, unit),
                last_mid=sign * doubled_mid * scale.price_unit / 2,
                columns=_columns(settings.direction, scale, whole) if with_fills else None,
            )


def _funding(payments: Sequence[Payment], real: Any, sign: int, unit: Decimal) -> Decimal:
    """As `markets.account.Account.receive_funding` counts it."""
    total = Decimal(0)
    for index, payment in enumerate(payments):
        position = int(real[layout.PAYMENTS_AT + 2 * index + 1])
        total -= sign * position * payment.doubled_mid * unit * Decimal("0.5") * payment.rate
    return total


def _columns(direction: Side, scale: TapeScale, whole: Any) -> FillColumns:
    begin, size = layout.FILLS_AT, layout.FILL_SIZE
    end = begin + size * int(whole[layout.FILLS])
    # As `venue.book` writes them: time, price, quantity, order, role.
    time_ns, price, quantity, order, role = (
        taken(whole, begin + place, end, size, direction.sign if place == 1 else 1) for place in range(size)
    )
    return FillColumns(scale, direction, time_ns, price, quantity, order, role)

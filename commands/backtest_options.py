"""What `runbot.py backtest` is asked for: the bot's flags on recorded data, and where the results go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backtesting.settings import BacktestSettings
from commands.flags import FLAGS, Flag
from commands.options import RunOptions
from commands.output_files import check_file
from commands.recorded_flags import DATA, RecordedCommand, parse_recorded
from commands.usage import UsageError, shown
from markets.times import parse_utc

FROM = Flag("from", "WHEN", None, "leave out what lies before: 2024-08-08 or 2024-08-08T23:55, UTC")
TO = Flag("to", "WHEN", None, "leave out what lies at or after it")
FUNDING = Flag(
    "funding", "FILE", None, "recorded funding rates (date, funding_rate as a fraction); without it none is charged"
)

COMMAND = RecordedCommand(
    "backtest",
    "Run the bot over a recorded market, as fast as it goes: the same bot, fills and report as on the paper exchange.",
    (
        DATA,
        FROM,
        TO,
        FUNDING,
        FLAGS["json"],
        Flag("html", "FILE", None, "write a report that opens in a browser, offline"),
        Flag("csv", "FILE", None, "write every own trade, in the columns of the trade log"),
        Flag("plot", "FILE.png", None, "draw price, orders, position and equity (needs matplotlib)"),
    ),
    "Ctrl-C ends the run early; what was done until then is reported.",
)


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """Times in nanoseconds since the epoch; None: not narrowed, not wanted."""

    run: RunOptions
    from_ns: int | None
    to_ns: int | None
    funding: Path | None
    html: Path | None
    csv: Path | None
    plot: Path | None

    def settings(self) -> BacktestSettings:
        """The options of the run as a backtest takes them."""
        return backtest_settings(self.run)


def backtest_settings(run: RunOptions) -> BacktestSettings:
    """The options of a run as a backtest takes them."""
    return BacktestSettings(
        ticker=run.ticker,
        quantity=run.quantity,
        take_profit=run.take_profit,
        direction=run.direction,
        max_orders=run.max_orders,
        wait_time=run.wait_time,
        grid_step=run.grid_step,
        stop_price=run.stop_price,
        pause_price=run.pause_price,
        boost=run.boost,
        on_stop=run.on_stop,
        run_for_ns=run.for_ns,
        maker_fee_rate=run.maker_fee_rate,
        taker_fee_rate=run.taker_fee_rate,
        latency_ns=run.latency_ns,
        balance=run.balance,
        leverage=run.leverage,
    )


def parse_backtest(arguments: Sequence[str]) -> BacktestOptions:
    """Raises `UsageError`, also for an output that could not be written; creates nothing."""
    read = parse_recorded(COMMAND, arguments)
    options = BacktestOptions(
        run=_with_report(read.run, read.own.get("json")),
        from_ns=read.read("from", parse_utc),
        to_ns=read.read("to", parse_utc),
        funding=read.read("funding", _path),
        html=read.read("html", _path),
        csv=read.read("csv", _path),
        plot=read.read("plot", _picture),
    )
    _check_outputs(options)
    return options


def _with_report(run: RunOptions, text: str | None) -> RunOptions:
    if text is None:
        return run
    if not text or "\0" in text:
        raise UsageError(f"--json {shown(text)} is not a path")
    return replace(run, report_on_stdout=text == "-", report_file=None if text == "-" else Path(text))


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("is not a path")
    return Path(text)


def _picture(text: str) -> Path:
    path = _path(text)
    if path.suffix.lower() != ".png":
        raise ValueError("is no PNG; name a file that ends in .png")
    return path


def _check_outputs(options: BacktestOptions) -> None:
    """Every output can be written, and none over another or over the data."""
    wanted = {"json": options.run.report_file, "html": options.html, "csv": options.csv, "plot": options.plot}
    taken = {path.resolve(): "--data" for path in options.run.replay}
    if options.funding is not None:
        taken[options.funding.resolve()] = "--funding"
    for flag, path in wanted.items():
        if path is None:
            continue
        check_file(flag, path)
        if path.exists() and not path.is_file():
            continue  # A device or a pipe takes more than one.
        other = taken.setdefault(path.resolve(), f"--{flag}")
        if other != f"--{flag}":
            raise UsageError(f"--{flag} {shown(str(path))} is the file of {other}; name another")

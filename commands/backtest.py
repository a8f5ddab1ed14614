"""`runbot.py backtest`: the bot over recorded data, and what it would have earned."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from backtesting.data import BacktestData, open_data
from backtesting.result import BacktestResult
from backtesting.run import run_backtest
from commands import interrupts
from commands.backtest_files import check_can_plot, write_csv, write_html, write_plot
from commands.backtest_options import BacktestOptions, parse_backtest
from commands.backtest_text import data_lines, result_lines
from commands.market_check import check_against_rules
from commands.output_files import write_whole
from commands.progress import ProgressBar
from commands.session import Surroundings
from commands.usage import UsageError
from helpers.settings import SettingsError, load_settings
from markets.recordings import RecordingError, parse_market_override
from markets.venue import SimulatedVenue
from trading_bot import Outcome, TradingBot


def backtest(arguments: Sequence[str], around: Surroundings) -> int:
    """Run as asked; the exit status, that of the session. Raises `UsageError`."""
    with interrupts.as_keyboard_interrupts():
        options = parse_backtest(arguments)
        if options.plot is not None:
            check_can_plot()
        say = around.err if options.run.report_on_stdout else around.out
        data = _opened(options)
        _announce(say, [*data_lines(data), *(f"warning: {line}" for line in _warnings(options, data))])
        result, elapsed_s = _ran(options, data, around)
        _announce(say, result_lines(result, elapsed_s))
        return _written(options, result, around) or result.exit_status


def _opened(options: BacktestOptions) -> BacktestData:
    run = options.run
    try:
        return open_data(
            run.replay,
            ticker=run.ticker,
            market=None if run.market is None else parse_market_override(run.market),
            funding=options.funding,
            from_ns=options.from_ns,
            to_ns=options.to_ns,
        )
    except RecordingError as error:
        raise UsageError(str(error).replace("--replay", "--data")) from None


def _warnings(options: BacktestOptions, data: BacktestData) -> list[str]:
    """What the market's first quote says about the options. Raises `UsageError`."""
    venue = SimulatedVenue(data.source, options.settings().account_terms())
    return check_against_rules(options.run, venue.rules, venue.quote_as_of(venue.now_ns))


def _ran(options: BacktestOptions, data: BacktestData, around: Surroundings) -> tuple[BacktestResult, float]:
    """The result, and the seconds it took."""
    say = around.err if options.run.report_on_stdout else around.out

    def conduct(loop: asyncio.AbstractEventLoop, bot: TradingBot) -> Outcome:
        with interrupts.on_loop(loop) as signals:
            _announce(say, ["running; Ctrl-C ends it early and keeps what was done"])
            return signals.run(bot)

    began_s = around.wall_s()
    with _progress(data, around) as progress:
        try:
            result = run_backtest(data, options.settings(), progress=progress, conduct=conduct)
        except RecordingError as error:
            raise UsageError(str(error).replace("--replay", "--data")) from None
    return result, around.wall_s() - began_s


@contextlib.contextmanager
def _progress(data: BacktestData, around: Surroundings) -> Iterator[Callable[[int, int], None]]:
    """A bar over the time that the data cover; holes in them take no time."""
    bar = ProgressBar(around.err, "rows", around.wall_s)
    covered_ns = max(1, data.covered_ns(data.end_ns))
    try:
        yield lambda time_ns, rows: bar.show(data.covered_ns(time_ns) / covered_ns, rows)
    finally:
        bar.close()


def _written(options: BacktestOptions, result: BacktestResult, around: Surroundings) -> int:
    """Write what was asked for; 2 where something could not be, each said in a line of its own."""
    status = 0
    for write in _writers(options, result, around):
        try:
            write()
        except (OSError, ValueError, SettingsError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            where = getattr(error, "filename", None)
            print(f"error: a result cannot be written{f' to {where}' if where else ''}: {reason}", file=around.err)
            status = 2
    return status


def _writers(options: BacktestOptions, result: BacktestResult, around: Surroundings) -> Iterator[Callable[[], None]]:
    run = options.run
    if run.report_on_stdout:
        yield lambda: _print_whole(result.to_json(), around.out)
    if run.report_file is not None:
        path = run.report_file
        yield lambda: write_whole(path, lambda partial: partial.write_text(result.to_json(), encoding="utf-8"))
    if options.csv is not None:
        timezone = load_settings(Path(".env"), around.environment, must_exist=False).timezone
        csv = options.csv
        yield lambda: write_whole(csv, lambda partial: write_csv(result, partial, timezone))
    if options.html is not None:
        html = options.html
        yield lambda: write_whole(html, lambda partial: write_html(result, partial))
    if options.plot is not None:
        plot = options.plot
        yield lambda: write_whole(plot, lambda partial: write_plot(result, partial))


def _print_whole(text: str, out: TextIO) -> None:
    out.write(text)
    out.flush()


def _announce(say: TextIO, lines: Sequence[str]) -> None:
    with contextlib.suppress(OSError):  # Nobody reads; the files are written all the same.
        for line in lines:
            print(line, file=say, flush=True)

"""A search from its flags to its files. Imported only for one: Optuna stands behind it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from backtesting.data import BacktestData, RecordingError
from backtesting.optimize.engines import Engine, open_engine
from backtesting.optimize.finalists import EngineMismatch
from backtesting.optimize.findings import to_json
from backtesting.optimize.markets import DataFiles, Markets
from backtesting.optimize.objectives import Objective
from backtesting.optimize.page import write_page
from backtesting.optimize.search import SCORING, Findings, Plan, Search, about
from backtesting.optimize.space import Values
from backtesting.optimize.storage import StorageError, claim, first_line, masked, open_storage
from backtesting.result import VERSION
from backtesting.run import Conduct
from commands.backtest_text import data_lines
from commands.held import Held
from commands.market_check import check_against_rules
from commands.optimize_options import OptimizeOptions, parse_optimize
from commands.optimize_text import broken_off_lines, findings_lines, plan_lines
from commands.output_files import write_whole
from commands.progress import ProgressBar
from commands.session import Surroundings
from commands.usage import UsageError
from markets.recordings import parse_market_override
from markets.venue import SimulatedVenue

_FASTER = "some hundred times faster with: python -m pip install --require-hashes -r requirements-fast.txt"

Say = Callable[[Sequence[str]], None]


def run_optimize(arguments: Sequence[str], around: Surroundings, conduct: Conduct) -> int:
    """See `commands.optimize`. Raises `UsageError`."""
    options = parse_optimize(arguments)
    say = _speaker(options, around)
    files = _files(options)
    data = _opened(files)
    warnings = _warnings(options, data)
    plan = _plan(options, data)
    storage = _storage(options, plan, data)
    markets = Markets(data, options.seed)
    engine = open_engine(files, markets, options.jobs, conduct)
    bar = ProgressBar(around.err, "runs", around.wall_s)
    search = _search(plan, markets, storage, engine, conduct, bar)
    try:
        say([*data_lines(data), *(f"warning: {line}" for line in warnings), *plan_lines(search, engine.name)])
        if engine.is_the_bot:
            say([_FASTER])
        findings = search.run()
    except KeyboardInterrupt:
        bar.close()
        say(broken_off_lines(search, None if options.storage is None else masked(options.storage)))
        return 0
    except RecordingError as error:
        raise UsageError(str(error)) from None
    except (EngineMismatch, BrokenProcessPool, SQLAlchemyError, OptunaError) as error:
        bar.close()
        print(f"error: {_what_failed(error, options)}", file=around.err)
        return 1
    finally:
        bar.close()
        engine.close()
    say(findings_lines(findings))
    return _written(options, findings, around)


def _what_failed(error: Exception, options: OptimizeOptions) -> str:
    match error:
        case EngineMismatch():
            return str(error)
        case BrokenProcessPool():
            return "a process of the search died, perhaps for lack of memory; give fewer with --jobs"
        case _:
            return f"--storage {masked(options.storage or '')} failed: {first_line(error)}; what it holds is kept"


def _speaker(options: OptimizeOptions, around: Surroundings) -> Say:
    out = around.err if options.json is not None and str(options.json) == "-" else around.out

    def say(lines: Sequence[str]) -> None:
        with contextlib.suppress(OSError):  # Nobody reads; the files are written all the same.
            for line in lines:
                print(line, file=out, flush=True)

    return say


def _files(options: OptimizeOptions) -> DataFiles:
    run = options.run
    try:
        market = None if run.market is None else parse_market_override(run.market)
    except RecordingError as error:
        raise UsageError(str(error)) from None
    return DataFiles(run.replay, run.ticker, market, options.funding, options.from_ns, options.to_ns)


def _opened(files: DataFiles) -> BacktestData:
    try:
        return files.open()
    except RecordingError as error:
        raise UsageError(str(error).replace("--replay", "--data")) from None


def _plan(options: OptimizeOptions, data: BacktestData) -> Plan:
    settings = options.settings()
    least_drawdown = float(data.source.rules.tick_size * settings.quantity)
    return Plan(
        settings=settings,
        space=options.space,
        objective=Objective(options.goal, options.max_wear, least_drawdown),
        sampling=options.sampling,
        trials=options.trials,
        folds=options.folds,
        draws=options.draws if data.is_candles else 0,
        seed=options.seed,
    )


def _warnings(options: OptimizeOptions, data: BacktestData) -> list[str]:
    """What the market's first quote says about the default, and about the nearest take-profit that is searched. Raises
    `UsageError`.
    """
    venue = SimulatedVenue(data.source, options.settings().account_terms())
    quote = venue.quote_as_of(venue.now_ns)
    nearest = [
        part.low
        for dimension in options.space.dimensions
        if dimension.name == "take_profit"
        for part in dimension.alternatives
        if isinstance(part, Values)
    ]
    for take_profit in nearest:
        try:
            check_against_rules(replace(options.run, take_profit=take_profit), venue.rules, quote)
        except UsageError as error:
            raise UsageError(str(error).replace("--take-profit", "--space: take_profit")) from None
    return check_against_rules(options.run, venue.rules, quote)


def _storage(options: OptimizeOptions, plan: Plan, data: BacktestData) -> BaseStorage:
    try:
        with Held():
            storage = open_storage(options.storage)
            claim(storage, about(plan, data, f"{VERSION}.{SCORING}"), options.storage)
    except StorageError as error:
        raise UsageError(str(error)) from None
    return storage


def _search(
    plan: Plan, markets: Markets, storage: BaseStorage, engine: Engine, conduct: Conduct, bar: ProgressBar
) -> Search:
    try:
        with Held():
            return Search(plan, markets, storage, engine, conduct, bar.show, Held)
    except RecordingError as error:
        raise UsageError(str(error)) from None


def _written(options: OptimizeOptions, findings: Findings, around: Surroundings) -> int:
    """2 where something could not be written, each said in a line of its own."""
    status = 0
    for write in _writers(options, findings, around):
        try:
            write()
        except OSError as error:
            reason = error.strerror or str(error)
            print(f"error: a result cannot be written to {error.filename}: {reason}", file=around.err)
            status = 2
    return status


def _writers(options: OptimizeOptions, findings: Findings, around: Surroundings) -> Iterator[Callable[[], object]]:
    json, html = options.json, options.html
    if json is not None and str(json) == "-":
        yield lambda: around.out.write(to_json(findings))
    elif json is not None:
        yield lambda: write_whole(json, lambda partial: partial.write_text(to_json(findings), encoding="utf-8"))
    if html is not None:
        yield lambda: write_whole(html, lambda partial: write_page(findings, partial))

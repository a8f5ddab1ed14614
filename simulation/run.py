"""One world from its plan to its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from domain.accounting import Accounting
from domain.market import NANOSECONDS, MarketRules
from domain.stop import StopMode
from exchanges.paper import StreamDelays
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import LISTED
from simulation.auditor import Auditor, AuditTerms, Deadlines
from simulation.faults.catalogue import Storm, faults_of
from simulation.file_disk import FileDisk
from simulation.life import Household, Process
from simulation.observed import Carried, Observation, StopAsked, Violation
from simulation.plan import CALM_S, PAPER, START_NS, WorldPlan
from simulation.scribe import Scribe
from simulation.worlds.base import SimulatedWorld, VenueLimits
from simulation.worlds.loop import Livelock
from simulation.worlds.paper import PaperSimulation
from simulation.worlds.twin import Pages, TwinSimulation
from strategies.take_profit_grid.config import OFF, TradingConfig
from strategies.take_profit_grid.state import GridState

_STOP_WITHIN_S = 60
_AFTERWARDS_S = 45
_FOUND_OUT_S, _MORE_S_PER_ORDER = 30, 2
_AGAIN_S = 10
_NARROW_REQUESTS = 60
"""After a start every order may have to be asked for. A venue that takes so few requests in a minute (of which a start
needs a good part) cannot take them all within `_FOUND_OUT_S`; and where it takes closes away, the position that must
be read before they are replaced may have to wait for room, up to `_AGAIN_S`."""
_NARROW_CANCELS = 5
"""A cancel and a question for each, and a look before and after, are 16 of the 18 requests of a stop's 18 s there."""
_TAKER_FEE = Decimal("0.0005")
_BALANCE = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class WorldResult:
    """What became of a world; small enough to be sent between processes. Times in nanoseconds of the world."""

    seed: int
    exchange: str
    trace: str
    violations: tuple[Violation, ...]
    simulated_ns: int
    lives: int
    steps: int
    fired: dict[str, int]
    strikes: dict[str, tuple[int, ...]] = field(repr=False)
    """The numbers of the strikes of each fault."""
    times_to_cover_ns: tuple[int, ...] = field(repr=False)
    recovery_times_ns: tuple[int, ...] = field(default=(), repr=False)
    stall_times_ns: tuple[int, ...] = ()
    hindered_stall_times_ns: tuple[int, ...] = ()
    requests: int = 0
    requests_of: dict[str, int] = field(default_factory=dict, repr=False)
    """By the client's primitives."""
    halts: int = 0
    on_wire: int = 0
    """Requests that left for the venue, those included that a client sends by itself; 0 where there is no wire."""
    entries: int = 0
    story: tuple[tuple[int, Observation], ...] = field(default=(), repr=False)
    """What was seen until the first violation."""


def run_world(plan: WorldPlan) -> WorldResult:
    """Live it through."""
    terms = AccountTerms(_BALANCE, maker_fee_rate=plan.maker_fee_rate, taker_fee_rate=_TAKER_FEE)
    instrument = LISTED[plan.ticker]
    market = GeneratedMarket(instrument, plan.seed, START_NS, plan.maker_fee_rate, _TAKER_FEE)
    storm = Storm(faults_of(plan.seed, plan.rates, plan.allowed))
    world = _world(plan, market, terms)
    home = Household(
        world,
        storm,
        lambda rules: _config(plan, rules, instrument.start_price),
        plan.checkpoint_every,
        plan.kill_steps,
        kills_power=plan.kills_power,
        disk=FileDisk() if plan.has_files else None,
    )
    world.way = storm
    world.set_mood(storm)
    storm.begin(home)
    try:
        _live(home, plan)
    except Livelock as error:
        world.scribe.violate("L4", str(error))
    finally:
        home.end()
    world.scribe.finish()
    return _result(plan, home)


def _live(home: Household, plan: WorldPlan) -> None:
    world = home.world
    home.run_until(START_NS + plan.length_ns)
    home.calm()
    home.run_until(world.now_ns + CALM_S * NANOSECONDS)
    if home.process is None:
        home.start_soon()
        home.run_until(world.now_ns + _AFTERWARDS_S * NANOSECONDS)
    _stop(home, plan.settings.on_stop)
    home.run_until(world.now_ns + _AFTERWARDS_S * NANOSECONDS)
    _stop(home, StopMode.KEEP)


def _stop(home: Household, mode: StopMode) -> None:
    """Ask the process that lives to stop, and hold what it believed against what it wrote down."""
    process = home.process
    if process is None or process.bot is None:
        return
    home.scribe.tell(StopAsked(mode.value))
    process.bot.request_stop("the world ends", mode)
    home.restarts = False
    home.run_until(home.world.now_ns + _STOP_WITHIN_S * NANOSECONDS)
    home.restarts = True
    home.start_soon()
    if home.process is process:
        home.scribe.violate("L6", f"the bot did not end within {_STOP_WITHIN_S} s of being asked to stop")
        return
    _check_replay(home, process)


def _check_replay(home: Household, process: Process) -> None:
    """S14: replaying the journal gives what the bot believed."""
    bot = process.bot
    assert bot is not None, "it ran"
    state, accounting = GridState(bot.config.direction), Accounting()
    for record in home.disk.records():
        state.apply(record)
        accounting.apply(record)
    believed, replayed = _beliefs(bot.state), _beliefs(state)
    if believed != replayed:
        home.scribe.violate("S14", f"the journal replays to {replayed}, the bot believed {believed}")
    mid = Decimal(100)
    if accounting.statement(mid) != bot.accounting.statement(mid):
        home.scribe.violate("S14", "the journal replays to other accounts than the bot kept")


def _beliefs(state: GridState) -> tuple[object, ...]:
    return state.own, state.covered, sorted(state.live), state.halted


def _world(plan: WorldPlan, market: GeneratedMarket, terms: AccountTerms) -> SimulatedWorld:
    def make_scribe(now_ns: Callable[[], int], secrets: Sequence[str], limits: VenueLimits) -> Scribe:
        audit_terms = _audit_terms(plan, market.rules, terms, limits)
        return Scribe(Auditor(replace(audit_terms, secrets=tuple(secrets))), now_ns)

    if plan.exchange == PAPER:
        return PaperSimulation(market, terms, plan.latency_ns, StreamDelays(*plan.stream_delays_ns), make_scribe)
    return TwinSimulation(
        plan.exchange,
        plan.ticker,
        market,
        terms,
        plan.seed,
        plan.latency_ns,
        plan.skew_ns,
        plan.touch_every_ns,
        Pages(plan.longest_page, plan.longest_history_page),
        make_scribe,
    )


def _audit_terms(plan: WorldPlan, rules: MarketRules, terms: AccountTerms, limits: VenueLimits) -> AuditTerms:
    settings = plan.settings
    is_narrow = limits.requests_per_minute is not None and limits.requests_per_minute <= _NARROW_REQUESTS
    return AuditTerms(
        direction=settings.direction,
        quantity=settings.quantity,
        max_orders=settings.max_orders,
        take_profit=settings.take_profit,
        rules=replace(rules, maker_fee_rate=terms.maker_fee_rate, taker_fee_rate=terms.taker_fee_rate),
        wait_time_s=settings.wait_time,
        boost=settings.boost,
        answers_prove=plan.exchange == PAPER,
        confirms_ends=True,
        price_band=limits.price_band,
        most_cancels=_NARROW_CANCELS if is_narrow else None,
        deadlines=_narrow_deadlines(settings.max_orders) if is_narrow else Deadlines(),
        expects_progress=settings.grid_step == -100 and settings.stop_offset is None and settings.pause_offset is None,
    )


def _narrow_deadlines(max_orders: int) -> Deadlines:
    return Deadlines(again_s=_AGAIN_S, unknown_s=_FOUND_OUT_S + _MORE_S_PER_ORDER * max_orders)


def _config(plan: WorldPlan, rules: MarketRules, price: Decimal) -> TradingConfig:
    settings = plan.settings

    def level(offset: Decimal | None) -> Decimal:
        return OFF if offset is None else price * (1 + settings.direction.sign * offset / 100)

    return TradingConfig(
        ticker=plan.ticker,
        contract_id=rules.contract_id,
        quantity=settings.quantity,
        take_profit=settings.take_profit,
        tick_size=rules.tick_size,
        direction=settings.direction,
        max_orders=settings.max_orders,
        wait_time=Decimal(settings.wait_time),
        exchange=plan.exchange,
        grid_step=settings.grid_step,
        stop_price=level(settings.stop_offset),
        pause_price=level(settings.pause_offset),
        boost_mode=settings.boost,
    )


def _result(plan: WorldPlan, home: Household) -> WorldResult:
    scribe, auditor = home.scribe, home.scribe.auditor
    return WorldResult(
        seed=plan.seed,
        exchange=plan.exchange,
        trace=scribe.trace,
        violations=tuple(scribe.violations),
        simulated_ns=home.world.now_ns - START_NS,
        lives=home.lives,
        steps=home.steps,
        fired={fault.name: len(fault.strikes.struck) for fault in home.storm.faults if fault.strikes.struck},
        strikes={fault.name: tuple(fault.strikes.struck) for fault in home.storm.faults},
        times_to_cover_ns=tuple(auditor.times_to_cover_ns),
        recovery_times_ns=tuple(auditor.recovery_times_ns),
        stall_times_ns=tuple(auditor.stall_times_ns),
        hindered_stall_times_ns=tuple(auditor.hindered_stall_times_ns),
        requests=sum(auditor.requests.values()),
        requests_of=dict(auditor.requests_of),
        halts=auditor.halts,
        on_wire=scribe.told[Carried.__name__],
        entries=auditor.entries_filled,
        story=tuple(scribe.at_violation),
    )


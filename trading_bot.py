"""The bot: takes an event, writes it down, lets the strategy decide, writes the intents down, performs them.

One task owns the state. Everything else (the venue's streams, requests under way, timers, signals) only puts something
into the inbox or sets the wake-up event; nothing polls. The loop body is the whole life of the bot:

    inbox -> journal -> state -> decide -> journal -> perform -> wait until something happens or is due

The venue is asked (`bot.inquiry`) after every start and every reconnect, whenever something is owed that only it can
answer, and now and then to make sure; until it has answered, nothing is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from bot.adoption import Adoption
from bot.decider import Decider
from bot.ending import Ending, Outcome, resting_closes
from bot.inquiry import Inquiry
from bot.intake import Intake
from bot.lag import LagWatch
from bot.observers import Observer, ObserverHub
from bot.oversight import Oversight
from bot.performer import Performer
from bot.picture import picture, start_text
from bot.recorder import Recorder
from bot.settings import BotSettings
from bot.tasks import Alarm, Tasks, described
from domain.accounting import Accounting
from domain.clock import Clock
from domain.events import (
    Fill,
    Halted,
    JournalBegan,
    OrderUpdate,
    SessionEnded,
    SessionStarted,
    StreamLost,
    StreamRestored,
    VenueEvent,
)
from domain.market import NANOSECONDS, MarketRules
from domain.orders import OrderStatus
from domain.status import BotStatus, Notice, NoticeKind, Phase
from domain.stop import StopMode
from exchanges.base import BaseExchangeClient
from exchanges.errors import ExchangeError, Misconfigured
from helpers.journal import Journal
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import Situation, TakeProfitGrid
from strategies.take_profit_grid.guards import Guard
from strategies.take_profit_grid.state import GridState

__all__ = ["BotSettings", "Outcome", "TradingBot"]

_INBOX_LIMIT = 10_000
_MOVES = (OrderUpdate, Fill, StreamLost, StreamRestored)
"""Events beside which a reading of the venue may be out of date before it is taken in."""
_TRADES_SETTLE_NS = 2 * NANOSECONDS
"""A filled total may be ahead of its trades this long before they are asked for."""
_BREAK_OFF_WITHIN_S = 5


class TradingBot:
    """One bot: one strategy on one market of one account."""

    def __init__(
        self,
        config: TradingConfig,
        rules: MarketRules,
        client: BaseExchangeClient,
        journal: Journal,
        clock: Clock,
        chance: Random,
        settings: BotSettings,
        observers: Sequence[Observer] = (),
    ) -> None:
        """`client` is connected, `rules` are what it said. `chance` draws the first client id of a new journal."""
        self.config = config
        self.state = GridState(config.direction)
        self.accounting = Accounting()
        self._client = client
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._inbox: deque[VenueEvent] = deque()
        self._moves = 0
        self._wake = asyncio.Event()
        self._alarm = Alarm(clock, self._wake)
        self._tasks = Tasks(self._wake, self._fail)
        self._started_ns: int | None = None
        self._has_ended = False
        self._hub = ObserverHub(observers)
        self._recorder = Recorder(journal, self.state, self.accounting, self._hub, settings.checkpoint_every)
        self._lag = LagWatch(clock, self._info, self._wake.set, client.quote)
        self._build(rules)

    def _build(self, rules: MarketRules) -> None:
        """The parts that know each other."""
        state, recorder, clock = self.state, self._recorder, self._clock
        self._strategy = TakeProfitGrid(self.config, rules, self._client.capabilities.max_order_life_s)
        self._inquiry = Inquiry(
            self._client,
            state,
            recorder,
            Adoption(state, recorder, clock, self._strategy.prices.fill_price_of, self._info),
            clock,
            rules=lambda: self._strategy.rules,
            moves=lambda: self._moves + recorder.memory.order_events,
            heard=lambda: self._moves,
            learn=self._learn,
            tell=self._info,
            in_flight=lambda client_id: client_id in self._performer.in_flight,
        )
        self._performer = Performer(
            self._client, state, recorder, self._inquiry, clock, self._put, self._tasks.start, self._tasks.spawn
        )
        self._oversight = Oversight(
            self._inquiry,
            state,
            recorder,
            Guard(self.config.quantity),
            clock,
            self._settings.look_every_s,
            self._say,
            self._halt,
        )
        self._intake = Intake(
            state, self._strategy, recorder, self._inquiry, self._oversight, self._say, self._halt, self.request_stop
        )
        self._ending = Ending(
            state, self._strategy, recorder, self._inquiry, self._oversight, clock, self._client.quote
        )
        self._decider = Decider(
            self._client,
            state,
            self._strategy,
            recorder,
            self._performer,
            self._oversight,
            clock,
            self._situation,
            self._say,
            self.request_stop,
        )

    # --- the outside --------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Trade until asked to stop.

        Raises `JournalDamaged`, `JournalUnwritable` or `Unavailable` before the first order only.
        """
        self._hub.start()
        try:
            if not await self._begin():
                return self._never_began()
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001 - the root of the bot: what nobody expected ends the run.
                await self._break_off(error)
            return self._end()
        finally:
            self._alarm.set(None)
            self._lag.stop()
            await self._tasks.end()
            self._hub.close()

    def request_stop(self, reason: str, mode: StopMode | None = None) -> None:
        """End gracefully: no new opens, settle what is under way, leave things as `--on-stop` says, verify, return."""
        if self._ending.mode is None:
            self._ending.ask(reason, mode or self._settings.on_stop)
            self._wake.set()

    def abandon(self) -> None:
        """Return at once, whatever is under way (a second Ctrl-C); what is open is listed in the outcome."""
        self.request_stop("interrupted twice")
        self._ending.is_abandoned = True
        self._wake.set()

    def status(self) -> BotStatus:
        """A picture of now, for views and reports. O(live orders)."""
        return picture(
            self.config,
            self.state,
            self.accounting,
            self._decider.decision,
            self._client.quote(),
            now_ns=self._clock.now_ns(),
            phase=self._phase(),
            mode=self._settings.mode,
            connected_since_ns=self._intake.connected_since_ns,
            reason=self.state.halted or self._ending.reason,
        )

    def resting_closes(self) -> Decimal:
        """Sum of what remains in own closes that the venue holds, in base units."""
        return resting_closes(self.state)

    def _phase(self) -> Phase:
        if self._has_ended:
            return Phase.ENDED
        if self._has_halted():
            return Phase.HALTING
        if self._ending.mode is not None:
            return Phase.STOPPING
        if self._started_ns is None:
            return Phase.STARTING
        return Phase.PAUSED if self._decider.is_paused else Phase.RUNNING

    # --- start --------------------------------------------------------------------------------------------------

    async def _begin(self) -> bool:
        """Replay, name what is foreign, and plan the first look; nothing is opened before it.

        False: the end was asked for before a new journal had begun, and so before anything could be sent.
        """
        records = self._recorder.replay()
        if self._recorder.passed_over:
            self._info(self._recorder.passed_over)
        self._client.setup_order_update_handler(self._receive)
        now_ns = self._clock.now_ns()
        self._intake.connected_since_ns = now_ns
        if not records:
            position = self._client.get_account_positions
            foreign = await self._tasks.unless(lambda: self._ending.mode is not None, position)
            if foreign is None:
                return False
            now_ns = self._clock.now_ns()
            first_id = self._chance.randrange(1 << 8, 1 << (self._client.capabilities.client_id_bits - 1))
            self._recorder.begin(JournalBegan(now_ns, first_id, foreign, repr(self.config)))
            if foreign:
                self._info(f"a position of {foreign} was there before this bot; it is foreign and left alone")
        self._recorder.note(SessionStarted(now_ns, repr(self.config)))
        self._recorder.reserve_ids(now_ns)
        self._oversight.started_halted = self.state.halted is not None
        self._oversight.events_missed = records > 0
        for order in self.state.live.values():
            if order.status is not OrderStatus.OPEN:
                self._inquiry.ask_later(order.client_id, 0, cancel_over=True)
        self._started_ns = now_ns
        self._oversight.want()
        if self._settings.watches_lag:
            self._lag.start()
        self._say(NoticeKind.START, start_text(self.config, self.state, self._settings.mode, continues=records > 0))
        return True

    def _never_began(self) -> Outcome:
        """Nothing was sent and nothing is written: the next start is the first."""
        self._has_ended = True
        self._say(NoticeKind.STOP, self._ending.reason)
        return Outcome(0, self._ending.reason, (), 0)

    # --- one step -----------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not self._ending.is_over():
            self._wake.clear()
            self._take_in()
            await self._decider.decide()
            self._recorder.prepare(self._clock.now_ns(), self._wake.set)
            self._ask_and_look()
            self._set_timer()
            if not self._ending.is_over():
                await self._wake.wait()

    def _take_in(self) -> None:
        """Everything that came, and what the time brings."""
        while self._inbox:
            self._intake.take(self._inbox.popleft())
        if (news := self._recorder.tend(self._clock.now_ns())) is not None:
            self._say(*news)
        self._stop_when_time_is_up()
        self._inquiry.forget_answered()
        for client_id in self.state.unexplained:
            if client_id not in self._inquiry.questions:
                self._inquiry.ask_later(client_id, _TRADES_SETTLE_NS)
        self._oversight.tend()

    def _receive(self, event: VenueEvent) -> None:
        """The client's handler: on the event loop, and never more than an append."""
        if len(self._inbox) >= _INBOX_LIMIT:
            self._inbox.clear()
            self._put(StreamLost(event.at_ns, "more events than could be taken in"))
            self._put(StreamRestored(event.at_ns))
        self._put(event)

    def _put(self, event: VenueEvent) -> None:
        self._inbox.append(event)
        if isinstance(event, _MOVES):
            self._moves += 1
        self._wake.set()

    def _learn(self, *facts: VenueEvent) -> None:
        """What the venue answered when it was asked counts like what its streams tell."""
        for fact in facts:
            self._intake.take(fact)
        self._wake.set()

    def _stop_when_time_is_up(self) -> None:
        due_ns = self._time_is_up_ns()
        if self._ending.mode is None and due_ns is not None and self._clock.now_ns() >= due_ns:
            # A timer may be late by a nanosecond; the session's length is what was asked for.
            self._ending.ask("the session's time is up", self._settings.on_stop, due_ns)

    def _time_is_up_ns(self) -> int | None:
        if self._settings.run_for_ns is None or self._started_ns is None:
            return None
        return self._started_ns + self._settings.run_for_ns

    def _situation(self) -> Situation:
        return Situation(
            now_ns=self._clock.now_ns(),
            quote=self._client.quote(),
            connected=self._intake.connected_since_ns is not None,
            look=self._oversight.newest(),
            look_failed=self._oversight.failed,
            suspicion=self._oversight.suspicion,
            trouble=self._recorder.trouble or self._lag.trouble(),
            stopping=self._ending.mode,
            recovering=not self._oversight.has_looked,
        )

    # --- asking the venue ---------------------------------------------------------------------------------------

    def _ask_and_look(self) -> None:
        """Also while the streams are lost: requests may well pass, and what fills meanwhile is covered."""
        for client_id in self._inquiry.due():
            self._inquiry.asking.add(client_id)  # From now on, though the task has yet to begin.
            self._tasks.spawn(self._inquiry.ask(client_id))
        if self._ending.is_settled() and not self._ending.is_verified():
            self._oversight.need()
        self._oversight.glance_beside(self._tasks.spawn)
        self._oversight.begin(self._tasks.spawn)

    def _halt(self, reason: str) -> None:
        """No more opens; covering is finished, the closes stay, whatever stop was under way."""
        if self._has_halted() or self._has_ended:
            return
        self._oversight.started_halted = False
        self._recorder.note(Halted(self._clock.now_ns(), reason))
        self._say(NoticeKind.HALT, reason)
        self._ending.ask(f"halted: {reason}", StopMode.KEEP)
        self._wake.set()

    def _has_halted(self) -> bool:
        """Whether this session halted; a halt before this start only keeps it from opening."""
        return self.state.halted is not None and not self._oversight.started_halted

    # --- tasks and time -----------------------------------------------------------------------------------------

    def _fail(self, error: BaseException) -> None:
        """A task ended in an error nobody expected: stop opening, keep covering, end with the reason."""
        self._halt(str(error) if isinstance(error, Misconfigured) else described(error))

    def _set_timer(self) -> None:
        """Sleep until the earliest moment at which anything is due."""
        due = [self._recorder.retry_ns, self._oversight.due_ns(), self._inquiry.next_due_ns()]
        due.append(self._time_is_up_ns() if self._ending.mode is None else self._ending.deadline_ns)
        due.append(None if self._decider.decision is None else self._decider.decision.wake_ns)
        self._alarm.set(min((at_ns for at_ns in due if at_ns is not None), default=None))

    # --- the end ------------------------------------------------------------------------------------------------

    async def _break_off(self, error: Exception) -> None:
        """The bot itself is broken: it decides nothing any more, and only takes its open away if it can."""
        self._halt(described(error))
        self._ending.is_abandoned = True
        with contextlib.suppress(ExchangeError, TimeoutError):
            async with asyncio.timeout(_BREAK_OFF_WITHIN_S):
                for order in list(self.state.live_opens.values()):
                    await self._client.cancel_order(order.client_id, order.order_id)

    def _end(self) -> Outcome:
        """Say how it ended, and write it down."""
        now_ns = self._clock.now_ns()
        ending, halted = self._ending, self._has_halted()
        self._recorder.retry()
        unconfirmed = ending.conclude()
        exit_status = 1 if halted else 3 if unconfirmed else 0
        reason = f"halted: {self.state.halted}" if halted else ending.reason
        self._recorder.note(SessionEnded(now_ns, exit_status, reason))
        self._recorder.sync()
        self._has_ended = True
        self._say(NoticeKind.STOP, reason if not unconfirmed else f"{reason}; unconfirmed: {'; '.join(unconfirmed)}")
        asked_ns, started_ns = ending.asked_ns or now_ns, self._started_ns or now_ns
        return Outcome(exit_status, reason, unconfirmed, max(0, asked_ns - started_ns))

    def _say(self, kind: NoticeKind, text: str) -> None:
        self._hub.said(Notice(self._clock.now_ns(), kind, text))

    def _info(self, text: str) -> None:
        self._say(NoticeKind.INFO, text)

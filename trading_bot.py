"""The bot: takes an event, writes it down, lets the strategy decide, writes the intents down, performs them.

One task owns the state. Everything else (the venue's streams, requests under way, timers, signals) only puts something
into the inbox or sets the wake-up event; nothing polls. The loop body is the whole life of the bot:

    inbox -> journal -> state -> decide -> journal -> perform -> wait until something happens or is due

The venue is asked (`bot.inquiry`) after every start and every reconnect, whenever something is owed that only it can
answer, and now and then to make sure; until it has answered, nothing is opened.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from bot.inquiry import Inquiry
from bot.observers import Observer, ObserverHub
from bot.oversight import Oversight
from bot.performer import Performer
from bot.recorder import Recorder
from domain.accounting import Accounting
from domain.clock import Clock
from domain.commands import (
    AbandonEntry,
    CancelOrder,
    Command,
    Decision,
    LapseWaiver,
    PlaceClose,
    PlaceExit,
    PlaceOpen,
    RequestStop,
)
from domain.events import (
    EntryAbandoned,
    Fill,
    FundingPayment,
    Halted,
    JournalBegan,
    MarketEnded,
    OrderUpdate,
    PositionUpdate,
    QuoteMoved,
    RulesChanged,
    SessionEnded,
    SessionStarted,
    StreamLost,
    StreamRestored,
    VenueEvent,
    WaiverLapsed,
)
from domain.market import NANOSECONDS, MarketRules
from domain.orders import OrderStatus, Purpose
from domain.status import BotStatus, LiveOrder, Notice, NoticeKind, Phase
from domain.stop import StopMode
from exchanges.base import BaseExchangeClient
from exchanges.errors import Misconfigured
from helpers.journal import Journal
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import Situation, TakeProfitGrid
from strategies.take_profit_grid.guards import CONFIRM_AFTER_NS, Guard
from strategies.take_profit_grid.state import ZERO, GridState

_INBOX_LIMIT = 10_000
_MOST_DECISIONS_PER_STEP = 1_000
_TRADES_SETTLE_NS = 2 * NANOSECONDS
"""A filled total may be ahead of its trades this long before they are asked for."""
_RETRY_JOURNAL_NS = 5 * NANOSECONDS
_STOP_WITHIN_NS = 15 * NANOSECONDS
_REFUSALS_WORTH_A_NOTICE = 3


@dataclass(frozen=True, slots=True)
class BotSettings:
    """How a session runs; none of it changes what the strategy wants."""

    mode: str
    """What is shown to people: "paper, 4 x real time", "live, mainnet"."""
    on_stop: StopMode = StopMode.KEEP
    run_for_ns: int | None = None
    """Stop by itself after this much of the bot's own time."""
    look_every_s: int = 60
    """Seconds between looks at the venue that nothing calls for, while orders move."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended.

    `exit_status` as in `docs/OPERATING.md`; `unconfirmed`: what could not be proven on the venue.
    """

    exit_status: int
    reason: str
    unconfirmed: tuple[str, ...]
    duration_ns: int


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
        self._strategy = TakeProfitGrid(config, rules)
        self._client = client
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._hub = ObserverHub(observers)
        self._recorder = Recorder(journal, self.state, self.accounting, self._hub)
        self._inquiry = Inquiry(client, self.state, self._recorder, clock, tell=self._info)
        self._performer = Performer(
            client, self.state, self._recorder, self._inquiry, clock, self._receive, self._spawn
        )
        self._oversight = Oversight(
            self._inquiry,
            self.state,
            self._recorder,
            Guard(config.quantity),
            clock,
            settings.look_every_s,
            self._say,
            self._halt,
        )
        self._inbox: deque[VenueEvent] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: set[int] = set()
        self._connected_since_ns: int | None = None
        self._retry_journal_ns: int | None = None
        self._started_ns = 0
        self._stopping: StopMode | None = None
        self._stop_reason = ""
        self._stopped_ns: int | None = None
        self._abandoned = False
        self._paused = False
        self._decision: Decision | None = None
        self._phase = Phase.STARTING

    # --- the outside --------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Trade until asked to stop.

        Raises `JournalDamaged`, `JournalUnwritable` or `Unavailable` before the first order only.
        """
        self._hub.start()
        try:
            await self._begin()
            while not self._is_over():
                self._wake.clear()
                self._step()
                self._set_timer()
                if not self._is_over():
                    await self._wake.wait()
            return self._end()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for task in self._tasks:
                task.cancel()
            self._hub.close()

    def request_stop(self, reason: str, mode: StopMode | None = None) -> None:
        """End gracefully: no new opens, settle what is under way, leave things as `--on-stop` says, verify, return."""
        if self._stopping is not None:
            return
        self._stopping = mode or self._settings.on_stop
        self._stop_reason = reason
        self._stopped_ns = self._clock.now_ns()
        self._phase = Phase.HALTING if self._has_halted() else Phase.STOPPING
        self._wake.set()

    def abandon(self) -> None:
        """Return at once, whatever is under way (a second Ctrl-C); what is open is listed in the outcome."""
        self.request_stop("interrupted twice")
        self._abandoned = True
        self._wake.set()

    def status(self) -> BotStatus:
        """A picture of now, for views and reports. O(live orders)."""
        state = self.state
        quote = self._client.quote()
        mid = quote.mid if quote is not None and quote.is_usable else None
        decision = self._decision
        orders = tuple(
            LiveOrder(
                order.client_id,
                order.order_id,
                order.purpose,
                order.side,
                order.price,
                order.quantity,
                order.filled,
                order.status,
                order.intended_ns,
            )
            for order in state.live.values()
        )
        return BotStatus(
            now_ns=self._clock.now_ns(),
            phase=Phase.PAUSED if self._phase is Phase.RUNNING and self._paused else self._phase,
            exchange=self.config.exchange,
            ticker=self.config.ticker,
            mode=self._settings.mode,
            direction=self.config.direction,
            connected_since_ns=self._connected_since_ns,
            quote=quote,
            position=state.own * state.side.sign,
            foreign_position=state.foreign_position,
            covered=self.resting_closes(),
            open_entries=len(state.unclosed),
            max_orders=self.config.max_orders,
            orders=orders,
            money=self.accounting.statement(mid),
            next_action=decision.next_action if decision is not None else "connect and ask the venue",
            holds=decision.holds if decision is not None else (),
            reason=state.halted or self._stop_reason,
        )

    def resting_closes(self) -> Decimal:
        """Sum of what remains in own closes that the venue holds, in base units."""
        resting = (OrderStatus.OPEN, OrderStatus.CANCELLING)
        closes = (order for order in self.state.live.values() if order.purpose is Purpose.CLOSE)
        return sum((order.remaining for order in closes if order.status in resting), ZERO)

    # --- start --------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Replay, name what is foreign, and plan the first look; nothing is opened before it."""
        records = self._recorder.replay()
        self._client.setup_order_update_handler(self._receive)
        now_ns = self._clock.now_ns()
        self._connected_since_ns = now_ns
        if not records:
            foreign = await self._client.get_account_positions()
            first_id = self._chance.randrange(1 << 8, 1 << (self._client.capabilities.client_id_bits - 1))
            self._recorder.begin(JournalBegan(now_ns, first_id, foreign, repr(self.config)))
            if foreign:
                self._info(f"a position of {foreign} was there before this bot; it is foreign and left alone")
        self._recorder.note(SessionStarted(now_ns, repr(self.config)))
        self._recorder.reserve_ids(now_ns)
        self._oversight.started_halted = self.state.halted is not None
        for order in self.state.live.values():
            if order.status is not OrderStatus.OPEN:
                self._inquiry.ask_later(order.client_id, 0, cancel_answered=True)
        self._started_ns = now_ns
        self._oversight.want()
        self._phase = Phase.RUNNING
        self._say(NoticeKind.START, self._start_text(records))

    def _start_text(self, records: int) -> str:
        config = self.config
        text = (
            f"{config.exchange} {config.ticker}: {config.direction.value} {config.quantity}, "
            f"take-profit {config.take_profit} %, up to {config.max_orders} entries ({self._settings.mode})"
        )
        if records:
            text += f"; continuing with own position {self.state.own} and {len(self.state.live)} live orders"
        if self.state.halted is not None:
            text += f"; the last session halted: {self.state.halted}"
        return text

    # --- one step -----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Everything that can be done now without waiting."""
        while self._inbox:
            self._handle(self._inbox.popleft())
        self._recorder.reserve_ids(self._clock.now_ns())
        self._retry_journal()
        self._stop_when_time_is_up()
        self._inquiry.forget_answered()
        for client_id in self.state.unexplained:
            if client_id not in self._inquiry.questions:
                self._inquiry.ask_later(client_id, _TRADES_SETTLE_NS)
        self._decide()
        self._ask_and_look()

    def _receive(self, event: VenueEvent) -> None:
        """The client's handler: on the event loop, and never more than an append."""
        if len(self._inbox) >= _INBOX_LIMIT:
            self._inbox.clear()
            self._inbox.append(StreamLost(event.at_ns, "more events than could be taken in"))
            self._inbox.append(StreamRestored(event.at_ns))
        self._inbox.append(event)
        self._wake.set()

    def _handle(self, event: VenueEvent) -> None:
        match event:
            case OrderUpdate() | Fill():
                if self.state.owns(event.client_id) or (isinstance(event, Fill) and event.forced):
                    self._note_order(event)
            case FundingPayment():
                self._recorder.note(event)
            case RulesChanged():
                self._recorder.note(event)
                self._strategy.rules = event.rules
                self._info(f"the venue's rules changed: tick {event.rules.tick_size}, step {event.rules.quantity_step}")
            case PositionUpdate():
                own = (event.quantity - self.state.foreign_position) * self.state.side.sign
                if own != self.state.own:
                    self._oversight.want(CONFIRM_AFTER_NS)
            case StreamLost():
                self._connected_since_ns = None
                self._oversight.lose_sight()
                self._info(f"streams lost: {event.reason}")
            case StreamRestored():
                self._connected_since_ns = event.at_ns
                self._oversight.want()
                self._info("streams restored; asking the venue before anything is opened")
            case MarketEnded():
                self.request_stop("the recorded market has ended")
            case QuoteMoved():
                pass  # The decision reads the newest quote itself.

    def _note_order(self, event: OrderUpdate | Fill) -> None:
        order = self.state.orders.get(event.client_id) if event.client_id is not None else None
        if order is None:  # Forced by the venue, or an id of ours that the journal lost: a look explains it.
            self._oversight.want()
            if event.client_id is not None:
                self._oversight.lose_sight()
            self._recorder.note(event)
            if isinstance(event, Fill) and event.forced:
                self._halt(f"the venue itself closed {event.quantity} at {event.price} (liquidation or deleveraging)")
            return
        failures = self.state.failures[order.purpose]
        before = failures.count
        self._recorder.note(event)
        if before < failures.count == _REFUSALS_WORTH_A_NOTICE:
            text = f"{failures.count} {order.purpose.value} orders in a row were refused: {failures.reason}"
            self._say(NoticeKind.ERROR, text)

    def _retry_journal(self) -> None:
        if not self._recorder.trouble:
            self._retry_journal_ns = None
            return
        now_ns = self._clock.now_ns()
        if self._retry_journal_ns is None:
            self._say(NoticeKind.ERROR, f"the journal cannot be written, nothing is opened: {self._recorder.trouble}")
        elif now_ns < self._retry_journal_ns:
            return
        elif self._recorder.retry():
            self._recorder.trouble = ""
            self._retry_journal_ns = None
            self._info("the journal can be written again")
            return
        self._retry_journal_ns = now_ns + _RETRY_JOURNAL_NS

    def _stop_when_time_is_up(self) -> None:
        deadline_ns = self._deadline_ns()
        if self._stopping is None and deadline_ns is not None and self._clock.now_ns() >= deadline_ns:
            self.request_stop("the session's time is up")
            self._stopped_ns = deadline_ns  # A timer may be late by a nanosecond.

    # --- decide and perform -------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Decide until nothing is wanted any more: each command changes the state through the journal."""
        for _ in range(_MOST_DECISIONS_PER_STEP):
            decision = self._strategy.decide(self.state, self._situation())
            self._decision = decision
            performed = [self._perform(command) for command in decision.commands]
            if not any(performed):
                break
        else:
            raise RuntimeError(f"the strategy does not come to rest: {self._decision}")
        if decision.needs_look:
            self._oversight.want()
        self._notice_pause(decision)
        if decision.band is not None and self._stopping is None:
            self._client.watch_quotes(decision.band)

    def _situation(self) -> Situation:
        return Situation(
            now_ns=self._clock.now_ns(),
            quote=self._client.quote(),
            connected=self._connected_since_ns is not None,
            look=self._oversight.look,
            look_failed=self._oversight.failed,
            suspicion=self._oversight.suspicion,
            trouble=self._recorder.trouble,
            stopping=self._stopping,
        )

    def _notice_pause(self, decision: Decision) -> None:
        paused = any(hold.word == "pause_price" for hold in decision.holds)
        if paused != self._paused:
            self._paused = paused
            text = decision.next_action if paused else "the price is back inside the pause price; going on"
            self._say(NoticeKind.PAUSE_PRICE, text)

    def _perform(self, command: Command) -> bool:
        """Write the intent down and set it going. False: it could not be written, and is not wanted now."""
        match command:
            case PlaceOpen():
                return self._performer.open(command)
            case PlaceClose():
                return self._performer.close(command)
            case PlaceExit():
                return self._performer.exit(command)
            case CancelOrder():
                self._performer.cancel(command)
            case LapseWaiver():
                self._recorder.note(WaiverLapsed(self._clock.now_ns()))
            case AbandonEntry():
                self._recorder.note(EntryAbandoned(self._clock.now_ns(), command.entry_id))
            case RequestStop():
                self._say(NoticeKind.STOP_PRICE, command.reason)
                self.request_stop(command.reason)
        return True

    # --- asking the venue ---------------------------------------------------------------------------------------

    def _ask_and_look(self) -> None:
        if self._connected_since_ns is None:
            return
        for client_id in self._inquiry.due():
            if not self._is_busy(client_id):
                self._asking.add(client_id)
                self._spawn(self._ask(client_id))
        if self._is_settled() and not self._is_verified():
            self._oversight.want()
        due_ns = self._oversight.due_ns()
        if due_ns is not None and due_ns <= self._clock.now_ns():
            self._oversight.under_way = True
            self._spawn(self._oversight.take_look())

    async def _ask(self, client_id: int) -> None:
        try:
            await self._inquiry.ask(client_id)
        finally:
            self._asking.discard(client_id)

    def _is_busy(self, client_id: int) -> bool:
        return client_id in self._asking or client_id in self._performer.in_flight

    def _halt(self, reason: str) -> None:
        if self._has_halted():
            return
        self._oversight.started_halted = False
        self._recorder.note(Halted(self._clock.now_ns(), reason))
        self._say(NoticeKind.HALT, reason)
        self._stopping = None  # A halt keeps the closes, whatever stop was under way.
        self.request_stop(f"halted: {reason}", StopMode.KEEP)

    def _has_halted(self) -> bool:
        """Whether this session halted; a halt before this start only keeps it from opening."""
        return self.state.halted is not None and not self._oversight.started_halted

    # --- tasks and time -----------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """A task ended in an error nobody expected: stop opening, keep covering, end with the reason."""
        self._halt(str(error) if isinstance(error, Misconfigured) else f"{type(error).__name__}: {error}")

    def _set_timer(self) -> None:
        """Sleep until the earliest moment at which anything is due."""
        due: list[int | None] = [self._retry_journal_ns, self._deadline_ns()]
        if self._decision is not None:
            due.append(self._decision.wake_ns)
        if self._connected_since_ns is not None:
            due.append(self._oversight.due_ns())
            due += [q.due_ns for client_id, q in self._inquiry.questions.items() if not self._is_busy(client_id)]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        known = [at_ns for at_ns in due if at_ns is not None]
        if known:
            wait_s = max(0, min(known) - self._clock.now_ns()) / NANOSECONDS
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake.set)

    def _deadline_ns(self) -> int | None:
        """When the session is asked to stop; once it was, when it gives up proving that it did."""
        if self._stopped_ns is not None:
            return self._stopped_ns + _STOP_WITHIN_NS
        return None if self._settings.run_for_ns is None else self._started_ns + self._settings.run_for_ns

    # --- the end ------------------------------------------------------------------------------------------------

    def _is_settled(self) -> bool:
        """Whether stopping has nothing left to do but to verify."""
        state = self.state
        if self._stopping is None or self._inbox or self._performer.in_flight or state.live_opens:
            return False
        if self._inquiry.questions or any(order.status is not OrderStatus.OPEN for order in state.live.values()):
            return False
        if self._stopping is StopMode.KEEP:
            return not self._still_owes()
        return not state.live and (self._stopping is StopMode.CANCEL or not self._still_owes())

    def _still_owes(self) -> bool:
        """Whether there is something bare that the venue's rules would let us close."""
        bare = sum((max(ZERO, self.state.entries[entry_id].owed) for entry_id in self.state.owing), ZERO)
        quote = self._client.quote()
        price = None if quote is None or self._stopping is StopMode.FLATTEN else quote.ask
        rules = self._strategy.rules
        return rules.refusal(price and rules.price_at_or_above(price), rules.quantity_at_or_below(bare)) is None

    def _is_verified(self) -> bool:
        """Whether the venue, asked after everything was settled, lists what we believe."""
        reading = self._oversight.reading
        if reading is None or reading.look is None or self._stopped_ns is None or not self._is_settled():
            return False
        look = reading.look
        if look.started_ns < max(self._stopped_ns, self._recorder.last_order_event_ns) or reading.own_opens:
            return False
        return look.resting_closes == self.resting_closes() and look.own == self.state.own and look.missing <= 0

    def _is_over(self) -> bool:
        if self._stopping is None or self._stopped_ns is None:
            return False
        late = self._clock.now_ns() >= self._stopped_ns + _STOP_WITHIN_NS
        return self._abandoned or late or self._is_verified()

    def _end(self) -> Outcome:
        """Say how it ended, and write it down."""
        now_ns = self._clock.now_ns()
        unconfirmed = () if self._is_verified() else self._unconfirmed()
        halted = self._has_halted()
        exit_status = 3 if self._abandoned else 1 if halted else 3 if unconfirmed else 0
        reason = f"halted: {self.state.halted}" if halted else self._stop_reason
        self._recorder.note(SessionEnded(now_ns, exit_status, reason))
        self._recorder.sync()
        self._phase = Phase.ENDED
        self._say(NoticeKind.STOP, reason if not unconfirmed else f"{reason}; unconfirmed: {'; '.join(unconfirmed)}")
        duration_ns = (self._stopped_ns or now_ns) - self._started_ns
        return Outcome(exit_status, reason, unconfirmed, duration_ns)

    def _unconfirmed(self) -> tuple[str, ...]:
        """What is open or unknown, one line each."""
        lines = [
            f"{order.purpose.value} order {order.order_id or order.client_id}: {order.side.value} {order.remaining} "
            f"at {order.price if order.price is not None else 'market'} is {order.status.value}"
            for order in self.state.live.values()
        ]
        lines.append(f"own position {self.state.own * self.state.side.sign} was not confirmed by the venue")
        return tuple(lines)

    def _say(self, kind: NoticeKind, text: str) -> None:
        self._hub.said(Notice(self._clock.now_ns(), kind, text))

    def _info(self, text: str) -> None:
        self._say(NoticeKind.INFO, text)

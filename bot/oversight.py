"""Looking at the venue: when, what the guard makes of it, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.glance import glance
from bot.inquiry import Inquiry, LookResult, Reading
from bot.recorder import Recorder
from domain.clock import Clock
from domain.events import ClockSet, ClosedOutside, HaltCleared
from domain.market import NANOSECONDS
from domain.report import plain
from domain.status import NoticeKind
from exchanges.errors import Unavailable
from exchanges.urgency import urgent_reads
from strategies.take_profit_grid.guards import CONFIRM_AFTER_NS, Guard, Look, Verdict
from strategies.take_profit_grid.state import GridState

_FIRST_RETRY_NS = NANOSECONDS
_LONGEST_RETRY_NS = 10 * NANOSECONDS
_LONGEST_PAUSE_NS = 60 * NANOSECONDS
_RESTLESS_RETRY_NS = NANOSECONDS // 5
_SHORTEST_GAP_NS = NANOSECONDS // 2
"""Between two looks, whoever wants them."""
_LOOK_AFTER_GLANCE_NS = 2 * NANOSECONDS
"""Where the exchange ended one close, another may have ended unheard: the look follows, when what is covered rests."""
_RECHECK_HALT_NS = 10 * NANOSECONDS
_FAILURES_WORTH_A_NOTICE = 3
_RULES_LAST_NS = 3_600 * NANOSECONDS
_RULES_DOUBT_NS, _RULES_LONGEST_DOUBT_NS = 20 * NANOSECONDS, 60 * NANOSECONDS
"""The market's rules are read again after `_RULES_LAST_NS`; where an order was refused, after `_RULES_DOUBT_NS` at the
earliest, and longer each time they turn out not to have changed, until nothing was refused for `_DOUBT_FADES_NS`."""
_DOUBT_FADES_NS = 300 * NANOSECONDS

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Oversight:
    """Plans looks, keeps the newest one, and lets the guard judge it.

    `look` is None from the moment the streams are lost until the venue has answered again. `suspicion` is what the
    guard objects to and awaits its second look, or what still stands from a halt before this start. `failed`: the
    newest look did not succeed.
    """

    def __init__(
        self,
        inquiry: Inquiry,
        state: GridState,
        recorder: Recorder,
        guard: Guard,
        clock: Clock,
        look_every_s: int,
        say: Callable[[NoticeKind, str], None],
        halt: Callable[[str], None],
    ) -> None:
        self._inquiry = inquiry
        self._state = state
        self._recorder = recorder
        self._guard = guard
        self._clock = clock
        self._every_ns = look_every_s * NANOSECONDS
        self._say = say
        self._halt = halt
        self._due_ns: int | None = None
        self._glance_due_ns: int | None = None
        self._is_asked_beside = self._is_glancing = False
        self._glanced_for_ns: int | None = None
        """For what has been uncertain since then the position alone was read; once has to do."""
        self._not_before_ns = 0
        """Nothing is read before, whatever is due."""
        self._again_ns = 0
        """When a look that failed is tried again; reading the position alone need not wait for it."""
        self._room_ns = self._kept_back_ns = 0
        """When the exchange's limits have room for a look again, and when for what may use all that they keep back."""
        self._failures = 0
        self._times_lost = 0
        self._rules_read_ns = clock.now_ns()
        self._rules_doubted = False
        self._rules_due_ns: int | None = None
        self._doubted_ns, self._doubt_ns = 0, _RULES_DOUBT_NS
        """When an order was last refused; how soon after a reading the rules are read again because of it."""
        self._seen_own: Decimal | None = None
        self._doubt_due_ns: int | None = None
        self._foreign_named = False
        self.look: Look | None = None
        self.glance: Look | None = None
        """A reading of the position alone."""
        self.reading: Reading | None = None
        self.failed = False
        self.has_looked = False
        """Successfully, since this session started."""
        self.events_missed = True
        """Since the last look, or before this start."""
        self.suspicion = ""
        self.under_way = False
        self.started_halted = False
        self.closes_leave = False
        """Stopping cancels the closes, so that position and closes must differ."""

    # --- when ---------------------------------------------------------------------------------------------------

    def want(self, wait_ns: int = 0) -> None:
        """Look after `wait_ns`, or sooner where that was already planned."""
        due_ns = self._clock.now_ns() + wait_ns
        self._due_ns = due_ns if self._due_ns is None else min(self._due_ns, due_ns)

    def need(self) -> None:
        """Look at once, unless a look is under way: whether another is needed is seen when that one is over."""
        if not self.under_way:
            self.want()

    def need_position(self) -> None:
        """The same for what a close gave back, which waits for nothing but the position. A look that is under way may
        take long, or wait for room: then the position is read beside it."""
        if self.under_way:
            self._is_asked_beside = True
        elif self._glance_due_ns is None:
            self._glance_due_ns = self._clock.now_ns()

    def due_ns(self) -> int | None:
        """When the next look may begin; None while one is under way or none is planned."""
        if self.under_way:
            return None
        times = (self._due_ns, self._doubt_due_ns, self._rules_due_ns, self._glance_due_ns)
        due = [at_ns for at_ns in times if at_ns is not None]
        if not due:
            return None
        if self._glances_ahead():
            return self._not_sooner(self._glance_due_ns or 0)
        return max(self._not_sooner(min(due)), self._again_ns)

    def _not_sooner(self, due_ns: int) -> int:
        return max(due_ns, self._not_before_ns, self._kept_back_ns if self._is_waited_for() else self._room_ns)

    def _glances_ahead(self) -> bool:
        """Whether the position is read before a failed look is tried again: once, and then with each such look."""
        is_asked = self._glance_due_ns is not None and self._can_glance() and self._is_waited_for()
        return is_asked and self._glanced_for_ns != self._state.uncertain_since_ns

    def lose_sight(self) -> None:
        """Events may have been missed: what was seen before proves nothing any more."""
        self.events_missed = True
        self._times_lost += 1
        self._rules_doubted = True
        self.look = self.glance = None
        self.reading = None
        self._guard.forget()

    def doubt_rules(self) -> None:
        """An order was refused: perhaps the market's rules have changed, and nobody said so. They are read again, soon
        after the last reading at the earliest."""
        now_ns = self._clock.now_ns()
        if now_ns - self._doubted_ns > _DOUBT_FADES_NS:
            self._doubt_ns = _RULES_DOUBT_NS
        self._doubted_ns = now_ns
        self._rules_due_ns = self._rules_read_ns + self._doubt_ns

    def saw_position(self, own: Decimal) -> None:
        """The venue's stream told the own position; its trades may come a little later."""
        self._seen_own = own

    def tend(self) -> None:
        """To be called at every step: a position that the trades do not explain for long is looked into."""
        if self._seen_own is None or self._seen_own == self._state.own:
            self._seen_own = self._doubt_due_ns = None
        elif self._doubt_due_ns is None:
            self._doubt_due_ns = self._clock.now_ns() + CONFIRM_AFTER_NS

    # --- what ---------------------------------------------------------------------------------------------------

    def newest(self) -> Look | None:
        """The look, or a glance since; None where there is no look."""
        is_newer = self.look is not None and self.glance is not None and self.glance.as_of_ns > self.look.as_of_ns
        return self.glance if is_newer else self.look

    def begin(self, spawn: Spawn) -> None:
        """To be called at every step: read what is due."""
        if (due_ns := self.due_ns()) is not None and due_ns <= self._clock.now_ns():
            self.under_way, self._is_asked_beside = True, False
            spawn(self.take_look(spawn))

    async def take_look(self, spawn: Spawn) -> None:
        """Or a glance, where that is all that is waited for, and tells enough."""
        self.under_way = True
        is_for_cover, self._glance_due_ns = self._glance_due_ns is not None, None
        if is_for_cover and self._may_glance():
            if await self._glance():
                return
            self.want()
            if self._again_ns > self._clock.now_ns() or self._not_sooner(0) > self._clock.now_ns():
                return
        self.under_way, self._is_asked_beside = True, self._is_asked_beside or is_for_cover
        if self._failures:
            self._glanced_for_ns = None
        self.glance_beside(spawn)
        self._due_ns = self._doubt_due_ns = self._seen_own = None
        times_lost, now_ns = self._times_lost, self._clock.now_ns()
        is_time = self._rules_due_ns is not None and self._rules_due_ns <= now_ns
        rules_doubted = self._rules_doubted or is_time or now_ns - self._rules_read_ns >= _RULES_LAST_NS
        reading = Reading(LookResult.FAILED, text="the look broke off")
        rules = self._inquiry.rules()
        try:
            with urgent_reads(self._is_waited_for):
                reading = await self._inquiry.look(events_missed=self.events_missed, rules_doubted=rules_doubted)
        finally:
            self.under_way = False
            if reading.look is None or times_lost != self._times_lost:
                self._retry(reading)
            else:
                if rules_doubted:
                    self._rules_read(now_ns, is_time and rules == self._inquiry.rules())
                self._take(reading, reading.look)

    def _can_glance(self) -> bool:
        """Whether the position alone can tell enough: what was seen before still stands for the rest."""
        return self.look is not None and not self.events_missed

    def _may_glance(self) -> bool:
        """Whether no look is due that there is room for, and that has not just failed."""
        now_ns = self._clock.now_ns()
        times = (self._due_ns, self._doubt_due_ns)
        not_before_ns = max(self._room_ns, self._again_ns)
        return self._can_glance() and all(due_ns is None or max(due_ns, not_before_ns) > now_ns for due_ns in times)

    async def _glance(self) -> bool:
        """Read the position alone. True where it tells enough: then what a close gave back is covered without waiting
        for the look, which follows."""
        try:
            tells_enough = await self._read_position()
        finally:
            self.under_way = False
        if tells_enough:
            self._not_before_ns = self._clock.now_ns() + _SHORTEST_GAP_NS
            self.want(_LOOK_AFTER_GLANCE_NS)
        return tells_enough

    def glance_beside(self, spawn: Spawn) -> None:
        """To be called at every step: where a close waits for the position while a look is under way, have that read
        alone, once. Where the look has heard of that close's end, it begins anew."""
        if not self._is_asked_beside or not self.under_way or self._is_glancing:
            return
        if not self._can_glance() or not self._is_waited_for():
            return
        if self._glanced_for_ns != self._state.uncertain_since_ns:
            self._is_glancing = True
            spawn(self._read_beside())

    async def _read_beside(self) -> None:
        await self._read_position()

    async def _read_position(self) -> bool:
        """Whether `glance` is new."""
        times_lost, seen = self._times_lost, None
        self._is_glancing, self._is_asked_beside = True, False
        self._glanced_for_ns = self._state.uncertain_since_ns
        try:
            with urgent_reads():
                seen = await glance(self._inquiry)
        except Unavailable as error:
            self._note_room(error.again_s, was_urgent=True)
            return False
        finally:
            self._is_glancing = False
        if seen is None or times_lost != self._times_lost:
            return False
        self.glance = seen
        return True

    def _rules_read(self, at_ns: int, was_in_vain: bool) -> None:
        self._rules_doubted, self._rules_read_ns, self._rules_due_ns = False, at_ns, None
        self._doubt_ns = min(2 * self._doubt_ns, _RULES_LONGEST_DOUBT_NS) if was_in_vain else _RULES_DOUBT_NS

    def _is_waited_for(self) -> bool:
        """Whether something that is owed is covered only after this look."""
        uncertain_ns = self._state.uncertain_since_ns
        newest = self.newest()
        is_old = newest is None or (uncertain_ns is not None and newest.as_of_ns < uncertain_ns)
        return is_old and bool(self._state.owing)

    def _take(self, reading: Reading, look: Look) -> None:
        self.events_missed = False
        self.failed = False
        self._failures = self._again_ns = 0
        self.look = look
        self.reading = reading
        self.has_looked = True
        self._not_before_ns = self._clock.now_ns() + _SHORTEST_GAP_NS
        self.want(self._every_ns)
        self._judge(look)
        if not self._foreign_named:
            self._foreign_named = True
            self._after_first_look(reading.foreign_orders)

    def _retry(self, reading: Reading) -> None:
        """A failed look agrees with nothing; a restless one is only early."""
        self._guard.forget()
        self.reading = None
        self.want()
        if reading.result is not LookResult.FAILED:
            self._not_before_ns = self._clock.now_ns() + _RESTLESS_RETRY_NS
            return
        self.failed = True
        if reading.again_s is None:
            self._again_ns = self._clock.now_ns() + min(_FIRST_RETRY_NS << min(self._failures, 10), _LONGEST_RETRY_NS)
        else:
            self._note_room(reading.again_s, was_urgent=self._is_waited_for())
        self._failures += 1
        if self._failures == _FAILURES_WORTH_A_NOTICE:
            self._say(NoticeKind.ERROR, f"the venue cannot be asked, nothing is opened: {reading.text}")

    def _note_room(self, again_s: float | None, *, was_urgent: bool) -> None:
        """A read was refused for want of room; `was_urgent`: though it might use what is kept back."""
        if again_s is None:
            return
        at_ns = self._clock.now_ns() + min(round(again_s * NANOSECONDS), _LONGEST_PAUSE_NS)
        self._room_ns = max(self._room_ns, at_ns)
        if was_urgent:
            self._kept_back_ns = at_ns

    def _after_first_look(self, foreign_orders: int) -> None:
        if foreign_orders:
            self._say(NoticeKind.INFO, f"{foreign_orders} resting orders are foreign and left alone")
        if self._state.clock_ns is None and self._state.covered > 0:
            self._recorder.note(ClockSet(self._clock.now_ns()))

    def _judge(self, look: Look) -> None:
        """Let the guard see a look, and do what its finding asks for."""
        if self.started_halted:
            self._recheck_halt(look)
            return
        if self.closes_leave:
            # The stop itself takes the closes away: only what is missing from the position is news.
            look = replace(look, resting_closes=look.position)
        finding = self._guard.observe(look)
        self.suspicion = finding.text if finding.verdict is Verdict.SUSPECT else ""
        match finding.verdict:
            case Verdict.SUSPECT:
                self.want(CONFIRM_AFTER_NS)
            case Verdict.MISMATCH:
                if self._state.halted is None:
                    self._say(NoticeKind.MISMATCH, finding.text)
                    self._halt(finding.text)
            case Verdict.CLOSED_OUTSIDE:
                self._write_off(finding.quantity)
            case Verdict.AGREES:
                pass

    def _write_off(self, quantity: Decimal) -> None:
        """Others closed so much. What was read lacks it already; a glance beside this look that has it is forgotten."""
        self._recorder.note(ClosedOutside(self._clock.now_ns(), quantity))
        self.look = self.look and self.look.written_off(quantity)
        if self.glance is not None:
            self.glance = self.glance.written_off(quantity) if self.glance.missing >= quantity else None
        self._say(NoticeKind.MISMATCH, f"{plain(quantity)} of the own position was closed by somebody else")

    def _recheck_halt(self, look: Look) -> None:
        """After a start that followed a halt: nothing is opened while the difference remains."""
        finding = self._guard.recheck(look)
        match finding.verdict:
            case Verdict.AGREES:
                self.started_halted = False
                self.suspicion = ""
                self._recorder.note(HaltCleared(self._clock.now_ns(), "position and orders agree again"))
                self._say(NoticeKind.INFO, "position and orders agree again; going on")
            case Verdict.SUSPECT:
                self.want(CONFIRM_AFTER_NS)
            case _:
                if finding.text != self.suspicion:
                    self.suspicion = finding.text
                    self._say(NoticeKind.MISMATCH, f"nothing is opened: {finding.text}")
                self.want(_RECHECK_HALT_NS)

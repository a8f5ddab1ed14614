"""Carrying commands out: the intent is written down, the request goes off as a task, its outcome comes back as a fact.

No outcome is guessed. A lost answer leaves the order unknown and plans a question by its own id; it is never sent again
under a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.inquiry import Inquiry
from bot.recorder import Recorder
from domain.clock import Clock
from domain.commands import CancelOrder, PlaceClose, PlaceExit, PlaceOpen
from domain.events import CancelIntended, OrderIntended, OrderUpdate
from domain.market import NANOSECONDS
from domain.orders import OrderFact, Purpose
from exchanges.base import BaseExchangeClient, OrderResult
from exchanges.errors import NotSent, OutcomeUnknown
from strategies.take_profit_grid.state import GridState

_ANSWER_AFTER_CANCEL_NS = 2 * NANOSECONDS
"""A cancel that the venue took should be proven by an event this soon; otherwise it is asked for."""
_CANCEL_PATIENCE_NS = 3 * NANOSECONDS
"""A cancel that has shown no effect this long after it was sent is held to be lost, though its request may still wait
for an answer: the order is asked for, and cancelled again where it rests. A second cancel does no harm, and a stop has
seconds."""
_ANSWER_AFTER_LOSS_NS = NANOSECONDS // 5
_REQUEST_DEADLINE_S = 15
"""The client's own deadlines are shorter; this one holds even where a client forgets."""


class Performer:
    """Sends what was decided. `in_flight`: client ids whose placement has not been answered."""

    def __init__(
        self,
        client: BaseExchangeClient,
        state: GridState,
        recorder: Recorder,
        inquiry: Inquiry,
        clock: Clock,
        learn: Callable[[OrderUpdate], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`start` has a task run that learns what came of it, `spawn` one whose end the bot must look at."""
        self._client = client
        self._state = state
        self._recorder = recorder
        self._inquiry = inquiry
        self._clock = clock
        self._learn = learn
        self._start = start
        self._spawn = spawn
        self.in_flight: set[int] = set()

    def open(self, command: PlaceOpen) -> bool:
        """Send an open once its intent is durable. False: it could not be written down, and nothing was sent."""
        client_id = self._recorder.take_id()
        if client_id is None:
            return False
        intent = OrderIntended(
            self._clock.now_ns(),
            client_id,
            Purpose.OPEN,
            command.side,
            command.price,
            command.quantity,
            command.entry_id,
        )
        if not self._recorder.note_durably(intent):
            return False
        self._send(
            client_id,
            lambda: self._client.place_open_order(
                self._client.contract_id, command.quantity, command.side, price=command.price, client_id=client_id
            ),
        )
        return True

    def close(self, command: PlaceClose) -> bool:
        """Send a take-profit. Its intent is with the operating system before; whoever asks syncs it after the sending.
        """
        client_id = self._intend_closing(command, Purpose.CLOSE)
        if client_id is not None:
            self._send(
                client_id,
                lambda: self._client.place_close_order(
                    self._client.contract_id, command.quantity, command.price, command.side, client_id=client_id
                ),
            )
        return client_id is not None

    def exit(self, command: PlaceExit) -> bool:
        """Send a reduce-only market order; written down as a close is."""
        client_id = self._intend_closing(command, Purpose.EXIT)
        if client_id is not None:
            self._send(
                client_id,
                lambda: self._client.place_market_order(
                    self._client.contract_id, command.quantity, command.side, client_id=client_id
                ),
            )
        return client_id is not None

    def cancel(self, command: CancelOrder) -> None:
        self._recorder.note(CancelIntended(self._clock.now_ns(), command.client_id, command.why))
        self._inquiry.ask_later(command.client_id, _CANCEL_PATIENCE_NS, cancel_over=True)
        self._spawn(self._cancel(command.client_id))

    def _intend_closing(self, command: PlaceClose | PlaceExit, purpose: Purpose) -> int | None:
        client_id = self._recorder.take_id()
        if client_id is not None:
            price = command.price if isinstance(command, PlaceClose) else None
            self._recorder.note(
                OrderIntended(
                    self._clock.now_ns(), client_id, purpose, command.side, price, command.quantity, None, command.parts
                )
            )
        return client_id

    def _send(self, client_id: int, request: Callable[[], Awaitable[OrderResult]]) -> None:
        self.in_flight.add(client_id)
        self._start(self._place(client_id, request))

    async def _place(self, client_id: int, request: Callable[[], Awaitable[OrderResult]]) -> None:
        fact, order_id, reason = OrderFact.OUTCOME_UNKNOWN, None, ""
        try:
            async with asyncio.timeout(_REQUEST_DEADLINE_S):
                result = await request()
            order_id, reason = result.order_id, result.error_message or ""
            fact = OrderFact.ACCEPTED if result.success else OrderFact.REFUSED
        except NotSent as error:
            fact, reason = OrderFact.NEVER_PLACED, str(error)
        except OutcomeUnknown as error:
            reason = str(error)
        except TimeoutError:
            reason = f"no answer within {_REQUEST_DEADLINE_S} s"
        finally:
            # Also where the client failed in a way nobody expected: the order may be there all the same.
            self.in_flight.discard(client_id)
            if fact is OrderFact.OUTCOME_UNKNOWN:
                self._inquiry.ask_later(client_id, _ANSWER_AFTER_LOSS_NS)
            self._learn(OrderUpdate(self._clock.now_ns(), client_id, fact, order_id, reason=reason))

    async def _cancel(self, client_id: int) -> None:
        wait_ns = _ANSWER_AFTER_LOSS_NS
        try:
            async with asyncio.timeout(_REQUEST_DEADLINE_S):
                result = await self._client.cancel_order(client_id, self._state.orders[client_id].order_id)
            wait_ns = _ANSWER_AFTER_CANCEL_NS if result.success else 0
        except NotSent as error:
            self._learn(OrderUpdate(self._clock.now_ns(), client_id, OrderFact.CANCEL_FAILED, reason=str(error)))
        except (OutcomeUnknown, TimeoutError):
            pass  # Lost either way: the question below finds out, and a second cancel does no harm.
        finally:
            self._inquiry.ask_later(client_id, wait_ns, cancel_over=True)

"""Paradex on loopback: its REST, its sockets and its signatures over a simulated market, for rehearsals and tests.

Written from the venue's documentation, with code of its own throughout. The API queues orders and cancels and answers
at once; the engine decides a moment later, and what it decided is told on the stream. What nobody could confirm about
the venue is a field of `Switches`, so that the other reading can be played too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from urllib.parse import parse_qsl

from domain.market import MarketRules
from exchanges.paradex import twin_sbe
from exchanges.paradex.twin_auth import Account, Tokens
from exchanges.paradex.twin_forms import MAKING, OrderForm
from exchanges.paradex.twin_rest import RestDesk
from exchanges.paradex.twin_rpc import data_frame, error_frame, read_request, result_frame
from exchanges.paradex.twin_switches import Switches
from exchanges.paradex.twin_wire import (
    Json,
    OrderView,
    Ticket,
    bbo_json,
    cancel_reason,
    fill_json,
    fill_side,
    order_json,
    position_json,
    view,
)
from exchanges.rehearsal.base import MILLISECONDS, NANOSECONDS, Socket, TwinBase
from exchanges.rehearsal.desk import Happening, OrderMoved, PositionMoved, TouchMoved, TwinFill, TwinOrder
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from markets.orders import Reason, Refusal, SelfTrade

_FIRST_ORDER_ID = 1681462103821101699438490000
_FIRST_FILL_ID = 1718947571560201703986670000
_PING_EVERY_NS = 55 * NANOSECONDS
_PONG_WITHIN_NS = 5 * NANOSECONDS
_HEARTBEAT_NS = 20 * NANOSECONDS
_PRIVATE = ("positions", "account", "balance_events", "tradebusts", "mmp")
_BAD_TOKEN = 40111
_MALFORMED = 40110
_INVALID_REQUEST = -32600

Write = Callable[[int | None], Frame]
"""One event as a frame: binary in the given version of the schema, or text for None."""


class ParadexTwin(TwinBase):
    """Satisfies `exchanges.transport.twin.Twin`."""

    name = "paradex"
    rest_path = "/v1"
    ws_path = "/v1"
    price_band = (Decimal("0.95"), Decimal("1.05"))

    def __init__(self, setup: TwinSetup, switches: Switches | None = None) -> None:
        super().__init__(replace(setup, terms=replace(setup.terms, self_trade=SelfTrade.CANCEL_INCOMING)))
        rules = self.desk.rules
        self.desk.change_rules(replace(rules, min_quantity=rules.quantity_step))  # The venue knows a notional only.
        self.switches = switches or Switches()
        self.market = f"{setup.ticker}-USD-PERP"
        self.system_state = "ok"
        chance = Random(f"{self.name} {setup.seed}")
        self.account = Account.drawn(chance)
        self.tokens = Tokens(chance)
        self.tickets: dict[str, Ticket] = {}
        self.by_client_id: dict[str, Ticket] = {}
        """The newest of each."""
        self.by_number: dict[int, Ticket] = {}
        self.book_seq = 14_127_814
        self._event_seq = 0
        self._told_ns: dict[int, int] = {}
        """When a binary socket was last told anything."""
        self._rest = RestDesk(self)

    def can_list(self, rules: MarketRules) -> bool:
        """No smallest quantity but the step."""
        return rules.min_quantity <= rules.quantity_step

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return {
            "PARADEX_L1_ADDRESS": self.account.l1_address,
            "PARADEX_L2_PRIVATE_KEY": f"{self.account.private_key:#066x}",
            "PARADEX_NETWORK": "testnet",
            "PARADEX_BASE_URL": base_url,
            "PARADEX_WS_URL": ws_url,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        return self._rest.answer(request)

    # --- orders -----------------------------------------------------------------------------------------------------

    def order_id(self, number: int) -> str:
        return self._ticket_of(self.desk.orders[number]).order_id

    def trade_id(self, number: int) -> str:
        return str(_FIRST_FILL_ID + number)

    def accept(self, form: OrderForm) -> Ticket:
        """The API takes an order; the engine will look at it."""
        ticket = self._new_ticket(
            Ticket(
                order_id=str(_FIRST_ORDER_ID + len(self.tickets)),
                client_id=form.client_id,
                side=form.book_side,
                size=form.size,
                price=form.limit,
                instruction=form.instruction,
                flags=form.flags,
                received_ns=self.now_ns,
            )
        )
        if self.switches.tells_new:
            self._tell_order(ticket)
        self.later(self.switches.engine_delay_ms * MILLISECONDS, lambda: self._decide(ticket))
        return ticket

    def _decide(self, ticket: Ticket) -> None:
        outcome = self.desk.place(
            ticket.client_id or None,
            ticket.side,
            ticket.size,
            ticket.price,
            post_only=ticket.instruction in MAKING,
            reduce_only="REDUCE_ONLY" in ticket.flags,
            immediate=ticket.instruction == "IOC",
            any_notional=True,  # The API has looked at it, at the mark price.
        )
        if isinstance(outcome, Refusal):
            ticket.closed_ns, ticket.reason = self.now_ns, cancel_reason(outcome.reason)
            self._tell_order(ticket)
        else:
            ticket.number = outcome.number
            self.by_number[outcome.number] = ticket

    def cancel_soon(self, ticket: Ticket) -> None:
        """The API queues a cancel; an order may fill before the engine comes to it."""
        self.later(self.switches.engine_delay_ms * MILLISECONDS, lambda: self._cancel_now(ticket))

    def _cancel_now(self, ticket: Ticket) -> None:
        if ticket.number is not None and self.desk.orders[ticket.number].is_live:
            self.desk.cancel(ticket.number)

    def view(self, ticket: Ticket) -> OrderView:
        """How an order stands now."""
        order = None if ticket.number is None else self.desk.orders[ticket.number]
        return view(ticket, order, self.switches)

    def is_open(self, ticket: Ticket) -> bool:
        return ticket.is_pending or (ticket.number is not None and self.desk.orders[ticket.number].is_live)

    def open_tickets(self, *, with_pending: bool) -> list[Ticket]:
        """Resting orders, oldest first, and those the engine has not looked at."""
        resting = [self._ticket_of(order) for order in self.desk.live_orders()]
        pending = [ticket for ticket in self.tickets.values() if ticket.is_pending] if with_pending else []
        return [*resting, *pending]

    def _new_ticket(self, ticket: Ticket) -> Ticket:
        self.tickets[ticket.order_id] = ticket
        if ticket.client_id:
            self.by_client_id[ticket.client_id] = ticket
        return ticket

    def _ticket_of(self, order: TwinOrder) -> Ticket:
        """Orders that nobody sent over the wire (by hand, a liquidation) have one too."""
        ticket = self.by_number.get(order.number)
        if ticket is None:
            ticket = self.by_number[order.number] = self._new_ticket(
                Ticket(
                    order_id=str(_FIRST_ORDER_ID + len(self.tickets)),
                    client_id=order.client_id or "",
                    side=order.side,
                    size=order.asked,
                    price=order.price,
                    instruction="POST_ONLY" if order.post_only else "GTC",
                    flags=("REDUCE_ONLY",) if order.reduce_only else (),
                    received_ns=order.placed_ns,
                    number=order.number,
                )
            )
        return ticket

    def position_row(self, quantity: Decimal) -> Json:
        last_fill = self.trade_id(self.desk.fills[-1].number) if self.desk.fills else ""
        return position_json(
            quantity, self._entry(), self.market, self.account.address, self.now_ns, self.switches, last_fill
        )

    def _entry(self) -> Decimal:
        """Some plausible entry price: that of the last fill."""
        return self.desk.fills[-1].price if self.desk.fills else Decimal(0)

    # --- sockets ----------------------------------------------------------------------------------------------------

    def greet(self, socket: Socket) -> HttpResponse | None:
        if socket.handshake.path != self.ws_path:
            return HttpResponse(404)
        query = dict(parse_qsl(socket.handshake.query))
        if query:
            version = query.get("sbeSchemaVersion", "")
            served = [str(number) for number in range(self.switches.newest_schema + 1)]
            if query.get("sbeSchemaId") != "1" or version not in served:
                return HttpResponse(400)
            socket.facts["sbe"] = version
            self._told_ns[socket.socket_id] = self.now_ns
            self.later(_HEARTBEAT_NS, lambda: self._beat(socket))
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))
        return None

    def left(self, socket: Socket) -> None:
        self._told_ns.pop(socket.socket_id, None)

    def _check_pulse(self, socket: Socket) -> None:
        """The protocol's own ping every 55 seconds; five seconds without its answer, and the line is cut."""
        if socket.socket_id not in self.sockets:
            return
        asked_ns = self.now_ns
        self.ping(socket.socket_id)
        self.later(_PONG_WITHIN_NS, lambda: self._cut_if_deaf(socket, asked_ns))
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))

    def _cut_if_deaf(self, socket: Socket, asked_ns: int) -> None:
        if socket.heard_ns < asked_ns:
            self.hang_up(socket.socket_id, 1001, "no pong")

    def _beat(self, socket: Socket) -> None:
        """A binary socket that heard nothing for twenty seconds is told that it lives."""
        told_ns = self._told_ns.get(socket.socket_id)
        if told_ns is None:
            return
        idle_ns = self.now_ns - told_ns
        if idle_ns >= _HEARTBEAT_NS:
            self._event_seq += 1
            self._push_frame(socket, twin_sbe.heartbeat(self._event_seq, self.now_ns, int(socket.facts["sbe"])))
            idle_ns = 0
        self.later(_HEARTBEAT_NS - idle_ns, lambda: self._beat(socket))

    def _push_frame(self, socket: Socket, frame: Frame, delay_ns: int = 0) -> None:
        if socket.socket_id in self._told_ns:
            self._told_ns[socket.socket_id] = self.now_ns
        self.push(socket.socket_id, frame, delay_ns)

    # --- requests on a socket ---------------------------------------------------------------------------------------

    def hear(self, socket: Socket, frame: Frame) -> None:
        message = read_request(frame)
        if message is None:
            self._refuse(socket, None, -32700, "parse error", "")
            return
        request_id, method, parameters = message
        if method == "auth":
            self._authenticate(socket, request_id, parameters)
        elif method in ("subscribe", "unsubscribe"):
            self._subscribe(socket, request_id, method, parameters.get("channel"))
        else:
            self._refuse(socket, request_id, -32601, "method not found", method)

    def _authenticate(self, socket: Socket, request_id: int, parameters: Json) -> None:
        bearer = parameters.get("bearer")
        if "account" in socket.facts or not isinstance(bearer, str):
            self._refuse(socket, request_id, _MALFORMED, "malformed bearer token", "")
        elif not self.tokens.is_good(bearer, self.now_ns):
            self._refuse(socket, request_id, _BAD_TOKEN, "invalid bearer token", "")
        else:
            socket.facts["account"] = hex(self.account.address)
            self._acknowledge(socket, request_id, {} if self.switches.login_result_is_empty else {"node_id": "twin"})

    def _subscribe(self, socket: Socket, request_id: int, method: str, channel: object) -> None:
        error = f"invalid {method} request"
        if not isinstance(channel, str) or not self._is_allowed(socket, channel):
            self._refuse(socket, request_id, _INVALID_REQUEST, error, "invalid channel")
        elif (method == "subscribe") == (channel in socket.channels):
            self._refuse(socket, request_id, _INVALID_REQUEST, error, "already so")
        else:
            (socket.channels.add if method == "subscribe" else socket.channels.discard)(channel)
            self._acknowledge(socket, request_id, {"channel": channel})
            if method == "subscribe":
                self._first_words(socket, channel)

    def _first_words(self, socket: Socket, channel: str) -> None:
        """What a new subscription is told at once, where the venue does that."""
        quote, kind = self.desk.quote, channel.partition(".")[0]
        if kind == "bbo" and self.switches.touch_on_subscribe and quote is not None:
            self._tell_touch(TouchMoved(self.now_ns, quote), [socket])
        elif kind == "orders" and self.switches.orders_on_subscribe:
            for ticket in self.open_tickets(with_pending=False):
                self._tell_order(ticket)
        elif kind == "positions" and self.switches.orders_on_subscribe and self.desk.position:
            self._tell_position(PositionMoved(self.now_ns, self.desk.position))

    def _is_allowed(self, socket: Socket, channel: str) -> bool:
        kind, _, rest = channel.partition(".")
        if channel in _PRIVATE or (kind in ("orders", "fills") and rest in (self.market, "ALL")):
            return "account" in socket.facts
        # Of the public channels only the touch is played: what would stay silent is refused.
        return (kind, rest) == ("bbo", self.market) and ("sbe" in socket.facts or self.switches.text_quotes)

    def _acknowledge(self, socket: Socket, request_id: int, result: Json) -> None:
        self._push_frame(socket, result_frame(request_id, result, self.now_ns))

    def _refuse(self, socket: Socket, request_id: int | None, code: int, message: str, data: str) -> None:
        self._push_frame(socket, error_frame(request_id, code, message, data))

    # --- news -------------------------------------------------------------------------------------------------------

    def tell(self, happening: Happening) -> None:
        match happening:
            case OrderMoved():
                self._tell_moved(happening)
            case PositionMoved():
                self._tell_position(happening)
            case TouchMoved():
                self.book_seq += 1
                self._tell_touch(happening, self.subscribers(f"bbo.{self.market}"))
            case _:
                pass  # Funding and rules are asked for.

    def _tell_moved(self, moved: OrderMoved) -> None:
        ticket = self._ticket_of(moved.order)
        self._tell_view(view(ticket, moved.order, self.switches))
        if moved.fill is not None:
            self._tell_fill(moved.fill, ticket)
        order = moved.order
        was_trimmed = order.is_live and moved.fill is None and not moved.is_new and order.reason == Reason.REDUCE_ONLY
        if was_trimmed and not self.switches.trims_reduce_only:
            self.desk.end_by_venue(order.number, Reason.REDUCE_ONLY)

    def _tell_order(self, ticket: Ticket) -> None:
        self._tell_view(self.view(ticket))

    def _tell_view(self, seen: OrderView) -> None:
        self._event_seq += 1
        seq, market, account = self.now_ns + self._event_seq, self.market, self.account.address

        def write(version: int | None) -> Frame:
            if version is not None:
                return twin_sbe.order(seen, market, account, seq, version)
            return data_frame(f"orders.{market}", order_json(seen, market, account, seq))

        self._tell_account("orders", write)

    def _tell_fill(self, fill: TwinFill, ticket: Ticket) -> None:
        fill_id, market, account = self.trade_id(fill.number), self.market, self.account.address

        def write(version: int | None) -> Frame:
            if version is not None:
                side = fill_side(fill, self.switches)
                return twin_sbe.fill(fill, fill_id, ticket, side, market, account, version)
            return data_frame(f"fills.{market}", fill_json(fill, fill_id, ticket, market, self.switches))

        self._tell_account("fills", write, self.switches.fill_delay_ms * MILLISECONDS)

    def _tell_position(self, moved: PositionMoved) -> None:
        row, entry, account = self.position_row(moved.quantity), self._entry(), self.account.address

        def write(version: int | None) -> Frame:
            if version is not None:
                return twin_sbe.position(moved.quantity, entry, self.market, account, moved.at_ns, version)
            return data_frame("positions", row)

        self._tell_account("positions", write)

    def _tell_account(self, kind: str, write: Write, delay_ns: int = 0) -> None:
        names = {kind, f"{kind}.{self.market}", f"{kind}.ALL"}
        for socket in self.sockets.values():
            if names & socket.channels:
                is_binary = "sbe" in socket.facts and self.switches.account_is_binary
                self._push_frame(socket, write(int(socket.facts["sbe"]) if is_binary else None), delay_ns)

    def _tell_touch(self, moved: TouchMoved, sockets: list[Socket]) -> None:
        for socket in sockets:
            if "sbe" in socket.facts:
                version = int(socket.facts["sbe"])
                frame: Frame = twin_sbe.bbo(moved.quote, self.market, self.book_seq, moved.at_ns, version)
            else:
                shown = bbo_json(moved.quote, self.market, self.book_seq, moved.at_ns)
                frame = data_frame(f"bbo.{self.market}", shown)
            self._push_frame(socket, frame)


def open_twin(setup: TwinSetup, switches: Switches | None = None) -> ParadexTwin:
    return ParadexTwin(setup, switches)

"""Aster on loopback: its REST, its streams and its signatures over a simulated market, for rehearsals and tests.

Written from the venue's documentation, with code of its own throughout. What nobody could confirm about the venue is a
field of `Switches`, so that the other reading can be played too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

from domain.market import NANOSECONDS, Quote
from domain.orders import OrderFact, OrderStatus
from exchanges.aster.facts import Switches
from exchanges.aster.twin_auth import Identity
from exchanges.aster.twin_orders import Form
from exchanges.aster.twin_rest import RestDesk
from exchanges.aster.twin_wire import (
    Holding,
    Json,
    account_frame,
    book_ticker_frame,
    depth_frame,
    funding_frame,
    mark_frame,
    order_frame,
)
from exchanges.rehearsal.base import MILLISECONDS, Socket, TwinBase
from exchanges.rehearsal.desk import FundingPaid, Happening, OrderMoved, PositionMoved, TouchMoved, TwinOrder
from exchanges.rehearsal.entry import AverageEntry
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from markets.orders import Reason

_PING_EVERY_NS = 300 * NANOSECONDS
_DEAF_AFTER_NS = 900 * NANOSECONDS
_CONNECTION_LIFE_NS = 86_400 * NANOSECONDS
_LISTEN_KEY_LIFE_NS = 3_600 * NANOSECONDS
_MARK_EVERY_NS = NANOSECONDS
_SLOW_MARK = 3
"""Every so many marks go to those who asked for the slow stream."""
_MOST_MESSAGES = 10
"""Of a client in one second."""
_OVERTAKEN_MS = 30
"""How late a message comes that others overtake."""
_MOST_STREAMS = 200
"""Of one connection."""
_FIRST_ORDER_ID = 22_542_000
_FIRST_PHANTOM = 1_000_000_000
"""Numbers of orders that expired before they reached the book."""
_FIRST_TRADE_ID = 698_000
_ACCOUNT = "account"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class AsterTwin(TwinBase):
    """Satisfies `exchanges.transport.twin.Twin`. `is_hedged`: the account is in hedge mode."""

    name = "aster"
    price_band = (Decimal("0.95"), Decimal("1.05"))

    def __init__(self, setup: TwinSetup, switches: Switches | None = None, *, is_hedged: bool = False) -> None:
        super().__init__(setup)
        self.switches = switches or Switches()
        self.is_hedged = is_hedged
        self.symbol = f"{setup.ticker}USDT"
        self.update_id = 400_900_000
        self._chance = Random(f"{self.name} {setup.seed}")
        self.identity = Identity.drawn(self._chance)
        self._phantoms: dict[int, TwinOrder] = {}
        self._book: Quote | None = None
        self._entry = AverageEntry()
        self._listen_key: str | None = None
        self._listen_key_ends_ns = 0
        self._marks = self._told = 0
        self._rest = RestDesk(self)
        self.later(_MARK_EVERY_NS, self._tell_mark)

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return {
            "ASTER_USER": self.identity.user,
            "ASTER_SIGNER": self.identity.signer,
            "ASTER_SIGNER_PRIVATE_KEY": "0x" + self.identity.signer_key.hex(),
            "ASTER_BASE_URL": base_url,
            "ASTER_WS_URL": ws_url,
        }

    def legacy_env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        """As `env`, for the older kind of key."""
        return {
            "ASTER_API_KEY": self.identity.api_key,
            "ASTER_SECRET_KEY": self.identity.api_secret,
            "ASTER_BASE_URL": base_url,
            "ASTER_WS_URL": ws_url,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        return self._rest.answer(request)

    # --- orders -----------------------------------------------------------------------------------------------------

    def order_id(self, number: int) -> str:
        return str(_FIRST_ORDER_ID + number)

    def trade_id(self, number: int) -> str:
        return str(_FIRST_TRADE_ID + number)

    def by_wire_id(self, order_id: str) -> TwinOrder | None:
        if not (order_id.isascii() and order_id.isdigit() and len(order_id) < 19):
            return None
        number = int(order_id) - _FIRST_ORDER_ID
        return self.desk.orders.get(number) or self._phantoms.get(number)

    def all_orders(self) -> list[TwinOrder]:
        """Live and ended, oldest first."""
        return sorted((*self.desk.orders.values(), *self._phantoms.values()), key=lambda order: order.placed_ns)

    def made_up_client_id(self) -> str:
        return "".join(self._chance.choices(_LETTERS, k=22))

    def let_expire(self, form: Form, reason: Reason, after_ms: int) -> TwinOrder:
        """An order that is acknowledged and never reaches the book; as the answer shows it."""
        order = TwinOrder(
            number=_FIRST_PHANTOM + len(self._phantoms),
            client_id=form.client_id,
            side=form.side,
            price=form.price,
            asked=form.quantity,
            quantity=form.quantity,
            post_only=form.life == "GTX",
            reduce_only=form.reduce_only,
            placed_ns=self.now_ns,
            updated_ns=self.now_ns,
            note=form.note,
        )
        self._phantoms[order.number] = order
        self._tell_order(OrderMoved(self.now_ns, OrderFact.ACCEPTED, order, is_new=True))
        if after_ms:
            self.later(after_ms * MILLISECONDS, lambda: self._end_phantom(order.number, reason))
        else:
            self._end_phantom(order.number, reason)
        return self._phantoms[order.number]

    def _end_phantom(self, number: int, reason: Reason) -> None:
        now_ns, order = self.now_ns, self._phantoms[number]
        ended = replace(order, status=OrderStatus.EXPIRED, reason=reason, updated_ns=now_ns, ended_ns=now_ns)
        self._phantoms[number] = ended
        self._tell_order(OrderMoved(now_ns, OrderFact.EXPIRED, ended))

    # --- the account ------------------------------------------------------------------------------------------------

    def holding(self) -> Holding:
        quote, statement = self.desk.quote, self.desk.venue.statement()
        mark = Decimal(0) if quote is None else quote.mid
        wallet = statement.cash - statement.fees + statement.funding + statement.position * self._entry.price
        return Holding(statement.position, self._entry.price, mark, wallet, self.setup.terms.leverage)

    def next_funding_ms(self) -> int:
        interval_ms = self.setup.source.funding.interval_ns // MILLISECONDS or 28_800_000
        return (self.now_ms // interval_ms + 1) * interval_ms

    # --- the listen key ---------------------------------------------------------------------------------------------

    def listen_key(self) -> str:
        """A new one, or the one in force, which lives on."""
        if self._listen_key is None:
            self._listen_key = "".join(self._chance.choices(_LETTERS, k=64))
        self.renew_listen_key()
        return self._listen_key

    def renew_listen_key(self) -> bool:
        """False: there is none."""
        if self._listen_key is None:
            return False
        self._listen_key_ends_ns = self.now_ns + _LISTEN_KEY_LIFE_NS
        self.later(_LISTEN_KEY_LIFE_NS, self._check_listen_key)
        return True

    def _check_listen_key(self) -> None:
        if self._listen_key is not None and self.now_ns >= self._listen_key_ends_ns:
            self.expire_listen_key()

    def expire_listen_key(self) -> None:
        """Sockets are told, and stay open without another word."""
        self._listen_key = None
        for socket in self.subscribers(_ACCOUNT):
            self._push_data(socket, "", {"e": "listenKeyExpired", "E": self.now_ms})
            socket.channels.discard(_ACCOUNT)

    def drop_listen_key(self) -> None:
        """The owner closes it: sockets are told nothing."""
        self._listen_key = None
        for socket in self.subscribers(_ACCOUNT):
            socket.channels.discard(_ACCOUNT)

    # --- the sockets ------------------------------------------------------------------------------------------------

    def greet(self, socket: Socket) -> HttpResponse | None:
        path = socket.handshake.path
        if path == "/stream":
            socket.facts["combined"] = "yes"
            names = socket.handshake.query.removeprefix("streams=").split("/")
        elif path == "/ws" or path.startswith("/ws/"):
            names = path.removeprefix("/ws").strip("/").split("/")
        else:
            return HttpResponse(404)
        for name in filter(None, names):
            if "@" in name:
                self._subscribe(socket, name)
            elif name == self._listen_key:
                socket.channels.add(_ACCOUNT)
            elif not self.switches.unknown_listen_key_is_deaf:
                return HttpResponse(401)
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))
        return None

    def _check_pulse(self, socket: Socket) -> None:
        """The protocol's own ping every five minutes; without a word for fifteen, or at a day's age, it is cut."""
        if socket.socket_id not in self.sockets:
            return
        is_deaf = self.now_ns - socket.heard_ns >= _DEAF_AFTER_NS
        if is_deaf or self.now_ns - socket.opened_ns >= _CONNECTION_LIFE_NS:
            self.hang_up(socket.socket_id, 1008 if is_deaf else 1001)
            return
        self.ping(socket.socket_id)
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))

    def hear(self, socket: Socket, frame: Frame) -> None:
        if self._is_flooded(socket):
            self.hang_up(socket.socket_id, 1008, "Too many messages")
            return
        message = _message(frame)
        if message is None:
            self._push_data(socket, "", {"code": 3, "msg": "Invalid JSON: expected value"})
            return
        method, names, number = message.get("method"), message.get("params", []), message.get("id")
        done: Json = {"result": None, "id": number}
        if method == "LIST_SUBSCRIPTIONS":
            self._push_data(socket, "", {"result": sorted(socket.channels - {_ACCOUNT}), "id": number})
        elif method == "SET_PROPERTY" and names in (["combined", True], ["combined", False]):
            socket.facts["combined"] = "yes" if names == ["combined", True] else ""
            self._push_data(socket, "", done)
        elif method in ("SUBSCRIBE", "UNSUBSCRIBE") and isinstance(names, list) and all(map(_is_text, names)):
            self._push_data(socket, "", done)
            self._change_streams(socket, [str(name) for name in names], is_more=method == "SUBSCRIBE")
        else:
            self._push_data(socket, "", {"code": 2, "msg": "Invalid request: unknown variant"})

    def _change_streams(self, socket: Socket, names: list[str], *, is_more: bool) -> None:
        if is_more and len(socket.channels.union(names)) > _MOST_STREAMS:
            self.hang_up(socket.socket_id, 1008, "Too many streams")
            return
        for name in names:
            if is_more:
                self._subscribe(socket, name)
            else:
                socket.channels.discard(name)

    def _is_flooded(self, socket: Socket) -> bool:
        second = str(self.now_ns // NANOSECONDS)
        count = int(socket.facts["heard"]) + 1 if socket.facts.get("second") == second else 1
        socket.facts |= {"second": second, "heard": str(count)}
        return count > _MOST_MESSAGES

    def _subscribe(self, socket: Socket, name: str) -> None:
        """Names in capitals are taken and never heard of again, as at the venue."""
        socket.channels.add(name)
        quote = self.desk.quote
        if name == self._stream("bookTicker") and self.switches.touch_on_subscribe and quote is not None:
            self._push_data(socket, name, book_ticker_frame(self.symbol, quote, self.update_id, self.now_ns))

    def _stream(self, kind: str) -> str:
        return f"{self.symbol.lower()}@{kind}"

    # --- what is told -----------------------------------------------------------------------------------------------

    def tell(self, happening: Happening) -> None:
        match happening:
            case OrderMoved():
                self._take_order(happening)
            case PositionMoved():
                self._push_account(account_frame(self.symbol, self.holding(), happening.at_ns))
            case FundingPaid():
                self._push_account(funding_frame(happening, self.holding().wallet))
            case TouchMoved():
                self._tell_touch(happening)
            case _:
                pass  # Rules are asked for.

    def _take_order(self, moved: OrderMoved) -> None:
        if moved.fill is not None:
            self._entry.take(moved.fill)
        is_shrunk = moved.fact is OrderFact.ACCEPTED and moved.fill is None and not moved.is_new
        if is_shrunk and self.switches.shrunk_reduce_only_expires:
            if self.desk.orders[moved.order.number].is_live:
                self.desk.end_by_venue(moved.order.number, Reason.REDUCE_ONLY, expired=True)
            return
        self._tell_order(moved)

    def _tell_order(self, moved: OrderMoved) -> None:
        ids = (self.order_id(moved.order.number), "" if moved.fill is None else self.trade_id(moved.fill.number))
        self._push_account(order_frame(moved, ids, self.symbol, self.switches))

    def _push_account(self, data: Json) -> None:
        self._told += 1
        is_late = self.switches.messages_overtake and self._told % 3 == 2
        delay_ms = self.switches.update_delay_ms + (_OVERTAKEN_MS if is_late else 0)
        for socket in self.subscribers(_ACCOUNT):
            self._push_data(socket, self._listen_key or "", data, delay_ms * MILLISECONDS)

    def _tell_touch(self, moved: TouchMoved) -> None:
        before, self._book = self._book, moved.quote
        self.update_id += 1
        ticker = book_ticker_frame(self.symbol, moved.quote, self.update_id, moved.at_ns)
        depth = depth_frame(self.symbol, before, moved.quote, self.update_id, moved.at_ns)
        for kind, data in (("bookTicker", ticker), ("depth", depth), ("depth@100ms", depth)):
            for socket in self.subscribers(self._stream(kind)):
                self._push_data(socket, self._stream(kind), data)

    def _tell_mark(self) -> None:
        self.later(_MARK_EVERY_NS, self._tell_mark)
        self._marks += 1
        mark, rate = self.holding().mark, self.setup.source.funding.rate
        if not mark:
            return
        data = mark_frame(self.symbol, mark, rate, self.next_funding_ms(), self.now_ns)
        for kind in ("markPrice@1s", *(("markPrice",) if self._marks % _SLOW_MARK == 0 else ())):
            for socket in self.subscribers(self._stream(kind)):
                self._push_data(socket, self._stream(kind), data)

    def _push_data(self, socket: Socket, stream: str, data: Json, delay_ns: int = 0) -> None:
        is_wrapped = stream and socket.facts.get("combined") == "yes"
        shown: Json = {"stream": stream, "data": data} if is_wrapped else data
        self.push(socket.socket_id, json.dumps(shown, separators=(",", ":")), delay_ns)


def open_twin(setup: TwinSetup, switches: Switches | None = None, *, is_hedged: bool = False) -> AsterTwin:
    return AsterTwin(setup, switches, is_hedged=is_hedged)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _message(frame: Frame) -> dict[str, object] | None:
    """What a client said; None for anything that is no JSON object."""
    try:
        message = json.loads(frame)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None

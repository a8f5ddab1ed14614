"""Backpack on loopback: its REST, its stream and its signatures over a simulated market, for rehearsals and tests.

Written from the venue's documentation, with code of its own throughout. What nobody could confirm about the venue is a
field of `Switches`, so that the other reading can be played too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.market import Quote
from domain.orders import OrderFact, OrderStatus
from exchanges.backpack.facts import Switches
from exchanges.backpack.twin_auth import check_subscription
from exchanges.backpack.twin_forms import OrderForm
from exchanges.backpack.twin_rest import RestDesk
from exchanges.backpack.twin_wire import order_frame, plain, position_frame
from exchanges.rehearsal.base import MILLISECONDS, NANOSECONDS, RequestWindow, Socket, TwinBase
from exchanges.rehearsal.desk import Happening, OrderMoved, PositionMoved, TouchMoved, TwinOrder
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from markets.orders import Reason, SelfTrade

_PING_EVERY_NS = 60 * NANOSECONDS
_DEAF_AFTER_NS = 120 * NANOSECONDS
_FIRST_ORDER_ID = 5_406_825_000
_FIRST_PHANTOM = 1_000_000_000
"""Numbers of orders that expired before they reached the book."""
_FIRST_TRADE_ID = 9_748_000
_PRIVATE = "account."


class BackpackTwin(TwinBase):
    """Satisfies `exchanges.transport.twin.Twin`."""

    name = "backpack"
    price_band = (Decimal("0.9"), Decimal("1.1"))
    """The narrower of the two that the listing names."""

    def __init__(self, setup: TwinSetup, switches: Switches | None = None) -> None:
        super().__init__(replace(setup, terms=replace(setup.terms, self_trade=SelfTrade.CANCEL_INCOMING)))
        rules = self.desk.rules
        self.desk.change_rules(replace(rules, min_notional=Decimal(0)))  # The venue knows no smallest notional.
        self.desk.take_happenings()
        self.switches = switches or Switches()
        self.status, self.book_state = "Ok", "Open"
        """Of the venue and of its market, as `/status` and `/markets` tell them."""
        self.symbol = f"{setup.ticker}_USDC_PERP"
        self.window = RequestWindow(2_000, 60 * NANOSECONDS)
        self.update_id = 1_662_976_171
        seed = Random(f"{self.name} {setup.seed}").randbytes(32)
        key = Ed25519PrivateKey.from_private_bytes(seed)
        self._secret_key = base64.b64encode(seed).decode()
        self.public_key = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        self._rest = RestDesk(self)
        self._phantoms: dict[int, TwinOrder] = {}
        self._position = Decimal(0)
        self._book: Quote | None = None
        self.later(self.switches.mark_price_every_ms * MILLISECONDS, self._tell_mark)

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return {
            "BACKPACK_PUBLIC_KEY": self.public_key,
            "BACKPACK_SECRET_KEY": self._secret_key,
            "BACKPACK_BASE_URL": base_url,
            "BACKPACK_WS_URL": ws_url,
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
        return sorted((*self.desk.orders.values(), *self._phantoms.values()), key=lambda order: order.updated_ns)

    def expired_at_once(self, form: OrderForm, reason: Reason) -> TwinOrder:
        """An order that was accepted and never reached the book."""
        now_ns = self.now_ns
        order = TwinOrder(
            _FIRST_PHANTOM + len(self._phantoms),
            form.client_id,
            form.side,
            form.price,
            form.quantity,
            form.quantity,
            form.post_only,
            form.reduce_only,
            now_ns,
            now_ns,
        )
        accepted = OrderMoved(now_ns, OrderFact.ACCEPTED, order, is_new=True)
        ended = replace(order, status=OrderStatus.EXPIRED, reason=reason, ended_ns=now_ns)
        self._phantoms[order.number] = ended
        self._tell_order(accepted)
        self._tell_order(OrderMoved(now_ns, OrderFact.EXPIRED, ended))
        return ended

    # --- the stream -------------------------------------------------------------------------------------------------

    def greet(self, socket: Socket) -> HttpResponse | None:
        if socket.handshake.path != "/":
            return HttpResponse(404)
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))
        return None

    def _check_pulse(self, socket: Socket) -> None:
        """The protocol's own ping every minute; two minutes without a word, and the line is cut."""
        if socket.socket_id not in self.sockets:
            return
        if self.now_ns - socket.heard_ns >= _DEAF_AFTER_NS:
            self.hang_up(socket.socket_id, 1001, "no pong")
            return
        self.ping(socket.socket_id)
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))

    def hear(self, socket: Socket, frame: Frame) -> None:
        message = _message(frame)
        if message is None:
            self._complain(socket, 4000, "Invalid message")
            return
        method, names, signature = message
        if method == "UNSUBSCRIBE":
            socket.channels.difference_update(names)
            return
        if any(name.startswith(_PRIVATE) for name in names):
            denial = check_subscription(signature, self.public_key, self.now_ms, self.switches)
            if denial is not None:
                if not self.switches.refused_subscription_is_silent:
                    self._complain(socket, 4002, denial.message)
                return
        socket.channels.update(names)
        self._first_words(socket, names)

    def _complain(self, socket: Socket, code: int, message: str) -> None:
        self.push(socket.socket_id, _json({"id": None, "error": {"code": code, "message": message}}))

    def _first_words(self, socket: Socket, names: list[str]) -> None:
        quote = self.desk.quote
        for name in names:
            if name.startswith("account.positionUpdate") and self.desk.position and quote is not None:
                self._push_data(
                    socket, self._private_name(name), self._position_data(self.desk.position, quote, self.now_ns, None)
                )
            elif name == f"bookTicker.{self.symbol}" and self.switches.touch_on_subscribe and quote is not None:
                self._push_data(socket, name, self._ticker(quote, self.now_ns))

    def tell(self, happening: Happening) -> None:
        match happening:
            case OrderMoved():
                self._tell_order(happening)
            case PositionMoved():
                self._tell_position(happening)
            case TouchMoved():
                self._tell_touch(happening)
            case _:
                pass  # Funding and rules are asked for.

    def _tell_order(self, moved: OrderMoved) -> None:
        order = moved.order
        if moved.is_new and order.quantity < order.asked:
            # The venue accepts a reduce-only order as it is and shrinks it then.
            whole = replace(moved, order=replace(order, quantity=order.asked))
            self._push_order(whole)
            moved = replace(moved, is_new=False)
        self._push_order(moved)

    def _push_order(self, moved: OrderMoved) -> None:
        trade_id = "" if moved.fill is None else self.trade_id(moved.fill.number)
        data = order_frame(moved, self.order_id(moved.order.number), trade_id, self.symbol, self.switches)
        self._push_private("account.orderUpdate", data)

    def _tell_position(self, moved: PositionMoved) -> None:
        quote = self.desk.quote
        before, self._position = self._position, moved.quantity
        if quote is not None:
            event = "positionClosed" if not moved.quantity else "positionAdjusted" if before else "positionOpened"
            self._push_private("account.positionUpdate", self._position_data(moved.quantity, quote, moved.at_ns, event))

    def _position_data(self, quantity: Decimal, quote: Quote, at_ns: int, event: str | None) -> dict[str, object]:
        as_text = self.switches.position_numbers_are_text
        return position_frame(self.symbol, quantity, quote.mid, at_ns, event, as_text=as_text)

    def _push_private(self, kind: str, data: dict[str, object]) -> None:
        delay_ns = self.switches.update_delay_ms * MILLISECONDS
        for name in (kind, f"{kind}.{self.symbol}"):
            for socket in self.subscribers(name):
                self._push_data(socket, self._private_name(name), data, delay_ns)

    def _private_name(self, subscribed: str) -> str:
        kind = ".".join(subscribed.split(".")[:2])
        return subscribed if self.switches.stream_carries_symbol else kind

    def _tell_touch(self, moved: TouchMoved) -> None:
        before, self._book = self._book, moved.quote
        self.update_id += 1
        for socket in self.subscribers(f"bookTicker.{self.symbol}"):
            self._push_data(socket, f"bookTicker.{self.symbol}", self._ticker(moved.quote, moved.at_ns))
        for socket in self.subscribers(f"depth.{self.symbol}"):
            self._push_data(socket, f"depth.{self.symbol}", self._depth(before, moved))

    def _ticker(self, quote: Quote, at_ns: int) -> dict[str, object]:
        return {
            "e": "bookTicker",
            "E": at_ns // 1_000 + 900,
            "T": at_ns // 1_000,
            "s": self.symbol,
            "a": plain(quote.ask),
            "A": plain(quote.ask_size),
            "b": plain(quote.bid),
            "B": plain(quote.bid_size),
            "u": self.update_id,
        }

    def _depth(self, before: Quote | None, moved: TouchMoved) -> dict[str, object]:
        """The touch as changes of levels: a price that is no longer best is deleted."""
        new = moved.quote
        bids, asks = [[plain(new.bid), plain(new.bid_size)]], [[plain(new.ask), plain(new.ask_size)]]
        if before is not None and before.bid != new.bid:
            bids.append([plain(before.bid), "0"])
        if before is not None and before.ask != new.ask:
            asks.append([plain(before.ask), "0"])
        at_us = moved.at_ns // 1_000
        numbers = {"U": self.update_id, "u": self.update_id}
        return {"e": "depth", "E": at_us + 900, "T": at_us, "s": self.symbol, **numbers, "a": asks, "b": bids}

    def mark_price(self) -> dict[str, object]:
        """Of `GET /api/v1/markPrices`."""
        quote = self.desk.quote
        mark = "0" if quote is None else plain(quote.mid)
        rate = plain(self.setup.source.funding.rate)
        next_ms = (self.now_ms // 28_800_000 + 1) * 28_800_000
        return {
            "symbol": self.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "fundingRate": rate,
            "nextFundingTimestamp": next_ms,
        }

    def _tell_mark(self) -> None:
        self.later(self.switches.mark_price_every_ms * MILLISECONDS, self._tell_mark)
        row = self.mark_price()
        at_us = self.now_ns // 1_000
        for socket in self.subscribers(f"markPrice.{self.symbol}"):
            data: dict[str, object] = {
                "e": "markPrice",
                "E": at_us + 900,
                "T": at_us,
                "s": self.symbol,
                "p": row["markPrice"],
                "f": row["fundingRate"],
                "i": row["indexPrice"],
                "n": row["nextFundingTimestamp"],
            }
            self._push_data(socket, f"markPrice.{self.symbol}", data)

    def _push_data(self, socket: Socket, stream: str, data: dict[str, object], delay_ns: int = 0) -> None:
        self.push(socket.socket_id, _json({"stream": stream, "data": data}), delay_ns)


def open_twin(setup: TwinSetup, switches: Switches | None = None) -> BackpackTwin:
    return BackpackTwin(setup, switches)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _message(frame: Frame) -> tuple[str, list[str], object] | None:
    """Method, stream names and signature; None for anything else."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") not in ("SUBSCRIBE", "UNSUBSCRIBE"):
        return None
    names = message.get("params")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return message["method"], names, message.get("signature")

"""Lighter on loopback: its REST, its socket and its signatures over a simulated market, for rehearsals and tests.

Written from the venue's documentation, with code of its own throughout: hashes and Schnorr signatures are verified in
Python, while the client signs with the venue's native library. What nobody could confirm about the venue is a field of
`Switches`, so that the other reading can be played too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

from domain.market import MarketRules
from domain.orders import OrderFact, OrderStatus
from exchanges.errors import Misconfigured
from exchanges.lighter.facts import TIERS, Switches
from exchanges.lighter.twin_auth import Denial, Gate
from exchanges.lighter.twin_curve import ORDER
from exchanges.lighter.twin_rest import RestDesk
from exchanges.lighter.twin_tx import SentTx, Sequencer
from exchanges.lighter.twin_wire import (
    FIRST_ORDER_ID,
    FIRST_TRADE_ID,
    MARKET,
    Json,
    Scale,
    changed,
    fee_ppm,
    level_rows,
    levels_of,
    order_row,
    packed,
    position_row,
    scale_of,
    trade_row,
)
from exchanges.rehearsal.base import MILLISECONDS, NANOSECONDS, RequestWindow, Socket, TwinBase
from exchanges.rehearsal.desk import Happening, OrderMoved, PositionMoved, RulesMoved, TouchMoved, TwinFill, TwinOrder
from exchanges.rehearsal.entry import AverageEntry
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from markets.orders import Reason, SelfTrade

_PING_EVERY_NS = 60 * NANOSECONDS
_DEAF_AFTER_NS = 120 * NANOSECONDS
_MOST_MESSAGES = 200
"""Of a client in a minute, transactions not counted."""
_FIRST_PHANTOM = 1_000_000_000
"""Numbers of orders that ended before they reached the book."""
_CHAIN_ID = 304
_KEY_INDEX = 5
_FIRST_BOOK_NONCE = 9_182_390_020


class LighterTwin(TwinBase):
    """Satisfies `exchanges.transport.twin.Twin`. One account with one API key, on the main network's chain id."""

    name = "lighter"
    ws_path = "/stream"
    price_band = (Decimal("0.5"), Decimal("1.5"))
    """Prices farther from the market than this are taken for accidents."""
    only_lists_orders = True
    gate_type = Gate

    def __init__(self, setup: TwinSetup, switches: Switches | None = None) -> None:
        """Raises `Misconfigured` for a market or fees that this venue could not have."""
        super().__init__(replace(setup, terms=replace(setup.terms, self_trade=SelfTrade.CANCEL_RESTING)))
        self.switches = switches or Switches()
        self.units: Scale = scale_of(self.desk.rules)
        """What whole numbers count: the present tick and step."""
        self.scale = self.units
        """How numbers are written: none that was exact once loses a digit because tick or step grew."""
        self._ppm = fee_ppm(setup.terms.taker_fee_rate), fee_ppm(setup.terms.maker_fee_rate)
        chance = Random(f"{self.name} {setup.seed}")
        self._private_key = chance.randrange(1, ORDER).to_bytes(40, "little")
        self.account = chance.randrange(10_000, 900_000)
        self.gate = self.gate_type(self.account, _KEY_INDEX, _CHAIN_ID, self._private_key, self.switches)
        self.sequencer = Sequencer(self)
        self.book_nonce = _FIRST_BOOK_NONCE
        self._book = levels_of(self.desk.quote, self.desk.rules.tick_size)
        self._phantoms: dict[int, TwinOrder] = {}
        self._expiries: dict[int, int] = {}
        self._entry = AverageEntry()
        self._said: dict[int, RequestWindow] = {}
        self._rest = RestDesk(self)
        self.later(self.switches.stats_every_ms * MILLISECONDS, self._tell_stats)

    @property
    def requests_per_minute(self) -> int:
        return TIERS[self.switches.tier].per_minute

    def can_list(self, rules: MarketRules) -> bool:
        try:
            scale_of(rules)
        except Misconfigured:
            return False
        return True

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return {
            "API_KEY_PRIVATE_KEY": f"0x{self._private_key.hex()}",
            "LIGHTER_ACCOUNT_INDEX": str(self.account),
            "LIGHTER_API_KEY_INDEX": str(_KEY_INDEX),
            "LIGHTER_TIER": self.switches.tier,
            "LIGHTER_BASE_URL": base_url,
            "LIGHTER_WS_URL": ws_url,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        return self._rest.answer(request)

    # --- orders -----------------------------------------------------------------------------------------------------

    def order_id(self, number: int) -> str:
        return str(FIRST_ORDER_ID + number)

    def trade_id(self, number: int) -> str:
        return str(FIRST_TRADE_ID + number)

    def all_orders(self) -> list[TwinOrder]:
        """Newest last, those that never reached the book among them."""
        return sorted((*self.desk.orders.values(), *self._phantoms.values()), key=lambda order: order.updated_ns)

    def never_booked(self, order: TwinOrder, reason: Reason) -> None:
        """An order that was executed and ended at once."""
        number = _FIRST_PHANTOM + len(self._phantoms)
        ended = replace(order, number=number, status=OrderStatus.CANCELLED, reason=reason, ended_ns=self.now_ns)
        self._phantoms[number] = ended
        self._tell_order(OrderMoved(self.now_ns, OrderFact.CANCELLED, ended))

    def expire_later(self, order: TwinOrder, expiry_ms: int) -> None:
        """End a resting order at its own time."""
        self._expiries[order.number] = expiry_ms
        if order.is_live and expiry_ms:
            self.later(expiry_ms * MILLISECONDS - self.now_ns, lambda: self._expire(order.number))

    def _expire(self, number: int) -> None:
        if self.desk.orders[number].is_live:
            self.desk.end_by_venue(number, Reason.EXPIRED, expired=True)

    def row_of(self, order: TwinOrder) -> Json:
        return order_row(order, self.account, self._expiries.get(order.number, 0), self.scale, self.switches)

    def row_of_fill(self, fill: TwinFill) -> Json:
        return trade_row(fill, self.account, self.scale, *self._ppm)

    def position_row(self) -> Json:
        quote = self.desk.quote
        mark = Decimal(0) if quote is None else quote.mid
        orders = len(self.desk.live_orders())
        return position_row(self.ticker, self.desk.position, self._entry.price, mark, orders, self.scale)

    # --- sockets ----------------------------------------------------------------------------------------------------

    def greet(self, socket: Socket) -> HttpResponse | None:
        if socket.handshake.path != self.ws_path:
            return HttpResponse(404)
        self._said[socket.socket_id] = RequestWindow(_MOST_MESSAGES, 60 * NANOSECONDS)
        self.push(socket.socket_id, packed({"type": "connected", "session_id": f"{socket.socket_id:08x}"}))
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))
        return None

    def left(self, socket: Socket) -> None:
        self._said.pop(socket.socket_id, None)

    def _check_pulse(self, socket: Socket) -> None:
        """A question every minute; two minutes without a frame of the client, and the line is cut."""
        if socket.socket_id not in self.sockets:
            return
        if self.now_ns - socket.heard_ns >= _DEAF_AFTER_NS:
            self.hang_up(socket.socket_id, 1001, "no frames")
            return
        self.push(socket.socket_id, packed({"type": "ping"}))
        self.later(_PING_EVERY_NS, lambda: self._check_pulse(socket))

    def hear(self, socket: Socket, frame: Frame) -> None:
        message = _message(frame)
        kind = message.get("type")
        if kind != "jsonapi/sendtx" and self._said[socket.socket_id].wait_ns(self.now_ns):
            self._complain(socket, 30009, "Too Many Websocket Messages!")
        elif kind == "ping":
            self.push(socket.socket_id, packed({"type": "pong"}))
        elif kind == "subscribe":
            self._subscribe(socket, str(message.get("channel")), message.get("auth"))
        elif kind == "unsubscribe":
            if (channel := str(message.get("channel"))) not in socket.channels:
                self._complain(socket, 30002, "Not Subscribed")
            socket.channels.discard(channel)
        elif kind == "jsonapi/sendtx":
            self._hear_tx(socket, message.get("data"))
        elif kind != "pong":
            self._complain(socket, 30000, "Invalid Message")

    def _hear_tx(self, socket: Socket, data: object) -> None:
        data = data if isinstance(data, dict) else {}
        info = data.get("tx_info")
        sent = self.sequencer.send(data.get("tx_type"), info if isinstance(info, str) else packed(info))
        if isinstance(sent, Denial):
            self._complain(socket, sent.code, sent.message)
            return
        answer = {"type": "jsonapi/sendtx", "id": data.get("id"), **self._rest.taken(sent)}
        self.push(socket.socket_id, packed(answer))

    def _complain(self, socket: Socket, code: int, message: str) -> None:
        self.push(socket.socket_id, packed({"error": {"code": code, "message": message}}))

    def _subscribe(self, socket: Socket, channel: str, auth: object) -> None:
        first = self._first_frame(channel)
        if first is None:
            self._complain(socket, 30005, f"Invalid Channel:  ({channel[:40]})")
        elif channel in socket.channels:
            self._complain(socket, 30003, "Already Subscribed")
        elif channel.startswith("account_") and self.gate.check_token(
            auth if isinstance(auth, str) else None, self.now_ms
        ):
            self._complain(socket, 20013, "invalid auth: expired or invalid token")
        else:
            socket.channels.add(channel)
            self.push(socket.socket_id, self._frame("subscribed", channel, first))

    def _first_frame(self, channel: str) -> Json | None:
        """What a channel begins with; None where there is no such channel."""
        account = self.account
        if channel == f"order_book/{MARKET}":
            return self._book_fields(*self._book, begin=0)
        if channel in (f"market_stats/{MARKET}", f"ticker/{MARKET}", f"trade/{MARKET}"):
            return self._stats() if channel.startswith("market_stats") else {}
        if channel == f"account_all_orders/{account}":
            rows = [self.row_of(order) for order in self.desk.live_orders()]
            return {"orders": {str(MARKET): rows} if rows else {}}
        if channel == f"account_all_trades/{account}":
            return {"trades": [] if self.switches.first_trades_are_a_list else {}}
        if channel == f"account_all_positions/{account}":
            return {"positions": {str(MARKET): self.position_row()} if self.desk.position else {}, "shares": []}
        return {"txs": []} if channel == f"account_tx/{account}" else None

    def _frame(self, kind: str, channel: str, fields: Json) -> str:
        name = channel.partition("/")[0]
        return packed({"type": f"{kind}/{name}", "channel": channel.replace("/", ":"), **fields})

    def _tell_channel(self, channel: str, fields: Json) -> None:
        sockets = self.subscribers(channel)
        if sockets:
            frame = self._frame("update", channel, fields)
            for socket in sockets:
                self.push(socket.socket_id, frame)

    # --- news -------------------------------------------------------------------------------------------------------

    def tell(self, happening: Happening) -> None:
        match happening:
            case OrderMoved():
                self._tell_order(happening)
            case PositionMoved():
                is_shown = self.desk.position or not self.switches.flat_position_is_left_out
                rows = {str(MARKET): self.position_row()} if is_shown else {}
                self._tell_channel(f"account_all_positions/{self.account}", {"positions": rows, "shares": []})
            case TouchMoved():
                self._tell_book()
            case RulesMoved(rules=rules):
                self.units = scale_of(rules, instead=self.units)
                self.scale = self.scale.at_least(self.units)
            case _:
                pass  # Funding is asked for, and so are rules.

    def _tell_order(self, moved: OrderMoved) -> None:
        orders: Json = {"orders": {str(MARKET): [self.row_of(moved.order)]}}
        frames = [(f"account_all_orders/{self.account}", orders)]
        if moved.fill is not None:
            self._entry.take(moved.fill)
            trades: Json = {"trades": {str(MARKET): [self.row_of_fill(moved.fill)]}}
            frames.append((f"account_all_trades/{self.account}", trades))
        for channel, fields in frames[::-1] if self.switches.trades_before_orders else frames:
            self._tell_channel(channel, fields)

    def tell_tx(self, sent: SentTx) -> None:
        """A transaction was executed, or failed."""
        self._tell_channel(f"account_tx/{self.account}", {"txs": [self._rest.tx_row(sent)]})

    def _tell_book(self) -> None:
        bids, asks = levels_of(self.desk.quote, self.desk.rules.tick_size)
        before, self._book = self._book, (bids, asks)
        new_bids, new_asks = changed(before[0], bids), changed(before[1], asks)
        begin, self.book_nonce = self.book_nonce, self.book_nonce + 22
        self._tell_channel(f"order_book/{MARKET}", self._book_fields(new_bids, new_asks, begin=begin))
        quote = self.desk.quote
        if quote is not None:
            ask = {"price": self.scale.price(quote.ask), "size": self.scale.size(quote.ask_size)}
            bid = {"price": self.scale.price(quote.bid), "size": self.scale.size(quote.bid_size)}
            ticker = {"s": self.ticker, "a": ask, "b": bid, "last_updated_at": self.now_ns // 1_000}
            fields: Json = {"nonce": self.book_nonce, "ticker": ticker, "timestamp": self.now_ms}
            self._tell_channel(f"ticker/{MARKET}", fields)

    def _book_fields(self, bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal], begin: int) -> Json:
        offset = self.book_nonce // 3
        book: Json = {
            "code": 0,
            "asks": level_rows(asks, self.scale),
            "bids": level_rows(bids, self.scale),
            "offset": offset,
            "nonce": self.book_nonce,
            "begin_nonce": begin,
        }
        return {"offset": offset, "order_book": book, "timestamp": self.now_ms}

    def _tell_stats(self) -> None:
        self.later(self.switches.stats_every_ms * MILLISECONDS, self._tell_stats)
        self._tell_channel(f"market_stats/{MARKET}", self._stats())

    def _stats(self) -> Json:
        quote = self.desk.quote
        mark = self.scale.price(Decimal(0) if quote is None else quote.mid)
        rate = format(self.setup.source.funding.rate, "f")
        stats = {
            "symbol": self.ticker,
            "market_id": MARKET,
            "index_price": mark,
            "mark_price": mark,
            "open_interest": "185926683.471886",
            "last_trade_price": mark,
            "current_funding_rate": rate,
            "funding_rate": rate,
            "funding_timestamp": self.now_ms // 3_600_000 * 3_600_000,
            "daily_base_token_volume": 296009.9355,
            "daily_price_change": 0.830824189844348,
        }
        return {"market_stats": stats, "timestamp": self.now_ms}


def open_twin(setup: TwinSetup, switches: Switches | None = None) -> LighterTwin:
    return LighterTwin(setup, switches)


def _message(frame: Frame) -> dict[str, object]:
    """Empty for anything that is no object."""
    try:
        message = json.loads(frame)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}

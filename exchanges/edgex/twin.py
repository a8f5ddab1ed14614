"""edgeX on loopback: its REST, its two sockets and its signatures over a simulated market, for rehearsals and tests.

Written from the venue's documentation, with code of its own throughout. What nobody could confirm about the venue is a
field of `Switches`, so that the other reading can be played too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from urllib.parse import parse_qsl

from coincurve import PrivateKey
from Crypto.Hash import keccak

from domain.market import Quote
from domain.orders import OrderFact
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin_auth import Keys, check_protocol, check_request
from exchanges.edgex.twin_orders import Booked, OrderForm, OrderTable
from exchanges.edgex.twin_rest import RestDesk
from exchanges.edgex.twin_wire import (
    COIN_ID,
    Json,
    Levels,
    OrderView,
    book_ticker_row,
    changed_levels,
    compact,
    contract_id_of,
    denied,
    fill_row,
    funding_row,
    level_rows,
    levels_of,
    order_row,
    plain,
    position_row,
    streamed_fill,
    ticker_row,
    with_page_names,
)
from exchanges.rehearsal.base import MILLISECONDS, NANOSECONDS, RequestWindow, Socket, TwinBase
from exchanges.rehearsal.desk import FundingPaid, Happening, OrderMoved, TouchMoved, TwinFill, TwinOrder, is_liquidated
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from markets.orders import Reason

_FIRST_TRADE_ID = 570_000_000_000_000_000
_PUBLIC_PATH = "/api/v1/public/ws"
_PRIVATE_PATH = "/api/v1/private/ws"
_MOST_UNANSWERED = 5
_PRIVATE = "private"
_LISTS = (
    "account", "collateral", "position", "order", "collateralTransaction", "positionTransaction", "deposit",
    "withdraw", "transferIn", "transferOut", "orderFillTransaction",
)  # fmt: skip


class EdgexTwin(TwinBase):
    """Satisfies `exchanges.transport.twin.Twin`. `longest_page` and `longest_history_page` can be
    lowered to make listings long."""

    name = "edgex"

    def __init__(self, setup: TwinSetup, switches: Switches | None = None) -> None:
        super().__init__(setup)
        self.switches = switches or Switches()
        self.contract_id = contract_id_of(setup.ticker)
        self.contract_name = f"{setup.ticker.upper()}USDC"
        self.window = RequestWindow(self.switches.requests_per_minute, 60 * NANOSECONDS)
        self.longest_page = setup.longest_page or 200
        self.longest_history_page = setup.longest_history_page or 200
        self.version = 17_873
        self.book_version = 1
        self.table = OrderTable(self.desk, self.contract_id, self.switches, self._tell_refused)
        self._draw_keys(Random(f"{self.name} {setup.seed}"))
        self._rest = RestDesk(self)
        self._book: tuple[Levels, Levels] = ({}, {})
        if self.desk.rules.min_notional:
            # The venue knows no smallest notional.
            self.desk.change_rules(replace(self.desk.rules, min_notional=Decimal(0)))
            self.desk.take_happenings()
        self.later(self.switches.ticker_every_ms * MILLISECONDS, self._tell_ticker)

    def _draw_keys(self, chance: Random) -> None:
        signer = PrivateKey(chance.randbytes(32))
        self._signer_key = signer.to_hex()
        point = signer.public_key.format(compressed=False)[1:]
        self.keys = Keys(
            account_id=str(chance.randrange(10**17, 10**18)),
            api_key=_uuid_text(chance),
            secret=chance.randbytes(24).hex(),
            passphrase=chance.randbytes(12).hex(),
            signer=keccak.new(digest_bits=256, data=point).digest()[12:],
        )

    @property
    def requests_per_minute(self) -> int:
        return self.switches.requests_per_minute

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return {
            "EDGEX_ACCOUNT_ID": self.keys.account_id,
            "EDGEX_API_KEY": self.keys.api_key,
            "EDGEX_API_SECRET": self.keys.secret,
            "EDGEX_API_PASSPHRASE": self.keys.passphrase,
            "EDGEX_SIGNER_PRIVATE_KEY": self._signer_key,
            "EDGEX_BASE_URL": base_url,
            "EDGEX_WS_URL": ws_url,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        return self._rest.answer(request)

    def order_id(self, number: int) -> str:
        return self.table.by_number(number).order_id

    def trade_id(self, number: int) -> str:
        return str(_FIRST_TRADE_ID + number)

    # --- orders -----------------------------------------------------------------------------------------------------

    def accept(self, form: OrderForm) -> Booked:
        """Queue an order, tell that it is pending, and act on it a moment later."""
        booked = self.table.accept(form, self.now_ms)
        self._tell_account("ORDER_UPDATE", order=[self._row(booked)])
        self.later(self.switches.engine_delay_ms * MILLISECONDS, lambda: self.table.act(booked, self.now_ms))
        life_ns = form.expire_ms * MILLISECONDS - self.now_ns
        self.later(max(life_ns, 0), lambda: self.table.end(booked, Reason.EXPIRED))
        return booked

    def ask_cancel(self, booked: Booked) -> None:
        """Take note of a cancel; until it is acted on, the order may still fill."""
        if booked.cancel_asked:
            return
        booked.cancel_asked = True
        if self.switches.tells_canceling and booked.number is not None:
            self._tell_account("ORDER_UPDATE", order=[self._row(booked)])
        self.later(self.switches.engine_delay_ms * MILLISECONDS, lambda: self.table.cancel(booked))

    def _row(self, booked: Booked, order: TwinOrder | None = None) -> Json:
        return self.row_of(self.table.view(booked, order))

    def row_of(self, view: OrderView) -> Json:
        """An order as every answer and message writes it."""
        row = order_row(view, self.keys.account_id, self.desk.rules)
        return with_page_names(row) if self.switches.rows_have_page_names else row

    def fill_of(self, fill: TwinFill) -> Json:
        """A trade as the history writes it; the private socket leaves some of it out."""
        order_id = self.table.by_number(fill.order.number).order_id
        row = fill_row(fill, self.trade_id(fill.number), order_id, self.contract_id, self.keys.account_id)
        return with_page_names(row) if self.switches.rows_have_page_names else row

    # --- what happens -----------------------------------------------------------------------------------------------

    def tell(self, happening: Happening) -> None:
        match happening:
            case OrderMoved():
                self._tell_order(happening)
            case TouchMoved():
                self._tell_touch(happening.quote)
            case FundingPaid():
                number = self.desk.funding.index(happening) + 1
                row = funding_row(happening, number, self.contract_id)
                self._tell_account("FUNDING_SETTLEMENT", positionTransaction=[row])
            case _:
                pass  # Positions are told with the settlement; rules are asked for.

    def _tell_refused(self, booked: Booked) -> None:
        self._tell_account("ORDER_UPDATE", order=[self._row(booked)])

    def _tell_order(self, moved: OrderMoved) -> None:
        order, booked = moved.order, self.table.by_number(moved.order.number)
        is_trim = order.quantity < order.asked and moved.fact is OrderFact.ACCEPTED and moved.fill is None
        if is_trim and not self.switches.reduce_only_is_trimmed:
            # An order too large for the position does not shrink here, it goes.
            self.later(0, lambda: self.table.end(booked, Reason.REDUCE_ONLY))
            return
        event = "FORCE_TRADE_UPDATE" if is_liquidated(order) else "ORDER_UPDATE"
        fills: list[Json] = []
        if moved.fill is not None:
            names_contract = self.switches.stream_fills_name_contract
            fills.append(
                streamed_fill(self.fill_of(moved.fill), names_contract=names_contract, names_side=order.forced)
            )
            totals = (order.filled, order.filled_quote, order.fees)
            delay_ns = self.switches.settlement_delay_ms * MILLISECONDS
            self.later(delay_ns, lambda: self._settle(booked, totals))
        self._tell_account(event, order=[self._row(booked, order)], orderFillTransaction=fills)

    def _settle(self, booked: Booked, totals: tuple[Decimal, Decimal, Decimal]) -> None:
        """The lagging totals, with the balance and the position they led to."""
        self.table.settle(booked, totals)
        if self.switches.settles_twice:
            lists = {"collateral": [self._collateral()], "position": [self._position()]}
            self._tell_account("ORDER_UPDATE", order=[self._row(booked)], orderFillTransaction=[], **lists)

    def _collateral(self) -> Json:
        return {"coinId": COIN_ID, "amount": plain(self.desk.venue.equity_at_mid())}

    def _position(self) -> Json:
        quote = self.desk.quote
        return position_row(self.contract_id, self.desk.position, Decimal(0) if quote is None else quote.mid)

    def _tell_account(self, event: str, **lists: list[Json]) -> None:
        self.version += 1 if self.switches.versions_step_by_one else 3
        frame = self._trade_event(event, dict(lists))
        for socket in self.subscribers(_PRIVATE):
            self.push(socket.socket_id, frame)

    def _trade_event(self, event: str, data: Mapping[str, object]) -> str:
        version = str(self.version) if self.switches.versions_are_text else self.version
        content = {"event": event, "version": version, "time": self.now_ms, "accountId": 0, "data": data}
        return compact({"type": "trade-event", "content": content})

    # --- sockets ----------------------------------------------------------------------------------------------------

    def greet(self, socket: Socket) -> HttpResponse | None:
        handshake = socket.handshake
        if handshake.path == _PRIVATE_PATH:
            values: dict[str, object] = dict(parse_qsl(handshake.query))
            refusal = check_request(handshake, values, self.keys, self.now_ms, self.switches)
            if refusal is None and self.switches.socket_needs_protocol:
                refusal = check_protocol(handshake)
            if refusal is not None:
                return denied(refusal, self.now_ms)
            socket.channels.add(_PRIVATE)
            self._welcome(socket)
        elif handshake.path != _PUBLIC_PATH:
            return HttpResponse(404)
        self.later(self.switches.ping_every_ms * MILLISECONDS, lambda: self._check_pulse(socket, 0))
        return None

    def _welcome(self, socket: Socket) -> None:
        now_ms = self.now_ms
        self.push(socket.socket_id, compact({"sid": f"{now_ms:032x}", "type": "connected", "time": str(now_ms)}))
        data: dict[str, object] = {name: [] for name in _LISTS}
        data["collateral"] = [self._collateral()]
        data["order"] = [self._row(booked) for booked in self.table.live()]
        if self.desk.position:
            data["position"] = [self._position()]
        self.push(socket.socket_id, self._trade_event("Snapshot", data))

    def _check_pulse(self, socket: Socket, asked: int) -> None:
        """A ping now and then; five without an answer, and the line is cut. `asked` counts them."""
        if socket.socket_id not in self.sockets:
            return
        if socket.facts.pop("answered", None) is not None:
            asked = 0
        if asked >= _MOST_UNANSWERED:
            self.hang_up(socket.socket_id, 1000, "no pong")
            return
        self.push(socket.socket_id, compact({"type": "ping", "time": str(self.now_ms)}))
        self.later(self.switches.ping_every_ms * MILLISECONDS, lambda: self._check_pulse(socket, asked + 1))

    def hear(self, socket: Socket, frame: Frame) -> None:
        try:
            message = json.loads(frame)
            kind, channel = message["type"], str(message.get("channel", ""))
        except (ValueError, TypeError, KeyError, RecursionError):
            self._complain(socket, "INVALID_MESSAGE", "a message has a type")
            return
        if kind == "ping":
            self.push(socket.socket_id, compact({"type": "pong", "time": message.get("time", "")}))
        elif kind == "pong":
            socket.facts["answered"] = "yes"
        elif kind == "unsubscribe":
            socket.channels.discard(channel)
        elif kind == "subscribe" and _PRIVATE not in socket.channels:
            self._subscribe(socket, channel, str(frame))
        else:
            self._complain(socket, "INVALID_MESSAGE", "unknown type")

    def _complain(self, socket: Socket, code: str, message: str) -> None:
        self.push(socket.socket_id, compact({"type": "error", "content": {"code": code, "msg": message}}))

    def _subscribe(self, socket: Socket, channel: str, request: str) -> None:
        kind, _, rest = channel.partition(".")
        if kind == "depth":
            rest, _, level = rest.partition(".")
            if level not in ("15", "200"):
                self._complain(socket, "INVALID_DEPTH_LEVEL", f"invalid level:{level}")
                return
        if kind not in ("depth", "bookTicker", "ticker", "trades", "fundingRate", "metadata") or (
            kind == "bookTicker" and not self.switches.has_book_ticker
        ):
            self._complain(socket, "INVALID_CHANNEL", f"invalid channel:{channel}")
            return
        if rest != self.contract_id and kind != "metadata":
            self._complain(socket, "INVALID_CONTRACT_ID", f"invalid contractId:{rest}")
            return
        socket.channels.add(channel)
        self.push(socket.socket_id, compact({"type": "subscribed", "channel": channel, "request": request}))
        quote = self.desk.quote
        if quote is None:
            return
        if kind == "bookTicker" and self.switches.book_ticker_begins_with_snapshot:
            self._quote_event([socket], channel, "Snapshot", book_ticker_row(rest, self.contract_name, quote))
        elif kind == "depth":
            self._send_whole_book(socket, channel)

    # --- the market -------------------------------------------------------------------------------------------------

    def _tell_touch(self, quote: Quote) -> None:
        channel = f"bookTicker.{self.contract_id}"
        row = book_ticker_row(self.contract_id, self.contract_name, quote)
        self._quote_event(self.subscribers(channel), channel, self.switches.changed_word, row)
        before, self._book = self._book, levels_of(quote, self.desk.rules.tick_size)
        changes = [
            changed_levels(old, new, as_deltas=self.switches.depth_sizes_are_deltas)
            for old, new in zip(before, self._book, strict=True)
        ]
        if not any(changes):
            return
        self.book_version += 1
        for level in ("15", "200"):
            channel = f"depth.{self.contract_id}.{level}"
            for socket in self.subscribers(channel):
                if channel in socket.facts:
                    row = self.depth_row("CHANGED", level, changes[0], changes[1])
                    self._quote_event([socket], channel, self.switches.changed_word, row)
                else:
                    self._send_whole_book(socket, channel)

    def _send_whole_book(self, socket: Socket, channel: str) -> None:
        """What was last told to the others, so that the next change fits."""
        quote = self.desk.quote
        if not self._book[0] and quote is not None:
            self._book = levels_of(quote, self.desk.rules.tick_size)
        socket.facts[channel] = "begun"
        row = self.depth_row("SNAPSHOT", channel.rpartition(".")[2], *self._book)
        self._quote_event([socket], channel, "Snapshot", row)

    def depth_row(self, kind: str, level: str, bids: Levels, asks: Levels) -> Json:
        """Of a depth message, or of `getDepth`."""
        as_pairs = self.switches.depth_levels_are_pairs
        return {
            "startVersion": str(self.book_version),
            "endVersion": str(self.book_version),
            "level": int(level),
            "contractId": self.contract_id,
            "contractName": self.contract_name,
            "asks": level_rows(asks, as_pairs=as_pairs),
            "bids": level_rows(bids, as_pairs=as_pairs),
            "depthType": kind,
        }

    def _tell_ticker(self) -> None:
        self.later(self.switches.ticker_every_ms * MILLISECONDS, self._tell_ticker)
        channel, quote = f"ticker.{self.contract_id}", self.desk.quote
        if quote is not None:
            rate = self.setup.source.funding.rate
            row = ticker_row(self.contract_id, self.contract_name, quote, rate, self.now_ms)
            self._quote_event(self.subscribers(channel), channel, self.switches.changed_word, row)

    def _quote_event(self, sockets: list[Socket], channel: str, word: str, row: Json) -> None:
        if sockets:
            content = {"channel": channel, "dataType": word, "data": [row]}
            frame = compact({"type": self.switches.quote_event_type, "channel": channel, "content": content})
            for socket in sockets:
                self.push(socket.socket_id, frame)


def open_twin(setup: TwinSetup, switches: Switches | None = None) -> EdgexTwin:
    return EdgexTwin(setup, switches)


def _uuid_text(chance: Random) -> str:
    text = chance.randbytes(16).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

"""What every twin does alike: time, timers, sockets, outgoing frames. A venue's twin subclasses `TwinBase`.

A subclass writes its venue's own words: `answer` a request, `greet` a socket and `hear` its messages, and `tell` what
happened to whoever subscribed. It verifies signatures with code of its own, never with its client's.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.market import MarketRules
from exchanges.rehearsal.desk import Happening, TwinDesk
from exchanges.rehearsal.ledger import ledger_of
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, Outgoing, SendFrame, SendPing

NANOSECONDS = 1_000_000_000
MILLISECONDS = 1_000_000


@dataclass(slots=True)
class Socket:
    """One open WebSocket. `channels` and `facts` are the subclass's to use: what is subscribed, who logged in."""

    socket_id: int
    handshake: HttpRequest
    opened_ns: int
    channels: set[str] = field(default_factory=set)
    facts: dict[str, str] = field(default_factory=dict)
    heard_ns: int = 0
    """When the client last sent anything, pongs included."""


class TwinBase(ABC):
    """Satisfies `exchanges.transport.twin.Twin`. Times are wire time."""

    name: str
    rest_path = ""
    ws_path = ""
    only_lists_orders = False
    """Whether no single order can be asked for: lists are all that tells of one."""
    price_band = (Decimal(0), Decimal("Infinity"))
    """The lowest and the highest price of a limit order of either side, as fractions of the middle of the market."""

    def __init__(self, setup: TwinSetup) -> None:
        self.setup = setup
        self.desk = TwinDesk(setup)
        self.sockets: dict[int, Socket] = {}
        self._next_socket = 1
        self._outgoing: list[Outgoing] = []
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._scheduled = 0

    # --- a venue's own words ----------------------------------------------------------------------------------------

    @abstractmethod
    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        """Every variable a client of this twin needs."""

    @abstractmethod
    def answer(self, request: HttpRequest) -> HttpResponse:
        """Any request, now."""

    @abstractmethod
    def greet(self, socket: Socket) -> HttpResponse | None:
        """A socket wants to open: None lets it in (and may already `push` to it), a response refuses it."""

    @abstractmethod
    def hear(self, socket: Socket, frame: Frame) -> None:
        """A message of the client."""

    @abstractmethod
    def tell(self, happening: Happening) -> None:
        """Something happened: push what the venue would push, with its delays."""

    def can_list(self, rules: MarketRules) -> bool:  # noqa: ARG002 - most venues can
        """Whether the venue has words for such a tick and step."""
        return True

    def left(self, socket: Socket) -> None:  # noqa: B027 - most venues do nothing
        """A socket is gone."""

    def order_id(self, number: int) -> str:
        """An order's id on the wire."""
        return str(number)

    def trade_id(self, number: int) -> str:
        """A trade's id on the wire."""
        return str(number)

    @property
    def requests_per_minute(self) -> int | None:
        """What the venue takes of one account in a minute; None where it takes more than a bot ever sends."""
        return None

    # --- for subclasses ---------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.desk.now_ns

    @property
    def now_ms(self) -> int:
        return self.desk.now_ns // MILLISECONDS

    def is_out_of_band(self, price: Decimal) -> bool:
        """Whether a limit order is priced further from the market than the venue takes; never while it has none."""
        quote, (lowest, highest) = self.desk.quote, self.price_band
        return quote is not None and not lowest <= price / quote.mid <= highest

    def later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Do something at a later wire time; actions of one moment keep their order."""
        heapq.heappush(self._timers, (self.now_ns + delay_ns, self._scheduled, action))
        self._scheduled += 1

    def push(self, socket_id: int, frame: Frame, delay_ns: int = 0) -> None:
        """Send a message to a socket, unless it is gone by then."""
        self._push(SendFrame(socket_id, frame), delay_ns)

    def ping(self, socket_id: int) -> None:
        """Send a ping of the WebSocket protocol."""
        self._push(SendPing(socket_id), 0)

    def hang_up(self, socket_id: int, code: int = 1000, reason: str = "") -> None:
        """Close a socket."""
        if socket_id in self.sockets:
            self._outgoing.append(CloseSocket(socket_id, code, reason))
            self.left(self.sockets.pop(socket_id))

    def subscribers(self, channel: str) -> list[Socket]:
        return [socket for socket in self.sockets.values() if channel in socket.channels]

    def _push(self, outgoing: Outgoing, delay_ns: int) -> None:
        if delay_ns:
            self.later(delay_ns, lambda: self._push(outgoing, 0))
        elif outgoing.socket_id in self.sockets:
            self._outgoing.append(outgoing)

    # --- the interface of every twin --------------------------------------------------------------------------------

    @property
    def ticker(self) -> str:
        return self.setup.ticker

    @property
    def has_ended(self) -> bool:
        return self.desk.venue.has_ended

    def advance(self, until_ns: int) -> int:
        while not self._outgoing and self.now_ns < until_ns:
            due_ns = self._timers[0][0] if self._timers else until_ns
            self.desk.advance(min(until_ns, max(due_ns, self.now_ns)))
            self._tell_all()
            self._run_timers()
        return self.now_ns

    def take_outgoing(self) -> list[Outgoing]:
        self._tell_all()
        self._run_timers()
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def request(self, request: HttpRequest) -> HttpResponse:
        response = self.answer(request)
        self._tell_all()
        return response

    def open_socket(self, handshake: HttpRequest) -> int | HttpResponse:
        socket = Socket(self._next_socket, handshake, self.now_ns, heard_ns=self.now_ns)
        self._next_socket += 1
        self.sockets[socket.socket_id] = socket
        refusal = self.greet(socket)
        if refusal is not None:
            del self.sockets[socket.socket_id]
            return refusal
        return socket.socket_id

    def socket_frame(self, socket_id: int, frame: Frame) -> None:
        socket = self.sockets.get(socket_id)
        if socket is not None:
            socket.heard_ns = self.now_ns
            self.hear(socket, frame)
            self._tell_all()

    def socket_pong(self, socket_id: int) -> None:
        if socket_id in self.sockets:
            self.sockets[socket_id].heard_ns = self.now_ns

    def socket_ping(self, socket_id: int) -> None:
        self.socket_pong(socket_id)

    def socket_closed(self, socket_id: int) -> None:
        socket = self.sockets.pop(socket_id, None)
        if socket is not None:
            self.left(socket)

    def ledger(self) -> Mapping[str, object]:
        return ledger_of(self.desk, self.order_id, self.trade_id)

    def _tell_all(self) -> None:
        for happening in self.desk.take_happenings():
            self.tell(happening)

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= self.now_ns:
            heapq.heappop(self._timers)[2]()
            self._tell_all()


class RequestWindow:
    """Counts requests in a sliding window, as venues that answer 429 do."""

    def __init__(self, most: int, window_ns: int) -> None:
        self._most = most
        self._window_ns = window_ns
        self._taken: list[tuple[int, int]] = []

    def wait_ns(self, now_ns: int, cost: int = 1) -> int:
        """0 and counted when there is room, else how long until there is."""
        self._taken = [(at_ns, spent) for at_ns, spent in self._taken if at_ns > now_ns - self._window_ns]
        if sum(spent for _, spent in self._taken) + cost > self._most:
            return self._taken[0][0] + self._window_ns - now_ns if self._taken else self._window_ns
        self._taken.append((now_ns, cost))
        return 0

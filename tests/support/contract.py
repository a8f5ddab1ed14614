"""What the contract suite needs to know of a venue, and the world each of its tests runs in.

A venue is described once, in `tests/support/contract_venues/<name>.py`, by a `VenueUnderTest` called `VENUE`. The suite
then runs every behaviour against that venue's client and twin over real sockets on loopback. What a venue cannot do is
named in `cannot` with its reason; the table of `docs/exchanges/README.md` is made from that.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TypeVar

from domain.events import VenueEvent
from domain.market import NANOSECONDS, MarketRules
from exchanges.base import BaseExchangeClient
from exchanges.rehearsal.base import TwinBase
from exchanges.rehearsal.desk import TwinOrder
from exchanges.rehearsal.host import RunningTwin, start_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from markets.account import AccountTerms
from markets.tape import TapeScale
from tests.support.stepped_clock import SteppedClock
from tests.support.tape import START_NS, ScriptedMarket, Tick, at

Event = TypeVar("Event", bound=VenueEvent)

RULES = MarketRules(
    ticker="ETH",
    contract_id="ETH-PERP",
    tick_size=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.01"),
)
SCALE = TapeScale(price_unit=Decimal("0.1"), size_unit=Decimal("0.001"))
FOLDER = Path(__file__).parent / "contract_venues"
DOCUMENT = Path(__file__).parents[2] / "docs" / "exchanges" / "README.md"
TABLE_BEGINS, TABLE_ENDS = "<!-- table begins -->\n", "<!-- table ends -->\n"
WAIT_S = 8.0
"""The longest a behaviour may take to show; a failure waits this long, a success never."""

BEHAVIOURS = {
    "open": "an open rests, is announced, listed and found",
    "partial": "a partial fill is told as a fill and as a total",
    "fill": "a fill ends the order",
    "cancel": "a cancel ends the order and keeps what it filled",
    "cancel_races_fill": "a cancel that comes after the fill changes nothing",
    "post_only": "a post-only order that would cross is refused, whenever the venue says so",
    "reduce_only": "a reduce-only order shrinks with the position, or ends",
    "unknown_order": "an order that was never sent is proven absent, and cannot be cancelled",
    "duplicate_client_id": "one client id is one order",
    "expired_token": "an expired token is renewed unseen",
    "reconnect": "fills missed while the stream was away are found",
    "book_gap": "a gap in the book is an event, and a fresh book follows",
    "rate_limit": "a 429 stops everything for as long as it says",
    "outage": "a 503 with a web page proves nothing",
    "lost_answer": "an order whose answer was lost is found by our id",
    "clock_skew": "a venue whose clock is two minutes off, either way, is served",
    "long_list": "an order list longer than a page is read to its end",
    "silent_socket": "a socket without data is replaced",
    "secrets": "no secret shows in an event or an error",
}


@dataclass(frozen=True)
class VenueUnderTest:
    """One venue. `open_client` uses short waits: silence is noticed after a second or two, absence is believed sooner.

    `is_place`, `is_cancel`: which requests those are. `load_refusal`: the 429 as the venue words it, asking for a pause
    of one second where it can. `cannot`: behaviour -> reason. `page`: the length of the venue's page of open orders.
    `expire_token`: make the twin forget the client's session now. `is_book_frame`: which frames of the twin carry the
    chain whose gap is tested (one of them is dropped). `secrets`: which variables of the twin's `env` are secret.
    """

    name: str
    open_twin: Callable[[TwinSetup], TwinBase]
    open_client: Callable[[ClientSetup], BaseExchangeClient]
    is_place: Callable[[HttpRequest], bool]
    is_cancel: Callable[[HttpRequest], bool]
    load_refusal: HttpResponse
    secrets: tuple[str, ...]
    cannot: Mapping[str, str] = field(default_factory=dict)
    page: int = 0
    expire_token: Callable[[TwinBase], None] | None = None
    is_book_frame: Callable[[Frame], bool] | None = None


def venues() -> list[VenueUnderTest]:
    """Every venue described in the folder, in alphabetical order."""
    names = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
    found: list[VenueUnderTest] = []
    for name in names:
        venue = importlib.import_module(f"tests.support.contract_venues.{name}").VENUE
        assert isinstance(venue, VenueUnderTest)
        found.append(venue)
    return found


class Faults:
    """The meddler of a test: rules may be set and taken away at any time."""

    def __init__(self) -> None:
        self.on_request: Callable[[HttpRequest], RequestFate | None] = lambda _request: None
        self.on_frame: Callable[[Frame], FrameFate | None] = lambda _frame: None
        self.refuse_sockets = False
        self.seen: list[HttpRequest] = []

    def request_fate(self, request: HttpRequest) -> RequestFate:
        self.seen.append(request)
        return self.on_request(request) or RequestFate()

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:
        return self.on_frame(frame) or FrameFate()

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:
        return HttpResponse(503) if self.refuse_sockets else None

    def heal(self) -> None:
        self.on_request = lambda _request: None
        self.on_frame = lambda _frame: None
        self.refuse_sockets = False


class EventLog:
    """Everything the client told, and a way to wait for what it will tell."""

    def __init__(self) -> None:
        self.events: list[VenueEvent] = []
        self._news = asyncio.Event()

    def take(self, event: VenueEvent) -> None:
        self.events.append(event)
        self._news.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[Event], holds: Callable[[Event], bool] = lambda _event: True) -> Event:
        """The first event, past or to come, of which `holds` is true."""
        seen = 0
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    for event in self.events[seen:]:
                        if isinstance(event, kind) and holds(event):
                            return event
                    seen = len(self.events)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no such {kind.__name__} among {self.events}") from None


@dataclass
class ContractWorld:
    """One venue's client and twin, connected over loopback, on a scripted market."""

    venue: VenueUnderTest
    twin: TwinBase
    running: RunningTwin
    client: BaseExchangeClient
    log: EventLog
    faults: Faults
    clock: SteppedClock

    def go_to(self, seconds: float) -> None:
        """The market's moment `seconds` after its start, and everything that it did until then."""
        self.clock.go_to(at(seconds))
        self.running.host.live()

    @property
    def placed(self) -> list[TwinOrder]:
        """The orders that reached the venue over the wire, by its own ledger."""
        return [order for order in self.twin.desk.orders.values() if order.client_id is not None]


@asynccontextmanager
async def contract_world(
    venue: VenueUnderTest, ticks: Sequence[Tick], *, skew_s: int = 0, terms: AccountTerms | None = None
) -> AsyncIterator[ContractWorld]:
    """Everything started, connected, and closed again."""
    clock = SteppedClock(START_NS)
    market = ScriptedMarket(ticks, rules=RULES, scale=SCALE)
    terms = terms or AccountTerms(balance=Decimal(100_000))
    skew_ns = skew_s * NANOSECONDS
    twin = venue.open_twin(TwinSetup("ETH", market, terms, START_NS + skew_ns, seed=7))
    faults = Faults()
    running = await start_twin(twin, clock, meddler=faults, skew_ns=skew_ns)
    network = Network()
    env = running.env
    client = venue.open_client(ClientSetup("ETH", env.get, network.open_http, network.sockets, clock, Random(1)))
    log = EventLog()
    try:
        await client.connect()
        client.setup_order_update_handler(log.take)
        yield ContractWorld(venue, twin, running, client, log, faults, clock)
    finally:
        await client.disconnect()
        await network.close()
        await running.close()


def table(described: Sequence[VenueUnderTest]) -> str:
    """The Markdown table of behaviours and venues, with the reasons below it."""
    names = [venue.name for venue in described]
    lines = [f"| | behaviour | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    notes: list[str] = []
    for number, (key, text) in enumerate(BEHAVIOURS.items(), 1):
        cells = []
        for venue in described:
            reason = venue.cannot.get(key)
            if reason is None:
                cells.append("yes")
            else:
                notes.append(f"{len(notes) + 1}. {venue.name}, {key.replace('_', ' ')}: {reason}")
                cells.append(f"no ({len(notes)})")
        lines.append(f"| {number} | {text} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *notes]) + "\n"


def rewrite(document: Path) -> None:
    """Put the present table between the marks of the document."""
    head, _, rest = document.read_text(encoding="utf-8").partition(TABLE_BEGINS)
    tail = rest.partition(TABLE_ENDS)[2]
    document.write_text(head + TABLE_BEGINS + table(venues()) + TABLE_ENDS + tail, encoding="utf-8")


if __name__ == "__main__":
    # Run as a program this module has two names; the venues' descriptions belong to the other one.
    importlib.import_module("tests.support.contract").rewrite(DOCUMENT)

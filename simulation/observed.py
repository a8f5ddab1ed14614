"""What can be seen of a bot from outside: the venue's own truth, and what the bot sends, writes down and says.

The world tells these to the auditor (`simulation.auditor`) in the order in which they happen, right after they
happened. Nothing here comes from the bot's memory or its strategy. Quantities are in base units, prices and fees in
quote currency, times in nanoseconds since the epoch by the *world's* clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.events import Record
from domain.market import MarketRules, Side
from domain.status import Notice


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order at the venue, whole, whenever anything of it changed. `client_id` None: not the bot's.

    `quantity` is what the venue works with now (a reduce-only order may have been trimmed), `filled` cumulative.
    `price` None: at market. `word`: the venue's reason for its end.
    """

    order_id: str
    client_id: int | None
    side: Side
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    is_live: bool
    post_only: bool
    reduce_only: bool
    word: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled if self.is_live else Decimal(0)


@dataclass(frozen=True, slots=True)
class VenueFill:
    """`client_id` None: somebody else's order on this account, or the venue's own (`is_forced`)."""

    trade_id: str
    order_id: str
    client_id: int | None
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    is_maker: bool
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """The venue's signed net position."""

    quantity: Decimal


@dataclass(frozen=True, slots=True)
class VenueOvertook:
    """A post-only order came to a market that had moved: it would have taken, and was refused."""

    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class VenueRules:
    """The rules in force from now on."""

    rules: MarketRules


@dataclass(frozen=True, slots=True)
class VenueQuote:
    """The touch as the venue shows it. Told before each PLACE, and at once when the book becomes unusable or usable
    again: what S15 is checked against. None: no book."""

    bid: Decimal | None
    ask: Decimal | None


class RequestKind(StrEnum):
    PLACE = "place"
    CANCEL = "cancel"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request of the bot became visible to the transport. Fields that its kind does not have are None."""

    kind: RequestKind
    what: str
    """The client's primitive: "place", "cancel", "query", "open_orders", "position", "fills", ...

    The auditor relies on "open_orders" and "position": a start and a replaced stream are followed by both.
    """
    client_id: int | None = None
    order_id: str | None = None
    side: Side | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    book_age_ns: int | None = None
    """For a PLACE: how old the newest market data is that had reached the client."""
    life: int | None = None
    """The number of the life that sent it; may be left out while only one lives."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A request left for the venue over the wire (worlds with a venue's own client only). What the client was asked for
    is told by `Sent`, just before or, where the rate limit makes it wait, long before: S17 is about `Carried`."""

    what: str
    """Method and path."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """An answer of 429 or 418 has reached the client: this life may send nothing before `until_ns`."""

    until_ns: int


@dataclass(frozen=True, slots=True)
class Written:
    """A record was handed to the journal. `is_synced`: it survives a power loss already."""

    seq: int
    record: Record
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything up to `seq` survives a power loss."""

    seq: int


@dataclass(frozen=True, slots=True)
class PowerLost:
    """The journal holds nothing after `seq` any more."""

    seq: int


@dataclass(frozen=True, slots=True)
class Said:
    """A notice handed to the messengers and the log."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Shown:
    """Text as people get to see it: a file of log lines, or the one line that an error ends in."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class LifeBegan:
    number: int


@dataclass(frozen=True, slots=True)
class LifeKilled:
    number: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """As by one Ctrl-C, the session's time, or the end of the market. `mode`: keep, cancel or flatten."""

    mode: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    """As by a second Ctrl-C: the life that was asked to stop shall end at once, whatever is under way."""


@dataclass(frozen=True, slots=True)
class LifeEnded:
    """The bot returned by itself. `unconfirmed`: what it lists as not confirmed on the venue."""

    number: int
    exit_status: int
    reason: str
    unconfirmed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weather:
    """Whether the venue answers requests and its streams reach the bot: liveness is only asked for while it does."""

    is_fair: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stalled:
    """The venue answers, but its streams carry nothing (`is_stalled`), though nobody closed them."""

    is_stalled: bool


@dataclass(frozen=True, slots=True)
class StreamsCut:
    """The client was told that its streams are lost (`is_cut`), or that they are back and what was missed is gone. Told
    in worlds of the paper exchange only, where the two moments are one."""

    is_cut: bool


@dataclass(frozen=True, slots=True)
class SocketAsked:
    """The client asks for a new socket of a stream: how it is seen from outside that it noticed a stall."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The machine stands still: no step of the bot runs before `until_ns`."""

    until_ns: int


@dataclass(frozen=True, slots=True)
class BookHeld:
    """The market's data do not reach the bot before `until_ns`, though the account's do."""

    until_ns: int


@dataclass(frozen=True, slots=True)
class Disturbed:
    """A message between venue and bot was lost, delayed, doubled, garbled or answered with an error, in fair weather.

    Told after what it concerned happened. What was owed then, and what the bot cannot know now, may take until the
    deadlines for finding out. `client_id` None: not about one own order, or it cannot be said.
    """

    client_id: int | None
    what: str = ""
    is_told: bool = False
    """The bot was told at once what became of its message (it never left): nothing has to be found out."""


@dataclass(frozen=True, slots=True)
class EndTold:
    """The bot was told that an order of its own has ended, and not what it had filled by then: it has to ask."""

    client_id: int


@dataclass(frozen=True, slots=True)
class DiskTrouble:
    """The journal cannot be written or synced (`is_on`), or can be again."""

    is_on: bool


@dataclass(frozen=True, slots=True)
class Healed:
    """No fault is injected from now on."""


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """Somebody else, or the venue itself, changed the account: a trade by hand, a liquidation, an order cancelled."""

    what: str


Observation = (
    VenueOrder
    | VenueFill
    | VenuePosition
    | VenueOvertook
    | VenueRules
    | VenueQuote
    | Sent
    | Carried
    | RateLimited
    | Written
    | Synced
    | PowerLost
    | Said
    | Shown
    | LifeBegan
    | LifeKilled
    | StopAsked
    | Abandoned
    | LifeEnded
    | Weather
    | Stalled
    | StreamsCut
    | SocketAsked
    | Frozen
    | BookHeld
    | Disturbed
    | EndTold
    | DiskTrouble
    | Healed
    | OutsideChange
)

VENUE_FACTS = (VenueOrder, VenueFill, VenuePosition, VenueOvertook, VenueRules, VenueQuote)
"""What one step of the venue may tell several of, at one time: the account is judged when all of them are told."""


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant`: "S1" to "S18", "L1" to "L7"."""

    at_ns: int
    invariant: str
    text: str

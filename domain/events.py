"""Everything that can happen to a bot: what a venue reports, and what the bot itself intends.

Facts are totals, never deltas: `OrderUpdate.filled` is the order's cumulative filled quantity, so a duplicate or a
reordering changes nothing. `at_ns` is the moment *this process* learned or decided it, in nanoseconds since the epoch
by the bot's clock; a venue's own time stamp, where kept, is `venue_ns`.

The types in `JOURNALED` are written to the journal before they take effect, and a bot's state is exactly the fold of
them. The others (connection, quotes, positions) are circumstances: they are asked for again after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.market import MarketRules, Quote, Side
from domain.orders import OrderFact, Purpose


class Liquidity(StrEnum):
    MAKER = "maker"
    TAKER = "taker"


# --- what a venue reports -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """A fact about one order. None means "not stated", never zero.

    `filled`: cumulative filled quantity. `quantity`: the order's total quantity where the venue changed it (a
    reduce-only order that was shrunk). `client_id` None: the order is not ours.
    """

    at_ns: int
    client_id: int | None
    fact: OrderFact
    order_id: str | None = None
    filled: Decimal | None = None
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of ours. `fee` in quote currency, positive when paid.

    `client_id` None with `forced`: the venue itself reduced the position (liquidation, auto-deleveraging).
    """

    at_ns: int
    client_id: int | None
    order_id: str
    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    venue_ns: int
    forced: bool = False


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """`amount` in quote currency, positive when received. `payment_id` makes a repetition harmless."""

    at_ns: int
    payment_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PositionUpdate:
    """The venue's signed net position in base units (positive is long)."""

    at_ns: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class QuoteMoved:
    """The touch left the band the bot asked to be woken for."""

    at_ns: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class StreamLost:
    """Events may have been missed from now on; nothing may be opened until `StreamRestored` and a full look."""

    at_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class StreamRestored:
    at_ns: int


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """Tick, step, minimums or fees are different from now on."""

    at_ns: int
    rules: MarketRules


@dataclass(frozen=True, slots=True)
class VenueTrouble:
    """Something beside trading does not work, or works again. `must_stop`: a person must change something first."""

    at_ns: int
    text: str
    must_stop: bool = False


@dataclass(frozen=True, slots=True)
class MarketEnded:
    """A recorded market has no more data."""

    at_ns: int


VenueEvent = (
    OrderUpdate
    | Fill
    | FundingPayment
    | PositionUpdate
    | QuoteMoved
    | StreamLost
    | StreamRestored
    | RulesChanged
    | VenueTrouble
    | MarketEnded
)


# --- what the bot intends -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """`quantity` of an entry that a closing order closes."""

    entry_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class JournalBegan:
    """The first record. `foreign_position`: the venue's signed position that was there before us and is not ours."""

    at_ns: int
    first_client_id: int
    foreign_position: Decimal
    settings: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    at_ns: int
    settings: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    at_ns: int
    exit_status: int
    reason: str


@dataclass(frozen=True, slots=True)
class IdsReserved:
    """Client ids below `until` may be on their way to the venue; after a crash none of them is used again."""

    at_ns: int
    until: int


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """An order we are about to send, written first. `price` None: at market. `parts`: what a closing order closes.

    `adopted`: found on the venue with an id of ours that a lost journal tail no longer knew.
    """

    at_ns: int
    client_id: int
    purpose: Purpose
    side: Side
    price: Decimal | None
    quantity: Decimal
    entry_id: int | None = None
    parts: tuple[Part, ...] = ()
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class CancelIntended:
    at_ns: int
    client_id: int
    why: str


@dataclass(frozen=True, slots=True)
class WaiverLapsed:
    """The cool-down waiver earned by a closed entry could not be used at the first look after."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class EntryAbandoned:
    """An entry that filled nothing could not be re-placed; the next one is a new entry."""

    at_ns: int
    entry_id: int


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The cool-down counts from now: closes were found at start, and the journal knew no earlier fill."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class ClosedOutside:
    """Own quantity that somebody else closed (by hand, or the venue), as the venue's position proved. At no known
    price."""

    at_ns: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OwnFound:
    """Own quantity whose opening trades no venue tells any more: an own close that the journal had lost rests on it, or
    has closed it. `side`: of the opening; `price`: assumed, from the close's own."""

    at_ns: int
    entry_id: int
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Halted:
    at_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class HaltCleared:
    at_ns: int
    reason: str


Record = (
    OrderUpdate
    | Fill
    | FundingPayment
    | RulesChanged
    | JournalBegan
    | SessionStarted
    | SessionEnded
    | IdsReserved
    | OrderIntended
    | CancelIntended
    | WaiverLapsed
    | EntryAbandoned
    | ClockSet
    | ClosedOutside
    | OwnFound
    | Halted
    | HaltCleared
)

JOURNALED: tuple[type[Record], ...] = (
    OrderUpdate,
    Fill,
    FundingPayment,
    RulesChanged,
    JournalBegan,
    SessionStarted,
    SessionEnded,
    IdsReserved,
    OrderIntended,
    CancelIntended,
    WaiverLapsed,
    EntryAbandoned,
    ClockSet,
    ClosedOutside,
    OwnFound,
    Halted,
    HaltCleared,
)

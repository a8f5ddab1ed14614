"""The messages of edgeX's two sockets. Pure, strict, typed; shared shapes are in `codec`.

The private socket says everything with one message, `trade-event`: whatever changed, as lists of whole rows. Which
lists there are depends on the event, so each is read wherever it appears.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchanges.decoding import DecodeError, Fields, items, parse_fields, plain_decimal, shown
from exchanges.edgex.codec import VenueFill, VenueOrder, decode_fill, decode_order, decode_positions, milliseconds

_QUOTE_EVENTS = ("quote-event", "payload")
_SNAPSHOT = "snapshot"
_CHANGED = "changed"
_FORCED_EVENT = "FORCE_TRADE_UPDATE"
FUNDING_TYPE = "SETTLE_FUNDING_FEE"


@dataclass(frozen=True, slots=True)
class Ping:
    """The server asks; `time` is sent back as it came."""

    time: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping of ours."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The private socket is logged in."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    channel: str


@dataclass(frozen=True, slots=True)
class StreamRefusal:
    """`code` only: the text beside it may quote what was sent."""

    code: str


@dataclass(frozen=True, slots=True)
class QuoteEvent:
    """`rows` of one channel; a snapshot replaces what was known."""

    channel: str
    is_snapshot: bool
    rows: list[Fields]


@dataclass(frozen=True, slots=True)
class TradeEvent:
    """What changed in the account, unread. `version` grows with every change."""

    event: str
    version: int
    data: Fields

    @property
    def is_snapshot(self) -> bool:
        return self.event == "Snapshot"

    def listed(self, name: str) -> list[Fields]:
        """The rows of a list that this event may or may not have."""
        return self.data.rows(name) if self.data.has(name) else []


StreamMessage = Ping | Pong | Connected | Subscribed | StreamRefusal | QuoteEvent | TradeEvent


def decode_message(text: str | bytes) -> StreamMessage:
    """Any message of either socket."""
    fields = parse_fields(text, "message")
    kind = fields.text("type")
    if kind == "ping":
        return Ping(fields.text("time"))
    if kind == "pong":
        return Pong()
    if kind == "connected":
        return Connected()
    if kind == "subscribed":
        return Subscribed(fields.text("channel"))
    if kind == "error":
        return StreamRefusal(shown(fields.fields("content").text_or("code", "without a code")))
    if kind in _QUOTE_EVENTS:
        return _quote_event(fields)
    if kind == "trade-event":
        content = fields.fields("content")
        return TradeEvent(content.text("event"), _version(content), content.fields("data"))
    raise DecodeError(f"message.type is the unknown word {shown(kind)!r}")


def _quote_event(fields: Fields) -> QuoteEvent:
    content = fields.fields("content")
    channel = fields.text("channel") if fields.has("channel") else content.text("channel")
    word = content.text("dataType").lower()
    if word not in (_SNAPSHOT, _CHANGED):
        raise DecodeError(f"{content.where}.dataType is the unknown word {shown(word)!r}")
    return QuoteEvent(channel, word == _SNAPSHOT, content.rows("data"))


def _version(content: Fields) -> int:
    version = content.integer("version")
    if version < 0:
        raise DecodeError(f"{content.where}.version is negative")
    return version


# --- the touch ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Best:
    """Best bid and offer of one contract. A price of 0: that side is empty."""

    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


def decode_book_ticker(event: QuoteEvent, contract_id: str) -> Best | None:
    """None where the message is about other contracts only."""
    found = [row for row in event.rows if row.text("contractId") == contract_id]
    if not found:
        return None
    row = found[-1]
    return Best(
        row.not_negative("bestBidPrice"),
        row.not_negative("bestBidSize"),
        row.not_negative("bestAskPrice"),
        row.not_negative("bestAskSize"),
    )


@dataclass(frozen=True, slots=True)
class BookChange:
    """Sizes by price, absolute; 0 deletes. `first` and `last`: the versions it leads from and to."""

    is_snapshot: bool
    first: int
    last: int
    bids: Mapping[Decimal, Decimal]
    asks: Mapping[Decimal, Decimal]


def decode_depth(listed: list[Fields], contract_id: str) -> list[BookChange]:
    """The rows of a depth message, or of `getDepth`."""
    changes = []
    for row in listed:
        if row.text("contractId") != contract_id:
            raise DecodeError(f"{row.where} is the book of another contract")
        kind = row.text("depthType").lower()
        if kind not in (_SNAPSHOT, _CHANGED):
            raise DecodeError(f"{row.where}.depthType is the unknown word {shown(kind)!r}")
        change = BookChange(
            kind == _SNAPSHOT,
            row.integer("startVersion"),
            row.integer("endVersion"),
            _levels(row, "bids"),
            _levels(row, "asks"),
        )
        changes.append(change)
    return changes


def _levels(row: Fields, name: str) -> dict[Decimal, Decimal]:
    """Either `{"price": ..., "size": ...}` or `[price, size]`."""
    levels: dict[Decimal, Decimal] = {}
    for index, level in enumerate(row.items(name)):
        where = f"{row.where}.{name}[{index}]"
        if isinstance(level, list):
            price_and_size = items(level, where)
            if len(price_and_size) != 2:
                raise DecodeError(f"{where} is no pair")
            price, size = (plain_decimal(value, where) for value in price_and_size)
        else:
            fields = Fields.of(level, where)
            price, size = fields.decimal("price"), fields.decimal("size")
        if price <= 0 or size < 0:
            raise DecodeError(f"{where} is no level of a book")
        levels[price] = size
    return levels


# --- the account ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Funding:
    """`amount` in quote currency, positive when received: the venue books what an account pays as negative."""

    payment_id: str
    amount: Decimal
    venue_ns: int


def decode_funding(listed: list[Fields], contract_id: str) -> list[Funding]:
    """Those position transactions of one contract that settle funding."""
    return [
        Funding(row.text("id"), row.decimal("deltaFundingFee"), milliseconds(row, "fundingTime") * 1_000_000)
        for row in listed
        if row.text("contractId") == contract_id and row.text("type") == FUNDING_TYPE
    ]


@dataclass(frozen=True, slots=True)
class AccountNews:
    """What a `trade-event` says of one contract. `position` None: nothing. `is_forced`: the venue's own trades."""

    orders: list[VenueOrder]
    fills: list[VenueFill]
    position: Decimal | None
    funding: list[Funding]
    is_forced: bool


def decode_account_news(event: TradeEvent, contract_id: str) -> AccountNews:
    """Rows of other contracts are left out. A fill may come without its contract: it stays in, and its order tells."""
    orders = [decode_order(row) for row in event.listed("order") if row.text("contractId") == contract_id]
    fills = [
        decode_fill(row)
        for row in event.listed("orderFillTransaction")
        if not row.has("contractId") or row.text("contractId") == contract_id
    ]
    transactions = [row for row in event.listed("positionTransaction") if row.text("contractId") == contract_id]
    is_forced = event.event == _FORCED_EVENT or any(
        row.boolean_or("isLiquidate", False) or row.boolean_or("isDeleverage", False) for row in transactions
    )
    position = decode_positions(event.listed("position")).get(contract_id)
    return AccountNews(
        orders, fills, position, decode_funding(event.listed("positionTransaction"), contract_id), is_forced
    )

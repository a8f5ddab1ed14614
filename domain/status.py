"""What a bot shows of itself: one frozen picture, made when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.market import Quote, Side
from domain.orders import OrderStatus, Purpose


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    HALTING = "halting"
    STOPPING = "stopping"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """One own order that has not ended. `since_ns`: when it was intended."""

    client_id: int
    order_id: str | None
    purpose: Purpose
    side: Side
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    status: OrderStatus
    since_ns: int


@dataclass(frozen=True, slots=True)
class MoneyStatement:
    """Results in quote currency since the journal began; signs as in the report (fees positive = paid, funding positive
    = received). None: unknown now (no quote), or undefined (no volume)."""

    entries: int
    exits: int
    volume_quote: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    wear_bps: Decimal | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is opened now. `word` is stable and short; `text` is for people; `until_ns`: when it ends, if
    known."""

    word: str
    text: str
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class BotStatus:
    now_ns: int
    phase: Phase
    exchange: str
    ticker: str
    mode: str
    direction: Side
    connected_since_ns: int | None
    quote: Quote | None
    position: Decimal
    """Own position in base units, signed; None of it foreign."""
    foreign_position: Decimal
    covered: Decimal
    """Sum of own resting closes."""
    open_entries: int
    max_orders: int
    orders: tuple[LiveOrder, ...]
    money: MoneyStatement
    next_action: str
    holds: tuple[Hold, ...]
    """Why no open is sent now; empty when one rests or is about to be sent."""
    reason: str = ""
    """Why it halted or ended."""


class NoticeKind(StrEnum):
    """What an operator is told about; all but `INFO` go to the messengers too."""

    START = "start"
    STOP = "stop"
    STOP_PRICE = "stop_price"
    PAUSE_PRICE = "pause_price"
    MISMATCH = "mismatch"
    HALT = "halt"
    ERROR = "error"
    """Repeated errors."""
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for people, at the bot's own time."""

    at_ns: int
    kind: NoticeKind
    text: str

"""What a bot is held to: its settings as the operator gave them, and every deadline, each stated once."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from domain.market import MarketRules, Side


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds of the world's time. All but `stop_s`, `book_age_s`, `news_s` and `sync_s` run only while a bot lives and
    the venue answers it."""

    cover_s: int = 5
    """L1: from a fill to a resting close of that quantity."""
    again_s: int = 5
    """L1: from the end of a close that the venue took away to the next, the position having been read; also from a
    close that the market overtook to the next."""
    recover_s: int = 30
    """L1 and L3: the same for what a start, an outage or a stall left behind; also the look at the account after a
    stream was replaced."""
    unknown_s: int = 30
    """L2: until it is known what became of an order."""
    discover_s: int = 90
    """L1 and L2: until a fill or an order's end is known whose news was disturbed and which nobody had a reason to ask
    for."""
    stall_s: int = 30
    """L3: until streams without data are replaced, and the account is looked at."""
    disturbed_stall_s: int = 15
    """L3: more, where another message was disturbed meanwhile."""
    progress_s: int = 90
    """L4: from the end of the cool-down to the next open."""
    heal_s: int = 120
    """L5: from the last fault to running and covered, or halted."""
    stop_s: int = 18
    """L6: from the request to stop until the bot has returned."""
    alarm_s: int = 5
    """L7: between a halt and its announcement, either way."""
    outside_s: int = 30
    """S3: until closes fit a position that somebody else changed."""
    guard_s: int = 30
    """S11: until a gap between position and closes blocks opens; also how far back a gap explains a halt."""
    rules_s: int = 30
    """S8: until rules are known that a first order broke."""
    book_age_s: int = 15
    """S15: the oldest book an open may be priced from."""
    book_grace_s: int = 2
    """S15: how long a book may be unusable at the venue before the bot can know."""
    news_s: int = 1
    """S10 and S14: what the venue did this shortly before a bot ended may not have reached it."""
    sync_s: int = 1
    """S6: from the sending of a close or exit until its intent survives a power loss."""


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """`take_profit` in percent; quantities in base units; `rules` are those in force at the start.

    `expects_progress`: nothing in the settings but cool-down and `max_orders` can hold an open back (no grid step, no
    stop or pause price). `secrets`: canaries that may show nowhere, of at least eight characters each.
    """

    direction: Side
    quantity: Decimal
    max_orders: int
    take_profit: Decimal
    rules: MarketRules
    wait_time_s: int = 450
    boost: bool = False
    expects_progress: bool = False
    has_reduce_only: bool = True
    answers_prove: bool = False
    """The venue takes an order before it answers; others only queue it."""
    confirms_ends: bool = False
    """A stop in which nothing is wrong ends confirmed: the machine is never short of breath."""
    price_band: tuple[Decimal, Decimal] = (Decimal(0), Decimal("Infinity"))
    """The lowest and the highest price of a limit order that the venue takes, as fractions of the middle of its market.
    """
    most_cancels: int | None = None
    """How many closes a stop can take away and ask about within its time and the venue's limit; None: any number."""
    requests_per_minute: int = 600
    """L4: more than this in any minute of the clock is a loop that feeds on itself."""
    secrets: tuple[str, ...] = ()
    deadlines: Deadlines = field(default_factory=Deadlines)

    def most_exposure(self, least: Decimal) -> Decimal:
        """S1; `least`: the smallest quantity that can be closed, less than which may be left of earlier entries."""
        return self.max_orders * self.quantity + least

    @property
    def guard_limit(self) -> Decimal:
        return 2 * self.quantity

    def target(self, price: Decimal) -> Decimal:
        """The price at which a fill at `price` takes its profit, not yet rounded. In boost mode: the entry's own."""
        profit = Decimal(0) if self.boost else self.take_profit / 100
        return price * (1 + self.direction.sign * profit)

    def cooldown_s(self, entries: int) -> int:
        """Seconds from the last open fill to the next entry with `entries` not yet closed; rounded up."""
        if self.boost:
            return 0
        sixths = 6 * entries // self.max_orders
        quarters = 8 if sixths >= 4 else 4 if sixths >= 2 else 2 if sixths >= 1 else 1
        return -(-self.wait_time_s * quarters // 4)

"""Rate limits: never more requests than a venue allows, with a reserve for what must not wait.

A venue's limits are a few named meters of two kinds, a request costs so many units of some of them. Cancels, closes and
what a close waits for (`exchanges.urgency`) are urgent: they may use the reserve, which opens and other reads may not.
After a refusal by the venue everything pauses, urgent or not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Clock
from domain.market import NANOSECONDS
from exchanges.errors import NotSent


@dataclass(frozen=True, slots=True)
class Bucket:
    """`capacity` tokens at most, refilled `per_minute`; the last `reserve` of them are for urgent requests. No minute
    holds more than `capacity + per_minute`: choose them so that this is within the venue's limit."""

    name: str
    capacity: int
    per_minute: int
    reserve: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.reserve < self.capacity or self.per_minute <= 0:
            raise ValueError(f"bucket {self.name}: capacity, refill and reserve do not fit together")

    @property
    def most_in_a_minute(self) -> int:
        return self.capacity + self.per_minute


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` in any minute, as a venue counts that looks back over one; the last `reserve` of them are for
    urgent requests. What a small limit allows is used up whole, which no bucket can do without exceeding it."""

    name: str
    most: int
    reserve: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.reserve < self.most:
            raise ValueError(f"window {self.name}: limit and reserve do not fit together")

    @property
    def most_in_a_minute(self) -> int:
        return self.most


Meter = Bucket | Window


class _Level(Protocol):
    """What one meter has left."""

    def ready_ns(self, now_ns: int, cost: int, *, urgent: bool) -> int:
        """When `cost` will be there, if nobody else takes any."""

    def take(self, now_ns: int, cost: int) -> None: ...


_ONE = 60 * NANOSECONDS
"""One token, in the parts in which a bucket counts: a refill of whole nanoseconds is exact then."""
_SPAN_NS = 61 * NANOSECONDS
"""A minute, and a second more: requests may bunch up on their way, and the venue counts them as they arrive."""


class _BucketLevel:
    def __init__(self, bucket: Bucket, now_ns: int) -> None:
        self._bucket = bucket
        self._tokens = bucket.capacity * _ONE
        self._at_ns = now_ns

    def ready_ns(self, now_ns: int, cost: int, *, urgent: bool) -> int:
        bucket = self._bucket
        gained = max(0, now_ns - self._at_ns) * bucket.per_minute
        self._tokens = min(bucket.capacity * _ONE, self._tokens + gained)
        self._at_ns = max(self._at_ns, now_ns)
        needed = cost if urgent else cost + bucket.reserve
        _check_possible(bucket.name, needed, bucket.capacity)
        missing = max(0, needed * _ONE - self._tokens)
        return now_ns - (-missing // bucket.per_minute)

    def take(self, now_ns: int, cost: int) -> None:  # noqa: ARG002 - tokens have no age
        self._tokens -= cost * _ONE


class _WindowLevel:
    def __init__(self, window: Window) -> None:
        self._window = window
        self._taken: deque[tuple[int, int]] = deque()
        """When, and how much: never more entries than the limit."""
        self._used = 0

    def ready_ns(self, now_ns: int, cost: int, *, urgent: bool) -> int:
        while self._taken and self._taken[0][0] + _SPAN_NS <= now_ns:
            self._used -= self._taken.popleft()[1]
        needed = cost if urgent else cost + self._window.reserve
        _check_possible(self._window.name, needed, self._window.most)
        used = self._used
        if used + needed <= self._window.most:
            return now_ns
        for at_ns, taken in self._taken:
            used -= taken
            if used + needed <= self._window.most:
                return at_ns + _SPAN_NS
        raise AssertionError("an empty window holds what is possible")

    def take(self, now_ns: int, cost: int) -> None:
        if cost:
            self._taken.append((now_ns, cost))
            self._used += cost


def _check_possible(name: str, needed: int, most: int) -> None:
    if needed > most:
        raise ValueError(f"{name} can never hold {needed}, reserve included; {most} is the most")


_ASK_AGAIN_NS = NANOSECONDS // 5
"""What waits for room may come to be urgent meanwhile: that is asked for this often."""


class RateLimiter:
    """One venue's budget for one account. `clock` must never go back."""

    def __init__(self, meters: Iterable[Meter], clock: Clock) -> None:
        self._clock = clock
        self._levels: dict[str, _Level] = {}
        self._paused_until_ns = 0
        for meter in meters:
            self.obey(meter)

    def obey(self, meter: Meter) -> None:
        """Keep to this limit from now on, instead of an earlier one of its name. A pause goes on."""
        if isinstance(meter, Bucket):
            self._levels[meter.name] = _BucketLevel(meter, self._clock.now_ns())
        else:
            self._levels[meter.name] = _WindowLevel(meter)

    @property
    def paused_until_ns(self) -> int:
        """Nothing is sent before this time."""
        return self._paused_until_ns

    def pause(self, seconds: float) -> None:
        """The venue refused for load, or banned us: send nothing at all for this long. A longer pause stays."""
        self._paused_until_ns = max(self._paused_until_ns, self._clock.now_ns() + round(seconds * NANOSECONDS))

    async def take(self, costs: Mapping[str, int], *, urgent: bool | Callable[[], bool], within_s: float) -> None:
        """Wait for what the request costs and take it. Raises `NotSent` at once when it cannot be there in time.

        `urgent`: a function where that may change while it waits; it is asked several times a second.
        """
        is_urgent = urgent if callable(urgent) else lambda: urgent
        now_ns = self._clock.now_ns()
        deadline_ns = now_ns + round(within_s * NANOSECONDS)
        while (ready_ns := self._ready_ns(now_ns, costs, is_urgent())) > now_ns:
            if ready_ns > deadline_ns:
                wait_s = (ready_ns - now_ns) / NANOSECONDS
                text = f"the rate limit leaves no room for this request for another {wait_s:.1f} s"
                raise NotSent(text, again_s=wait_s)
            wait_ns = min(ready_ns - now_ns, _ASK_AGAIN_NS) if callable(urgent) else ready_ns - now_ns
            await asyncio.sleep(wait_ns / NANOSECONDS)
            now_ns = self._clock.now_ns()
        for name, cost in costs.items():
            self._levels[name].take(now_ns, cost)

    def _ready_ns(self, now_ns: int, costs: Mapping[str, int], urgent: bool) -> int:
        meters = [self._levels[name].ready_ns(now_ns, cost, urgent=urgent) for name, cost in costs.items()]
        return max(now_ns, self._paused_until_ns, *meters)

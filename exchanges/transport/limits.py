"""Rate limits: token buckets that keep a reserve for what must not wait.

A venue's limits are a few named buckets; a request costs so many tokens of some of them. Cancels and closes are urgent:
they may use the reserve, which opens and reads may not. After a refusal by the venue everything pauses, urgent or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.clock import Clock
from domain.market import NANOSECONDS
from exchanges.errors import NotSent


@dataclass(frozen=True, slots=True)
class Bucket:
    """`capacity` tokens at most, refilled `per_minute`; the last `reserve` of them are for urgent requests."""

    name: str
    capacity: int
    per_minute: int
    reserve: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.reserve < self.capacity or self.per_minute <= 0:
            raise ValueError(f"bucket {self.name}: capacity, refill and reserve do not fit together")


@dataclass(slots=True)
class _Level:
    """`tokens` counts in parts of `60 s` so that a refill of whole nanoseconds is exact: one token is `_ONE`."""

    bucket: Bucket
    tokens: int
    at_ns: int


_ONE = 60 * NANOSECONDS


class RateLimiter:
    """One venue's budget for one account."""

    def __init__(self, buckets: Iterable[Bucket], clock: Clock) -> None:
        self._clock = clock
        now_ns = clock.now_ns()
        self._levels = {bucket.name: _Level(bucket, bucket.capacity * _ONE, now_ns) for bucket in buckets}
        self._paused_until_ns = 0

    @property
    def paused_until_ns(self) -> int:
        """Nothing is sent before this time."""
        return self._paused_until_ns

    def pause(self, seconds: float) -> None:
        """The venue refused for load, or banned us: send nothing at all for this long. A longer pause stays."""
        self._paused_until_ns = max(self._paused_until_ns, self._clock.now_ns() + round(seconds * NANOSECONDS))

    async def take(self, costs: Mapping[str, int], *, urgent: bool, within_s: float) -> None:
        """Wait for the tokens and take them. Raises `NotSent` at once when they cannot be there in time."""
        deadline_ns = self._clock.now_ns() + round(within_s * NANOSECONDS)
        while (ready_ns := self._ready_ns(costs, urgent)) > (now_ns := self._clock.now_ns()):
            if ready_ns > deadline_ns:
                wait_s = (ready_ns - now_ns) / NANOSECONDS
                raise NotSent(f"the rate limit leaves no room for this request for another {wait_s:.1f} s")
            await asyncio.sleep((ready_ns - now_ns) / NANOSECONDS)
        for name, cost in costs.items():
            self._levels[name].tokens -= cost * _ONE

    def _ready_ns(self, costs: Mapping[str, int], urgent: bool) -> int:
        """When all tokens asked for will be there, if nobody else takes any."""
        now_ns = self._clock.now_ns()
        ready_ns = max(now_ns, self._paused_until_ns)
        for name, cost in costs.items():
            level = self._levels[name]
            bucket = level.bucket
            gained = max(0, now_ns - level.at_ns) * bucket.per_minute
            level.tokens = min(bucket.capacity * _ONE, level.tokens + gained)
            level.at_ns = max(level.at_ns, now_ns)
            kept = 0 if urgent else bucket.reserve
            if cost + kept > bucket.capacity:
                raise ValueError(f"bucket {name} can never hold {cost} tokens beside its reserve")
            missing = (cost + kept) * _ONE - level.tokens
            if missing > 0:
                ready_ns = max(ready_ns, now_ns - (-missing // bucket.per_minute))
        return ready_ns

"""How the venue counts requests: several windows at once, and what is left of one in the headers of every answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from exchanges.transport.messages import Headers

_SECOND_NS = 1_000_000_000
_LIMITS = {
    "public": (("public", 1_500, 60),),
    "login": (("login", 600, 60),),
    "orders": (("orders", 17_250, 60), ("orders now", 800, 1), ("private", 1_500, 60)),
    "reads": (("reads", 600, 60), ("reads now", 120, 1), ("private", 1_500, 60)),
}
"""By kind of request: the windows it counts in (name, most, seconds). All private requests share one. The first of each
is the one that the headers tell of."""


@dataclass(slots=True)
class _Window:
    most: int
    seconds: int
    taken_ns: deque[int] = field(default_factory=deque)

    def wait_ns(self, now_ns: int) -> int:
        """0 where there is room, else how long until there is."""
        span_ns = self.seconds * _SECOND_NS
        while self.taken_ns and self.taken_ns[0] <= now_ns - span_ns:
            self.taken_ns.popleft()
        return 0 if len(self.taken_ns) < self.most else self.taken_ns[0] + span_ns - now_ns


class Limits:
    """Counts what is served; a refused request costs nothing."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {
            name: _Window(most, seconds) for windows in _LIMITS.values() for name, most, seconds in windows
        }

    def refuses(self, kind: str, now_ns: int) -> bool:
        """Whether there is no room for one more request of this kind; counts it where there is."""
        windows = [self._windows[name] for name, _, _ in _LIMITS[kind]]
        if any(window.wait_ns(now_ns) for window in windows):
            return True
        for window in windows:
            window.taken_ns.append(now_ns)
        return False

    def headers(self, kind: str, now_ns: int) -> Headers:
        """What is left, and when (in seconds since the epoch) there is more."""
        main = self._windows[_LIMITS[kind][0][0]]
        wait_ns = max(self._windows[name].wait_ns(now_ns) for name, _, _ in _LIMITS[kind])
        left = 0 if wait_ns else main.most - len(main.taken_ns)
        return (
            ("x-ratelimit-limit", str(main.most)),
            ("x-ratelimit-remaining", str(left)),
            ("x-ratelimit-reset", str(-(-(now_ns + (wait_ns or main.seconds * _SECOND_NS)) // _SECOND_NS))),
            ("x-ratelimit-window", str(main.seconds)),
        )

"""From the outcome of a request to what the caller may conclude.

| what happened | a write ends in | a read ends in |
|---|---|---|
| it never left (no connection, no budget in time) | `NotSent` | `Unavailable` |
| it may have arrived: timeout, reset, 408, 5xx, HTML, redirect, unreadable answer | `OutcomeUnknown` | `Unavailable` |
| 429, 418, or the same told in the body | `Refused("rate_limited")`, and all pauses | `Unavailable`, and the pause |
| any other answer | what the venue's codec makes of it | the same |

The codec's function gets every 2xx and 4xx whose body is not HTML. It returns a value or raises `Refused`,
`Unavailable` or `Misconfigured`; a `DecodeError` counts as an answer that cannot be read. A 5xx never reaches it: not
even a venue's own "maintenance" proves that the order of a moment ago was not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from domain.clock import Clock
from domain.market import NANOSECONDS
from exchanges.decoding import DecodeError
from exchanges.errors import NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.transport.limits import RateLimiter
from exchanges.transport.messages import HttpRequest, HttpResponse, HttpTransport
from exchanges.urgency import are_reads_urgent

T = TypeVar("T")

RATE_LIMITED = "rate_limited"
"""The reason of a `Refused` for load."""
_LONGEST_PAUSE_S = 3600.0
_READ_S = 1.0
"""What a read that waited for budget still has for its answer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: deadlines of one request, waiting for budget included; the pauses after refusals for load.

    A write that has waited for budget has `answer_s` all the same: who gives it up soon after it left may hear that the
    venue does not know the order, and believe it, while the order is still on its way.
    A 429 without Retry-After pauses `first_pause_s`, doubled by each further one up to `longest_pause_s`; a 418 (a ban)
    at least `ban_s`.
    """

    read_s: float = 10.0
    write_s: float = 8.0
    answer_s: float = 5.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    ban_s: float = 120.0


@dataclass(frozen=True, slots=True)
class _Answered:
    response: HttpResponse
    sent_ns: int


class RestCaller:
    """Sends one venue's requests within its limits. `make` builds and signs a request just before it is sent, so that a
    wait for the rate limit never ages a timestamp."""

    def __init__(
        self, http: HttpTransport, limiter: RateLimiter, clock: Clock, patience: Patience | None = None
    ) -> None:
        self._http = http
        self._limiter = limiter
        self._clock = clock
        self._patience = patience or Patience()
        self._load_refusals = 0
        self._overloaded_ns = 0
        """When the last of them came that was not of requests sent before another."""

    async def read(
        self, make: Callable[[], HttpRequest], costs: Mapping[str, int], decode: Callable[[HttpResponse], T]
    ) -> T:
        """Ask. Raises `Unavailable`, or what `decode` raises."""
        try:
            within_s = self._patience.read_s
            answered = await self._send(make, costs, urgent=are_reads_urgent, within_s=within_s, answer_s=_READ_S)
            return self._decoded(answered, decode)
        except NotSent as error:
            raise Unavailable(str(error), again_s=error.again_s) from None
        except Refused as error:
            again_s = self._pause_left_s() if error.reason == RATE_LIMITED else None
            raise Unavailable(str(error), again_s=again_s) from None
        except OutcomeUnknown as error:
            raise Unavailable(str(error)) from None
        except DecodeError as error:
            raise Unavailable(f"the answer cannot be read: {error}") from None

    async def write(
        self,
        make: Callable[[], HttpRequest],
        costs: Mapping[str, int],
        decode: Callable[[HttpResponse], T],
        *,
        urgent: bool,
    ) -> T:
        """Change something, at most once. Raises `NotSent`, `OutcomeUnknown`, `Refused`, or what `decode` raises."""
        within_s, answer_s = self._patience.write_s, self._patience.answer_s
        answered = await self._send(make, costs, urgent=urgent, within_s=within_s, answer_s=answer_s)
        try:
            return self._decoded(answered, decode)
        except DecodeError as error:
            raise OutcomeUnknown(f"the answer cannot be read: {error}") from None
        except Unavailable as error:
            raise OutcomeUnknown(str(error)) from None

    async def _send(
        self,
        make: Callable[[], HttpRequest],
        costs: Mapping[str, int],
        *,
        urgent: bool | Callable[[], bool],
        within_s: float,
        answer_s: float,
    ) -> _Answered:
        started_ns = self._clock.now_ns()
        await self._limiter.take(costs, urgent=urgent, within_s=within_s)
        sent_ns = self._clock.now_ns()
        left_s = within_s - (sent_ns - started_ns) / NANOSECONDS
        return _Answered(await self._http.send(make(), max(left_s, answer_s)), sent_ns)

    def _pause_left_s(self) -> float:
        return max(0, self._limiter.paused_until_ns - self._clock.now_ns()) / NANOSECONDS

    def _decoded(self, answered: _Answered, decode: Callable[[HttpResponse], T]) -> T:
        """What the venue says. A refusal for load, told by the status or in the body, stops everything."""
        response = answered.response
        if response.status in (418, 429):
            raise self._overloaded(answered)
        before, self._load_refusals = self._load_refusals, 0
        _check_readable(response)
        try:
            return decode(response)
        except Refused as refused:
            if refused.reason != RATE_LIMITED:
                raise
            self._load_refusals = before
            raise self._overloaded(answered) from None

    def _overloaded(self, answered: _Answered) -> Refused:
        """Pause for as long as the venue says; where it does not, longer each time. Requests that were under way
        together are refused together: that is one refusal."""
        patience, response, now_ns = self._patience, answered.response, self._clock.now_ns()
        if self._load_refusals == 0 or answered.sent_ns >= self._overloaded_ns:
            self._load_refusals = min(self._load_refusals + 1, 16)
            self._overloaded_ns = now_ns
        pause_s = min(patience.first_pause_s * 2 ** (self._load_refusals - 1), patience.longest_pause_s)
        asked_s = retry_after_s(response, now_ns)
        if asked_s is not None:
            pause_s = asked_s
        if response.status == 418:
            pause_s = max(pause_s, patience.ban_s)
        self._limiter.pause(min(pause_s, _LONGEST_PAUSE_S))
        return Refused(RATE_LIMITED, f"the exchange asks for fewer requests; all wait {pause_s:.0f} s")


def retry_after_s(response: HttpResponse, now_ns: int) -> float | None:
    """The Retry-After header, as seconds or as a date; None where there is none that makes sense."""
    text = response.header("Retry-After")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    now = datetime.fromtimestamp(now_ns / NANOSECONDS, UTC)
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _check_readable(response: HttpResponse) -> None:
    """Raises `OutcomeUnknown` for an answer that is not the venue's own word about this request."""
    if response.status >= 500 or response.status < 200 or response.status == 408:
        raise OutcomeUnknown(f"the exchange answered {response.status}")
    if 300 <= response.status < 400:
        raise OutcomeUnknown(f"the exchange answered with a redirect ({response.status}), which is not followed")
    is_html = "html" in (response.header("Content-Type") or "").lower() or response.body.lstrip()[:1] == b"<"
    if is_html:
        raise OutcomeUnknown(f"something in front of the exchange answered {response.status} with a web page")

"""Faults of the way: requests, answers, frames, sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from domain.events import Fill, OrderUpdate, PositionUpdate, VenueEvent
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from exchanges.transport.messages import Frame, HttpResponse
from exchanges.transport.twin import FrameFate, RequestFate
from simulation.faults.base import Fault, Place, Timed, seconds
from simulation.observed import BookHeld, RequestKind

if TYPE_CHECKING:
    from simulation.life import Household
    from simulation.worlds.base import Errand

_FOUND_OUT_NS = 6 * NANOSECONDS
"""How long what became of a request may stay unknown: an absence is believed when it is said twice, 4 s apart."""
_REPLACED_NS = 20 * NANOSECONDS
"""How long a stream may be away that the client replaces, connecting again among other faults."""
_NOTHING_THERE = b"[]"
_HTML = (("Content-Type", "text/html"),)
_HOSTILE = "<html>\x1b[2J\x1b]0;owned\x07\r\n\x00" + "all your orders " * 40


_HOSTILE_REASON = "\x1b]0;owned\x07\x1b[2J\r\nnothing is wrong\u202e"


class RequestFault(Fault):
    """`rate`: the share of requests it strikes."""

    place = Place.TRANSPORT
    low, high = 0.01, 0.12
    only: ClassVar[tuple[RequestKind, ...]] = tuple(RequestKind)
    fouls: ClassVar[bool] = False
    """Whether the venue answers nothing for a while after."""
    is_told: ClassVar[bool] = False
    """Whether the bot is told at once what became of the request."""

    def request_fate(self, errand: Errand, home: Household) -> RequestFate | None:
        if errand.kind not in self.only or home.is_calm or self.chance.random() >= self.rate:
            return None
        fate, lasting_ns = self.draw_fate()
        if not self.is_allowed():
            return None
        if self.fouls:
            home.scribe.disturb(self.name, lasting_ns)
        home.disturbed(self.name, errand.client_id, lasting_ns, is_told=self.is_told)
        return fate

    def draw_fate(self) -> tuple[RequestFate, int]:
        """The fate, and how long the line is worse for it, in nanoseconds."""
        raise NotImplementedError


class RequestNotSent(RequestFault):
    name = "request_not_sent"
    covers = (48,)
    is_told = True

    def draw_fate(self) -> tuple[RequestFate, int]:
        return RequestFate(is_sent=False), 0


class RequestLost(RequestFault):
    name = "request_lost"
    covers = (17, 32)

    def draw_fate(self) -> tuple[RequestFate, int]:
        return RequestFate(arrivals=0, is_answered=False), _FOUND_OUT_NS


class AnswerLost(RequestFault):
    name = "answer_lost"
    covers = (1, 2, 31, 32, 73)

    def draw_fate(self) -> tuple[RequestFate, int]:
        return RequestFate(is_answered=False), _FOUND_OUT_NS


class AnswerLate(RequestFault):
    name = "answer_late"
    covers = (19, 23, 24)

    def draw_fate(self) -> tuple[RequestFate, int]:
        late_ns = seconds(self.chance, 0.2, 30)
        return RequestFate(delay_back_ns=late_ns), late_ns + _FOUND_OUT_NS


class RequestLate(RequestFault):
    """It may arrive after its sender gave it up."""

    name = "request_late"
    covers = (1, 17)

    def draw_fate(self) -> tuple[RequestFate, int]:
        late_ns = seconds(self.chance, 0.2, 9)
        return RequestFate(delay_there_ns=late_ns), late_ns + _FOUND_OUT_NS


class RequestTwice(RequestFault):
    name = "request_twice"
    covers = (3, 13)
    only = (RequestKind.PLACE, RequestKind.CANCEL)

    def draw_fate(self) -> tuple[RequestFate, int]:
        return RequestFate(arrivals=2), 0


class AcceptedButBadGateway(RequestFault):
    """A 502 from something in front of the venue, after the order was taken."""

    name = "bad_gateway"
    covers = (3, 5, 47)

    def draw_fate(self) -> tuple[RequestFate, int]:
        return RequestFate(answer=HttpResponse(502, _HTML, b"<html>bad gateway</html>")), _FOUND_OUT_NS


class GarbledAnswer(RequestFault):
    """An answer cut off or not JSON at all, also with text that would take over a terminal; or an empty list, which
    says that there is nothing where a list was asked for: an untruth that can be read (`Lies`)."""

    name = "garbled_answer"
    covers = (4, 5, 43, 60, 61)
    on_paper = False

    def request_fate(self, errand: Errand, home: Household) -> RequestFate | None:
        fate = super().request_fate(errand, home)
        answer = None if fate is None else fate.answer
        if fate is None or answer is None or answer.body != _NOTHING_THERE or errand.kind is not RequestKind.READ:
            return fate
        if home.storm.lies.tell(home.world.now_ns):
            return fate
        return replace(fate, answer=replace(answer, body=b""))

    def draw_fate(self) -> tuple[RequestFate, int]:
        bodies = (b'{"code":', b"", b"null", _NOTHING_THERE, b'{"a":NaN}', b"\xff\xfe\x00", _HOSTILE.encode())
        body = self.chance.choice(bodies)
        return RequestFate(answer=HttpResponse(200, (("Content-Type", "application/json"),), body)), _FOUND_OUT_NS


class HostileAnswer(RequestFault):
    """A refusal whose every word would take over a terminal, or fill a disk; nothing was done."""

    name = "hostile_answer"
    covers = (7, 61)
    on_paper = False

    def draw_fate(self) -> tuple[RequestFate, int]:
        text = self.chance.choice([_HOSTILE, _HOSTILE, "\x1b[31m" + "A" * 1_000_000])
        code = self.chance.choice([text, "UNHEARD_OF", 987654])
        names = ("msg", "message", "error", "reason", "errorParam", "data", "detail")
        body = json.dumps({"code": code} | dict.fromkeys(names, text)).encode()
        headers = (("Content-Type", "application/json"),)
        return RequestFate(arrivals=0, answer=HttpResponse(400, headers, body)), _FOUND_OUT_NS


class TooManyRequests(RequestFault):
    """A 429 instead of taking the request; seldom a 418, the ban that follows where one goes on asking."""

    name = "too_many_requests"
    covers = (45, 46)
    low, high = 0.004, 0.04
    fouls = True

    def draw_fate(self) -> tuple[RequestFate, int]:
        pause_s, is_ban = self.chance.choice([1, 2, 5, 10]), self.chance.random() < 0.1
        answer = HttpResponse(418 if is_ban else 429, (("Retry-After", str(pause_s)),), b"{}")
        # A ban lasts two minutes, whatever it says.
        lasting_s = 120 if is_ban else 4 * pause_s
        return RequestFate(arrivals=0, answer=answer), lasting_s * NANOSECONDS


class FrameFault(Fault):
    """`rate`: the share of frames (on paper: of the account's events) it strikes."""

    place = Place.TRANSPORT
    low, high = 0.002, 0.03
    breaks: ClassVar[bool] = False
    """Whether the client may replace the stream because of it."""

    def frame_fate(self, frame: Frame | None, home: Household) -> FrameFate | None:
        rate = self.rate * 10 if frame is None else self.rate
        if home.is_calm or self.chance.random() >= rate:
            return None
        fate = self.draw_fate(frame)
        if not self.is_allowed():
            return None
        home.disturbed(self.name, None, fate.delay_ns + (_REPLACED_NS if self.breaks and frame is not None else 0))
        return fate

    def draw_fate(self, frame: Frame | None) -> FrameFate:
        raise NotImplementedError


class FrameLost(FrameFault):
    """The venue never sends it, and the socket lives on. Nobody can know before the next look at the account."""

    name = "frame_lost"
    breaks = True
    covers = (26, 33, 53)

    def draw_fate(self, frame: Frame | None) -> FrameFate:
        del frame
        return FrameFate(copies=0)


class FrameTwice(FrameFault):
    name = "frame_twice"
    breaks = True
    covers = (18, 21, 22)

    def draw_fate(self, frame: Frame | None) -> FrameFate:
        del frame
        return FrameFate(copies=self.chance.choice([2, 2, 3]), delay_ns=self.chance.choice([0, 0, 3 * NANOSECONDS]))


class FrameLate(FrameFault):
    name = "frame_late"
    covers = (19, 20, 24, 25)

    def draw_fate(self, frame: Frame | None) -> FrameFate:
        del frame
        return FrameFate(delay_ns=seconds(self.chance, 0.1, 8))


class TotalMissing(Fault):
    """What an order fills is never told: only that it has ended, not how, and without a total. `rate`: the share of
    orders that fill anything."""

    name = "total_missing"
    place = Place.TRANSPORT
    covers = (27,)
    low, high = 0.1, 0.5
    on_wire = False

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._is_struck: dict[int, bool] = {}
        """Of each order that has filled anything."""

    def as_told(self, event: VenueEvent, home: Household) -> VenueEvent | None:
        if isinstance(event, PositionUpdate):
            return None if any(self._is_struck.values()) and not home.is_calm else event
        if not isinstance(event, Fill | OrderUpdate) or event.client_id is None or home.is_calm:
            return event
        client_id = event.client_id
        if client_id not in self._is_struck:
            if not isinstance(event, Fill) and not event.filled:
                return event
            is_drawn = self.chance.random() < self.rate
            self._is_struck[client_id] = is_drawn and self.is_allowed()
        if not self._is_struck[client_id]:
            return event
        home.disturbed(self.name, client_id, 0)
        if isinstance(event, Fill) or event.fact is OrderFact.ACCEPTED:
            return None
        self._is_struck[client_id] = False
        return replace(event, fact=OrderFact.CANCELLED, filled=None, reason="")


class GarbledFrame(FrameFault):
    name = "garbled_frame"
    breaks = True
    covers = (43, 56, 61)
    on_paper = False

    def draw_fate(self, frame: Frame | None) -> FrameFate:
        cut = self.chance.random()
        if isinstance(frame, str):
            return FrameFate(instead=frame[: int(cut * len(frame))])
        return FrameFate(instead=b"" if frame is None else frame[: int(cut * len(frame))])


class StreamsCut(Timed):
    """Every socket breaks; new ones are refused for a while."""

    name = "streams_cut"
    place = Place.TRANSPORT
    covers = (22, 26, 41, 42, 44)
    low, high = 3.0, 30.0

    def draw(self, home: Household) -> Callable[[], None]:
        away_ns, reason = seconds(self.chance, 0.05, 60), self.chance.choice(["", "going away", _HOSTILE_REASON])

        def act() -> None:
            home.scribe.disturb(self.name, away_ns + 35 * NANOSECONDS)
            home.world.cut_streams(away_ns, reason)

        return act


class Outage(Timed):
    """Nothing can be asked: no name is resolved, no connection made; or whatever is asked, a web page answers."""

    name = "outage"
    place = Place.TRANSPORT
    covers = (26, 47, 48)
    low, high = 1.0, 8.0

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._until_ns = 0
        self._fate = RequestFate()

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 1, 300)
        page = HttpResponse(503, _HTML, _HOSTILE.encode())
        fate = self.chance.choice([RequestFate(is_sent=False), RequestFate(arrivals=0, answer=page)])
        cuts = self.chance.random() < 0.7

        def act() -> None:
            home.scribe.disturb(self.name, lasting_ns + 35 * NANOSECONDS)
            self._until_ns, self._fate = home.world.now_ns + lasting_ns, fate
            if cuts:
                home.world.cut_streams(lasting_ns)

        return act

    def request_fate(self, errand: Errand, home: Household) -> RequestFate | None:
        del errand
        return self._fate if home.world.now_ns < self._until_ns and not home.is_calm else None


class BookStands(Timed):
    """The market's data do not arrive for a while, though the account's do; the market moves on."""

    name = "book_stands"
    place = Place.TRANSPORT
    covers = (55,)
    low, high = 2.0, 20.0
    on_wire = False

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 2, 60)

        def act() -> None:
            home.scribe.disturb(self.name, lasting_ns)
            home.scribe.tell(BookHeld(home.world.now_ns + lasting_ns))
            home.world.hold_book(lasting_ns)

        return act


class SilentStall(Timed):
    """The sockets stay open and pings are answered, but nothing comes: what is told now arrives when it is over, where
    somebody still listens. While it lasts no other begins."""

    name = "silent_stall"
    place = Place.TRANSPORT
    covers = (39, 40, 52, 55)
    low, high = 2.0, 12.0
    on_paper = False

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._until_ns = 0

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 1, 90)

        def act() -> None:
            if home.world.now_ns < self._until_ns:  # What it holds would arrive in the middle of the next.
                return
            home.stalled(self.name, lasting_ns)
            self._until_ns = home.world.now_ns + lasting_ns

        return act

    def frame_fate(self, frame: Frame | None, home: Household) -> FrameFate | None:
        del frame
        left_ns = self._until_ns - home.world.now_ns
        return FrameFate(delay_ns=left_ns) if left_ns > 0 and not home.is_calm else None

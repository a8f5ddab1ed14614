"""The two sockets of edgeX: the public one for the touch, the private one for the account.

Both speak JSON text and keep alive with `ping` and `pong` messages of their own. The private one subscribes nothing:
its signed handshake logs in, and a whole snapshot comes first. An idle account is rightly silent there; that it still
listens is checked by the client, which expects news of every order the venue says it took.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exchanges.edgex import codec, facts
from exchanges.edgex.book import Book, BookGap
from exchanges.edgex.codec_stream import (
    Best,
    Connected,
    Ping,
    Pong,
    QuoteEvent,
    StreamMessage,
    StreamRefusal,
    Subscribed,
    TradeEvent,
    decode_book_ticker,
    decode_depth,
    decode_message,
)
from exchanges.edgex.keys import Credentials
from exchanges.transport.messages import Frame, Handshake
from exchanges.transport.streams import DATA, IGNORED, Reaction

_PUBLIC_PATH = "/api/v1/public/ws"
_PRIVATE_PATH = "/api/v1/private/ws"


@dataclass(slots=True)
class TouchSource:
    """Which channel the touch comes from; remembered from one connection to the next. A venue that refuses the first is
    asked for the second."""

    uses_depth: bool = False

    def channel(self, contract_id: str) -> str:
        return f"depth.{contract_id}.15" if self.uses_depth else f"bookTicker.{contract_id}"


class PublicTalk:
    """Satisfies `exchanges.transport.streams.Conversation`. `beat`: the venue speaks, and not about the touch."""

    def __init__(
        self,
        ws_url: str,
        contract_id: str,
        source: TouchSource,
        now_ms: Callable[[], int],
        touch: Callable[[Best], None],
        beat: Callable[[], None],
    ) -> None:
        self._ws_url = ws_url
        self._contract_id = contract_id
        self._source = source
        self._now_ms = now_ms
        self._touch = touch
        self._beat = beat
        self._ticker = f"ticker.{contract_id}"
        self._waiting = ""
        """The channel whose acknowledgement is awaited."""
        self._book = Book()

    async def prepare(self) -> Handshake:
        return Handshake(f"{self._ws_url}{_PUBLIC_PATH}?timestamp={self._now_ms()}")

    def opened(self) -> Reaction:
        return self._subscribe(self._source.channel(self._contract_id))

    def heartbeat(self) -> Frame:
        return codec.ping_frame(self._now_ms())

    def received(self, frame: Frame) -> Reaction:
        message = decode_message(frame)
        if isinstance(message, QuoteEvent):
            return self._quoted(message)
        if isinstance(message, Subscribed):
            return self._acknowledged(message.channel)
        if isinstance(message, StreamRefusal):
            return self._refused(message.code)
        return _kept_alive(message)

    def _subscribe(self, channel: str) -> Reaction:
        """One at a time: a refusal does not name its channel."""
        self._waiting = channel
        return Reaction(send=(codec.subscribe_frame(channel),))

    def _acknowledged(self, channel: str) -> Reaction:
        if channel != self._waiting:
            return Reaction(broken=f"the exchange acknowledged {channel[:40]!r}, which was not asked for")
        if channel != self._ticker:
            return self._subscribe(self._ticker)
        self._waiting = ""
        return Reaction(ready=True)

    def _refused(self, code: str) -> Reaction:
        if self._waiting and self._waiting != self._ticker and not self._source.uses_depth:
            self._source.uses_depth = True
            return self._subscribe(self._source.channel(self._contract_id))
        return Reaction(broken=f"the exchange refused the subscription: {code}")

    def _quoted(self, event: QuoteEvent) -> Reaction:
        if event.channel == self._ticker:
            self._beat()
            return DATA
        if event.channel != self._source.channel(self._contract_id):
            return Reaction(broken=f"the channel {event.channel[:40]!r} was not subscribed")
        if self._source.uses_depth:
            return self._book_moved(event)
        best = decode_book_ticker(event, self._contract_id)
        if best is not None:
            self._touch(best)
        return DATA

    def _book_moved(self, event: QuoteEvent) -> Reaction:
        try:
            for change in decode_depth(event.rows, self._contract_id):
                self._touch(self._book.apply(change))
        except BookGap as gap:
            return Reaction(broken=str(gap))
        return DATA


@dataclass(slots=True)
class VersionChain:
    """The account's versions. That they grow by exactly one is not documented: it is believed once it has held long
    enough, and a jump, which then is a gap, makes it be doubted again."""

    last: int | None = None
    steps_of_one: int = 0

    def begin(self, version: int) -> None:
        self.last = version

    def follow(self, version: int) -> str:
        """Why messages are missing; empty where none is known to be. Repetitions and older news say nothing."""
        last = self.last
        if last is None or version <= last:
            return ""
        self.last = version
        if version == last + 1:
            self.steps_of_one += 1
            return ""
        trusted, self.steps_of_one = self.steps_of_one >= facts.TRUSTED_VERSIONS, 0
        return f"account versions {last + 1} to {version - 1} are missing" if trusted else ""


class PrivateTalk:
    """Satisfies `exchanges.transport.streams.Conversation`. `set_clock` measures the venue's time before a handshake is
    signed with it."""

    def __init__(
        self,
        ws_url: str,
        credentials: Credentials,
        chain: VersionChain,
        now_ms: Callable[[], int],
        set_clock: Callable[[], Awaitable[None]],
        news: Callable[[TradeEvent], None],
    ) -> None:
        self._ws_url = ws_url
        self._credentials = credentials
        self._chain = chain
        self._now_ms = now_ms
        self._set_clock = set_clock
        self._news = news
        self._has_snapshot = False

    async def prepare(self) -> Handshake:
        await self._set_clock()
        now_ms = self._now_ms()
        named = {"accountId": str(self._credentials.account_id), "timestamp": str(now_ms)}
        headers = self._credentials.api.handshake_headers(now_ms, _PRIVATE_PATH, named)
        query = "&".join(f"{name}={value}" for name, value in named.items())
        return Handshake(f"{self._ws_url}{_PRIVATE_PATH}?{query}", headers)

    def opened(self) -> Reaction:
        return IGNORED

    def heartbeat(self) -> Frame:
        return codec.ping_frame(self._now_ms())

    def received(self, frame: Frame) -> Reaction:
        message = decode_message(frame)
        if not isinstance(message, TradeEvent):
            reaction = _kept_alive(message)
            # Here the heartbeat is all that an idle account has to say.
            return Reaction(send=reaction.send, alive=True, broken=reaction.broken)
        if message.is_snapshot:
            self._chain.begin(message.version)
            self._has_snapshot = True
        elif not self._has_snapshot:
            return Reaction(broken="news of the account came before its snapshot")
        elif missing := self._chain.follow(message.version):
            return Reaction(broken=missing)
        self._news(message)
        return Reaction(ready=True, alive=True)


def _kept_alive(message: StreamMessage) -> Reaction:
    """What both sockets answer alike. A mere heartbeat proves nothing about data."""
    if isinstance(message, Ping):
        return Reaction(send=(codec.pong_frame(message.time),))
    if isinstance(message, Pong | Connected):
        return IGNORED
    if isinstance(message, StreamRefusal):
        return Reaction(broken=f"the exchange refused: {message.code}")
    return Reaction(broken="a message of the other socket")

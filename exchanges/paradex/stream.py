"""The two sockets to Paradex: one for the account, in text, and one for the quotes, in binary.

A socket opened with the schema in its address gets its data in binary; without, in text. Sources disagree about the
account's data on a binary socket, so the account has a text socket of its own, and either kind of frame is understood
on both. Neither socket resumes a session: after each reconnect the client's owner reads what was missed by REST.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exchanges.decoding import DecodeError
from exchanges.errors import Misconfigured
from exchanges.paradex import codec, codec_account, codec_stream
from exchanges.paradex.codec import WireFill, WireOrder, WirePosition
from exchanges.paradex.codec_account import Bbo, Token
from exchanges.paradex.codec_sbe import Heartbeat, decode_frame
from exchanges.paradex.codec_stream import BAD_TOKEN_CODES, GEO_BLOCK_CODE, Acknowledged, Data, Failed
from exchanges.paradex.facts import PROBE_CHANNEL, SBE_SCHEMA_VERSION
from exchanges.paradex.rest import Rest
from exchanges.transport.messages import Frame, Handshake
from exchanges.transport.streams import DATA, IGNORED, Reaction

_LOGIN_ID = 0


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the data go."""

    order: Callable[[WireOrder], None]
    fill: Callable[[WireFill], None]
    position: Callable[[WirePosition], None]
    touch: Callable[[Bbo], None]
    beat: Callable[[], None]
    """The quotes' socket is alive, and nothing about the touch was told."""


class AccountDialogue:
    """Orders, fills and positions. Satisfies `exchanges.transport.streams.Conversation`."""

    def __init__(self, market: str, ws_url: str, rest: Rest, listener: Listener) -> None:
        self._market = market
        self._channels = (f"orders.{market}", f"fills.{market}", "positions")
        self._ws_url = ws_url
        self._rest = rest
        self._listener = listener
        self._token: Token | None = None
        self._next_id = _LOGIN_ID + 1
        self._waiting: set[int] = set()
        self._probe_id: int | None = None
        self._is_probe_on = False

    async def prepare(self) -> Handshake:
        self._token = await self._rest.token()
        return Handshake(self._ws_url, (("Authorization", f"Bearer {self._token.text}"),))

    def opened(self) -> Reaction:
        assert self._token is not None, "a connection is prepared before it is opened"
        return Reaction(send=(codec_stream.call(_LOGIN_ID, "auth", {"bearer": self._token.text}),))

    def received(self, frame: Frame) -> Reaction:
        if isinstance(frame, bytes):
            return self._take(decode_frame(frame))
        message = codec_stream.decode_message(frame)
        if isinstance(message, Failed):
            return self._failed(message)
        if isinstance(message, Acknowledged):
            return self._acknowledged(message.request_id)
        return self._take(self._decoded(message))

    def heartbeat(self) -> Frame:
        method = "unsubscribe" if self._is_probe_on else "subscribe"
        self._is_probe_on = not self._is_probe_on
        self._probe_id = self._take_id()
        return codec_stream.call(self._probe_id, method, {"channel": PROBE_CHANNEL})

    def _acknowledged(self, request_id: int) -> Reaction:
        if request_id == self._probe_id:
            return DATA
        if request_id == _LOGIN_ID:
            return Reaction(send=tuple(self._subscribe(channel) for channel in self._channels))
        self._waiting.discard(request_id)
        return IGNORED if self._waiting else Reaction(ready=True)

    def _subscribe(self, channel: str) -> str:
        request_id = self._take_id()
        self._waiting.add(request_id)
        return codec_stream.call(request_id, "subscribe", {"channel": channel})

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _failed(self, failed: Failed) -> Reaction:
        if failed.code == GEO_BLOCK_CODE:
            raise Misconfigured("Paradex does not serve the country this machine's address belongs to")
        if failed.code in BAD_TOKEN_CODES and self._token is not None:
            self._rest.reject(self._token)
        return Reaction(broken=f"the exchange refused a request on the stream: {failed.message} ({failed.code})")

    def _decoded(self, data: Data) -> object:
        channel = data.channel
        if channel.startswith("orders."):
            return codec.decode_order(data.fields)
        if channel.startswith("fills."):
            return codec.decode_fill(data.fields)
        if channel == "positions":
            is_here = data.fields.text("market") == self._market
            return codec.decode_position(data.fields) if is_here else None
        if channel == PROBE_CHANNEL:
            return None
        raise DecodeError(f"the channel {channel[:40]!r} was not subscribed")

    def _take(self, told: object) -> Reaction:
        if isinstance(told, WireOrder):
            self._listener.order(told)
        elif isinstance(told, WireFill):
            self._listener.fill(told)
        elif isinstance(told, WirePosition):
            self._listener.position(told)
        return DATA


class QuoteDialogue:
    """The touch. Satisfies `exchanges.transport.streams.Conversation`."""

    def __init__(self, market: str, ws_url: str, listener: Listener) -> None:
        self._market = market
        self._ws_url = ws_url
        self._listener = listener
        self._last_seq = -1

    async def prepare(self) -> Handshake:
        return Handshake(f"{self._ws_url}?sbeSchemaId=1&sbeSchemaVersion={SBE_SCHEMA_VERSION}")

    def opened(self) -> Reaction:
        return Reaction(send=(codec_stream.call(1, "subscribe", {"channel": f"bbo.{self._market}"}),))

    def received(self, frame: Frame) -> Reaction:
        if isinstance(frame, bytes):
            told = decode_frame(frame)
            if isinstance(told, Bbo):
                return self._touch(told)
            if isinstance(told, Heartbeat):
                self._listener.beat()
            return DATA
        message = codec_stream.decode_message(frame)
        if isinstance(message, Failed):
            return Reaction(broken=f"the exchange refused the quotes: {message.message} ({message.code})")
        if isinstance(message, Acknowledged):
            return Reaction(ready=True)
        if not message.channel.startswith("bbo."):
            raise DecodeError(f"the channel {message.channel[:40]!r} was not subscribed")
        return self._touch(codec_account.decode_bbo(message.fields))

    def heartbeat(self) -> None:
        """The server pings, and sends a heartbeat frame where nothing else happens."""

    def _touch(self, bbo: Bbo) -> Reaction:
        if bbo.market != self._market:
            raise DecodeError("a quote of another market")
        if bbo.seq < self._last_seq:
            return Reaction(broken="the quotes went back in time")
        self._last_seq = bbo.seq
        self._listener.touch(bbo)
        return DATA

"""One socket to Lighter: the book, the market's statistics, and the account's orders, trades and positions.

Every channel is subscribed by itself and acknowledged by its first frame; the socket is ready when all have answered.
What the first frames hold of the account is left alone: whoever was away asks by REST, and whoever was not knows it.
The book carries a chain of nonces; where it breaks, the connection is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.events import Fill
from exchanges.decoding import DecodeError, Fields
from exchanges.lighter.book import Best, Book, BookGap
from exchanges.lighter.codec import Order
from exchanges.lighter.codec_errors import BAD_TOKEN_CODE
from exchanges.lighter.codec_stream import (
    ALREADY_SUBSCRIBED,
    StreamFrame,
    decode_book,
    decode_frame,
    decode_order_news,
    decode_position_news,
    decode_trade_news,
)
from exchanges.transport.messages import Frame, Handshake
from exchanges.transport.streams import DATA, IGNORED, Reaction

_PONG = json.dumps({"type": "pong"})


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the data go. `beat`: the socket is alive, and nothing about the touch was told."""

    orders: Callable[[list[Order]], None]
    trades: Callable[[list[tuple[int, Fill]]], None]
    positions: Callable[[Mapping[int, Decimal]], None]
    touch: Callable[[Best], None]
    no_touch: Callable[[], None]
    beat: Callable[[], None]


class Dialogue:
    """Satisfies `exchanges.transport.streams.Conversation`. `fresh_token` makes a token for this connection."""

    def __init__(
        self, market_id: int, account: int, ws_url: str, fresh_token: Callable[[], Awaitable[str]], listener: Listener
    ) -> None:
        self._account = account
        self._ws_url = ws_url
        self._fresh_token = fresh_token
        self._listener = listener
        self._token = ""
        self._book = Book()
        self._public: dict[str, Callable[[StreamFrame], Reaction]] = {
            f"order_book/{market_id}": self._hear_book,
            f"market_stats/{market_id}": self._hear_stats,
        }
        self._private: dict[str, Callable[[Fields], None]] = {
            f"account_all_orders/{account}": self._hear_orders,
            f"account_all_trades/{account}": self._hear_trades,
            f"account_all_positions/{account}": self._hear_positions,
        }
        self._unanswered = {*self._public, *self._private}

    async def prepare(self) -> Handshake:
        self._token = await self._fresh_token()
        return Handshake(self._ws_url)

    def opened(self) -> Reaction:
        return IGNORED  # The venue speaks first.

    def received(self, frame: Frame) -> Reaction:
        message = decode_frame(frame)
        match message.kind:
            case "connected":
                return Reaction(send=self._subscriptions())
            case "ping":
                return Reaction(send=(_PONG,))
            case "pong":
                return IGNORED
            case "shutdown":
                return Reaction(broken="the exchange closes this connection")
            case "error":
                if message.code == ALREADY_SUBSCRIBED:
                    return IGNORED
                # The text of that one may quote the token.
                text = "bad token" if message.code == BAD_TOKEN_CODE else message.text
                return Reaction(broken=f"the exchange refused a message: {message.code} {text}")
            case _:
                return self._hear(message)

    def heartbeat(self) -> None:
        """A ping of the protocol: the venue drops a client that sends nothing for two minutes."""

    def _subscriptions(self) -> tuple[str, ...]:
        public = [{"type": "subscribe", "channel": channel} for channel in self._public]
        private = [{"type": "subscribe", "channel": channel, "auth": self._token} for channel in self._private]
        return tuple(json.dumps(message) for message in (*public, *private))

    def _hear(self, message: StreamFrame) -> Reaction:
        channel = message.channel
        if channel in self._public:
            reaction = self._public[channel](message)
        elif channel in self._private:
            reaction = DATA
            if message.kind == "update":
                self._private[channel](message.fields)
        else:
            raise DecodeError("a frame of a channel that was not subscribed")
        if reaction.broken or channel not in self._unanswered or message.kind != "subscribed":
            return reaction
        self._unanswered.discard(channel)
        return Reaction(ready=not self._unanswered, alive=True)

    def _hear_book(self, message: StreamFrame) -> Reaction:
        change = decode_book(message.fields)
        if message.kind == "update" and message.channel in self._unanswered:
            return DATA  # The whole book is still to come, and holds it.
        try:
            best = self._book.begin(change) if message.kind == "subscribed" else self._book.change(change)
        except BookGap as gap:
            return Reaction(broken=str(gap))
        if best is None:
            self._listener.no_touch()
        else:
            self._listener.touch(best)
        return DATA

    def _hear_stats(self, _message: StreamFrame) -> Reaction:
        self._listener.beat()
        return DATA

    def _hear_orders(self, fields: Fields) -> None:
        self._listener.orders(decode_order_news(fields, self._account))

    def _hear_trades(self, fields: Fields) -> None:
        self._listener.trades(decode_trade_news(fields, self._account))

    def _hear_positions(self, fields: Fields) -> None:
        self._listener.positions(decode_position_news(fields))

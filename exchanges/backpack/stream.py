"""One socket to Backpack: the touch, the mark price, and the account's orders and position.

The venue acknowledges no subscription and tells nothing of a bad signature. Therefore everything is subscribed in one
signed message: when the touch or the mark price begins to come, the message was taken. That the private part keeps
working is checked by the client, which expects news of every order the venue says it took.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from exchanges.backpack import codec
from exchanges.backpack.codec import BookTicker, OrderNews
from exchanges.backpack.facts import WINDOW_MS
from exchanges.backpack.signing import Signer, signing_line
from exchanges.decoding import DecodeError, Fields
from exchanges.transport.messages import Frame, Handshake
from exchanges.transport.streams import DATA, Reaction


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the data go."""

    order: Callable[[OrderNews], None]
    position: Callable[[Fields], None]
    touch: Callable[[BookTicker], None]
    beat: Callable[[], None]
    """The socket is alive, and nothing about the touch was told."""


class Dialogue:
    """Satisfies `exchanges.transport.streams.Conversation`. `now_ms` tells the venue's time."""

    def __init__(
        self, symbol: str, ws_url: str, signer: Signer, now_ms: Callable[[], int], listener: Listener
    ) -> None:
        self._symbol = symbol
        self._ws_url = ws_url
        self._signer = signer
        self._now_ms = now_ms
        self._listener = listener
        self._last_update_id = -1

    async def prepare(self) -> Handshake:
        return Handshake(f"{self._ws_url}/")

    def opened(self) -> Reaction:
        now_ms = self._now_ms()
        signature = self._signer.sign(signing_line("subscribe", {}, now_ms, WINDOW_MS))
        names = ("bookTicker", "markPrice", "account.orderUpdate", "account.positionUpdate")
        message = {
            "method": "SUBSCRIBE",
            "params": [f"{name}.{self._symbol}" for name in names],
            "signature": [self._signer.public_key, signature, str(now_ms), str(WINDOW_MS)],
        }
        return Reaction(send=(json.dumps(message),))

    def received(self, frame: Frame) -> Reaction:
        message = codec.decode_frame(frame)
        if message.data is None:
            return Reaction(broken=f"the exchange refused the subscription: {message.error}")
        kind = message.stream
        if kind.startswith("account.orderUpdate"):
            self._listener.order(codec.decode_order_update(message.data))
            return DATA
        if kind.startswith("account.positionUpdate"):
            self._listener.position(message.data)
            return DATA
        if kind.startswith("bookTicker."):
            return self._touch(message.data)
        if kind.startswith("markPrice."):
            self._listener.beat()
            return Reaction(ready=True, alive=True)
        raise DecodeError(f"the stream {kind[:40]!r} was not subscribed")

    def heartbeat(self) -> None:
        """The server pings; the connection answers."""

    def _touch(self, data: Fields) -> Reaction:
        ticker = codec.decode_book_ticker(data)
        if ticker.symbol != self._symbol:
            raise DecodeError("a quote of another market")
        if ticker.update_id < self._last_update_id:
            return Reaction(broken="the quotes went back in time")
        self._last_update_id = ticker.update_id
        self._listener.touch(ticker)
        return Reaction(ready=True, alive=True)

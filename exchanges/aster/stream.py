"""The two sockets to Aster: the market's touch, and the account's orders and positions.

The market's socket is opened on the touch itself and then asks for the mark price, which comes every second: its
acknowledgement shows that the socket is heard, and the beat that it lives while the touch is at rest. The account's
socket is opened with a listen key and needs no word more; that it keeps working is checked by the client, which expects
news of every order the venue says it took.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from exchanges.aster.codec_market import BookTicker
from exchanges.aster.codec_stream import (
    AccountNews,
    Acknowledged,
    Beat,
    Ignored,
    ListenKeyExpired,
    OrderNews,
    Trouble,
    decode_message,
    subscription,
)
from exchanges.decoding import DecodeError
from exchanges.transport.messages import Frame, Handshake
from exchanges.transport.streams import DATA, IGNORED, Reaction

_MARK_PRICE = 1
"""The number of the one subscription that is made."""


class MarketDialogue:
    """Satisfies `exchanges.transport.streams.Conversation`. `on_beat`: the socket lives, and the touch is the same."""

    def __init__(
        self, symbol: str, ws_url: str, on_touch: Callable[[BookTicker], None], on_beat: Callable[[], None]
    ) -> None:
        self._symbol = symbol
        self._ws_url = ws_url
        self._on_touch = on_touch
        self._on_beat = on_beat
        self._last_update_id = 0

    async def prepare(self) -> Handshake:
        return Handshake(f"{self._ws_url}/ws/{self._symbol.lower()}@bookTicker")

    def opened(self) -> Reaction:
        return Reaction(send=(subscription(f"{self._symbol.lower()}@markPrice@1s", _MARK_PRICE),))

    def received(self, frame: Frame) -> Reaction:
        match decode_message(frame):
            case BookTicker() as ticker:
                return self._touch(ticker)
            case Beat(symbol):
                self._check(symbol)
                self._on_beat()
                return DATA
            case Acknowledged(number) if number == _MARK_PRICE:
                return Reaction(ready=True)
            case Trouble(text):
                return Reaction(broken=f"the exchange refused the subscription: {text}")
            case Ignored():
                return IGNORED
            case other:
                raise DecodeError(f"{type(other).__name__} has no place on the market's socket")

    def heartbeat(self) -> None:
        """The server pings; the connection answers."""

    def _touch(self, ticker: BookTicker) -> Reaction:
        self._check(ticker.symbol)
        if ticker.update_id < self._last_update_id:
            return Reaction(broken="the quotes went back in time")
        self._last_update_id = ticker.update_id
        self._on_touch(ticker)
        return DATA

    def _check(self, symbol: str) -> None:
        if symbol != self._symbol:
            raise DecodeError("data of another market")


class AccountDialogue:
    """Satisfies `exchanges.transport.streams.Conversation`."""

    def __init__(
        self,
        ws_url: str,
        listen_key: Callable[[], Awaitable[str]],
        on_order: Callable[[OrderNews], None],
        on_account: Callable[[AccountNews], None],
    ) -> None:
        self._ws_url = ws_url
        self._listen_key = listen_key
        self._on_order = on_order
        self._on_account = on_account

    async def prepare(self) -> Handshake:
        return Handshake(f"{self._ws_url}/ws/{await self._listen_key()}")

    def opened(self) -> Reaction:
        return Reaction(ready=True)

    def received(self, frame: Frame) -> Reaction:
        match decode_message(frame):
            case OrderNews() as news:
                self._on_order(news)
                return DATA
            case AccountNews() as news:
                self._on_account(news)
                return DATA
            case ListenKeyExpired():
                return Reaction(broken="the listen key has expired")
            case Trouble(text):
                return Reaction(broken=f"the exchange complains: {text}")
            case Ignored() | Acknowledged():
                return IGNORED
            case other:
                raise DecodeError(f"{type(other).__name__} has no place on the account's socket")

    def heartbeat(self) -> None:
        """A ping of the WebSocket protocol: sending one finds out that a connection is gone."""

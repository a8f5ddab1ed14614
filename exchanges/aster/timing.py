"""How long the client waits, and how often it looks."""

from __future__ import annotations

from dataclasses import dataclass

from exchanges.aster import facts
from exchanges.transport.caller import Patience
from exchanges.transport.streams import StreamStyle
from exchanges.venue_client import CLOCK_EVERY_S

_PATIENCE = Patience()
_MARKET_STREAM = StreamStyle(renew_after_s=facts.CONNECTION_LIFE_S)
_ACCOUNT_STREAM = StreamStyle(silent_after_s=None, ping_every_s=30.0, renew_after_s=facts.CONNECTION_LIFE_S)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `news_within_s`: an order the venue took is heard of on the stream by then, or the stream is deaf."""

    connect_within_s: float = 20.0
    news_within_s: float = 5.0
    clock_every_s: float = CLOCK_EVERY_S
    rules_every_s: float = 600.0
    funding_every_s: float = 600.0
    listen_key_every_s: float = facts.LISTEN_KEY_RENEW_S
    patience: Patience = _PATIENCE
    market_stream: StreamStyle = _MARKET_STREAM
    account_stream: StreamStyle = _ACCOUNT_STREAM

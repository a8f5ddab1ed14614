"""What this client takes for granted of Paradex: addresses, limits, words; and, in one place, what nobody has verified.

The unverified facts stand at the end, each with what it would mean if it were wrong; the twin has a switch
(`twin.Switches`) for the other reading. `docs/exchanges/paradex.md` tells the same to people.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts and chain id move together: a key of one network signs nothing that the other accepts."""

    name: str
    rest_url: str
    ws_url: str
    chain_id: str


MAINNET = Network(
    "mainnet",
    "https://api.prod.paradex.trade/v1",
    "wss://ws.api.prod.paradex.trade/v1",
    "PRIVATE_SN_PARACLEAR_MAINNET",
)
TESTNET = Network(
    "testnet",
    "https://api.testnet.paradex.trade/v1",
    "wss://ws.api.testnet.paradex.trade/v1",
    "PRIVATE_SN_POTC_SEPOLIA",
)
NETWORKS = {network.name: network for network in (MAINNET, TESTNET)}
OFFICIAL_HOSTS = {
    "mainnet": ("api.prod.paradex.trade", "ws.api.prod.paradex.trade", "ws-public.api.prod.paradex.trade"),
    "testnet": ("api.testnet.paradex.trade", "ws.api.testnet.paradex.trade", "ws-public.api.testnet.paradex.trade"),
}

SCALE_DIGITS = 8
"""Sizes and prices are signed, and streamed in binary, as whole numbers of 10^-8."""
SMALLEST_UNIT = Decimal(1).scaleb(-SCALE_DIGITS)
CLIENT_ID_PREFIX = "tpg-"
"""Client ids are free text of up to 64 characters: ours are this and the bot's number."""

TOKEN_LIFE_S = 300
TOKEN_RENEW_AFTER_S = 180
"""The venue's advice: a token lives five minutes and is not extended; a new one is fetched after three."""
TOKEN_SPARE_S = 30
"""A token this near its end is not used any more."""
LOGIN_SIGNATURE_LIFE_S = 180
"""How long a signed login may be used, should it be seen by others. The SDK signs for a day."""
RECEIVE_WINDOW_MS = 5_000
"""An order that reaches the venue later than this after it was signed is refused there: so it cannot appear long after
we gave it up."""

SETTLEMENT_CURRENCIES = frozenset({"USDC", "USD"})
"""A fee in any other currency cannot be booked, and is an error."""

MOST_OPEN_ORDERS_IF_NOT_TOLD = 100
"""Resting orders of an account in one market, should its listing not say."""
PAGE_SIZE = 100
"""The venue's own default for histories."""
HEARTBEAT_S = 20
"""A binary session that is idle hears a heartbeat this often."""
PROBE_CHANNEL = "tradebusts"
"""Subscribed and unsubscribed in turn on the private socket: the acknowledgement proves that the venue still works on
it, while nothing happens to the account."""

# Unverified: the sheet's sources are silent or disagree. Change one here, and its switch in the twin, once known.

SBE_SCHEMA_VERSION = 1
"""Versions 0, 1 and 2 are said to be served; the published schema says that 2 is not yet. Quotes are alike in all."""
MARKET_ORDER_INSTRUCTION = "GTC"
"""What the SDK and CCXT send with market orders; if wrong, boost orders are refused with a clear reason."""
FILL_SIDE_IS_OURS = True
"""A fill's `side` is taken as the account's, as CCXT does, where our own order's side is not known. One text says
"taker side"."""
HISTORY_LOOKBACK_S = 24 * 3600
"""How far back the order history is searched for an order that this process did not place and that cannot be found by
its client id; whether ended orders can be is not known."""
MAKER_FEE_IF_NOT_TOLD = Decimal("0.0001")
TAKER_FEE_IF_NOT_TOLD = Decimal("0.0003")
"""Fractions of notional, for the warnings at start, should `/markets` leave its `fee_config` out; every fill tells the
fee that was really paid."""

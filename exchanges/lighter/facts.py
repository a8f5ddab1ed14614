"""What is known of Lighter, in one place: addresses, words, limits, and what nobody could confirm.

Source: the venue's documentation and official SDK 1.1.8 as read in November 2026, checked against public clients. Each
unconfirmed fact is a field of `Switches`: the client is written so that either reading is safe, and the twin can be
switched to the other one. `docs/exchanges/lighter.md` says the same for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

NAME = "lighter"
QUOTE_ASSET = "USDC"


@dataclass(frozen=True, slots=True)
class Network:
    """`chain_id` is part of every signed transaction, so that one network's orders are worth nothing on another."""

    rest_url: str
    ws_url: str
    host: str
    chain_id: int


NETWORKS = {
    "mainnet": Network(
        "https://mainnet.zklighter.elliot.ai",
        "wss://mainnet.zklighter.elliot.ai/stream",
        "mainnet.zklighter.elliot.ai",
        304,
    ),
    "testnet": Network(
        "https://testnet.zklighter.elliot.ai",
        "wss://testnet.zklighter.elliot.ai/stream",
        "testnet.zklighter.elliot.ai",
        300,
    ),
}

TX_CREATE_ORDER = 14
TX_CANCEL_ORDER = 15
TX_CANCEL_ALL = 16
TX_MODIFY_ORDER = 17
TX_UPDATE_LEVERAGE = 20
LIMIT, MARKET = 0, 1
"""Order types."""
IMMEDIATE_OR_CANCEL, GOOD_TILL_TIME, POST_ONLY = 0, 1, 2
"""Times in force."""

CLIENT_ID_BITS = 48
"""Client ids are 1 to 2^48 - 1; the venue's own order ids begin above."""
LARGEST_PRICE = (1 << 32) - 1
LARGEST_AMOUNT = (1 << 48) - 1
FIRST_KEY_INDEX, LAST_KEY_INDEX = 2, 254
"""Indices of keys that people may make; 0 and 1 belong to the web and mobile apps, 255 means all keys in a query."""

ORDER_LIFE_S = 28 * 86_400
"""How long our resting orders may rest; the venue takes at most 30 days."""
TOKEN_LIFE_S = 3_600
"""How long our tokens for private reads are good for; the venue takes at most 8 hours."""
TOKEN_RENEWED_S = 600
"""A token is replaced this long before its end."""
SERVER_TIME_NS = 1_000_000_000
"""The venue tells its time in whole seconds."""
MOST_BEHIND_S = 480
"""With a clock further behind, transactions would reach the venue past their time, or nearly."""
PAGE = 100
"""The longest page of the history endpoints."""
WORST_PRICE = Decimal("0.03")
"""How far beyond the touch a market order may fill, as a fraction: the venue demands a worst price."""
TX_FAILED = 0
"""Of `GET /tx`: 0 failed, 1 pending, 2 executed, 3 pending for good."""
MOST_OPEN_ORDERS = 1_000
"""Resting orders of an account in one market."""
BAN_S = 60.0
"""How long the venue's firewall shuts an address out, which it tells with a 405."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Requests per minute by kind of account: `weighted` counts the venue's weights, otherwise each request is one."""

    per_minute: int
    weighted: bool


TIERS = {"standard": Tier(60, weighted=False), "premium": Tier(24_000, weighted=True)}
WEIGHTS = {
    "/api/v1/sendTx": 6,
    "/api/v1/sendTxBatch": 6,
    "/api/v1/nextNonce": 6,
    "/api/v1/accountInactiveOrders": 100,
    "/api/v1/trades": 600,
    "/api/v1/recentTrades": 600,
}
OTHER_WEIGHT = 300


@dataclass(frozen=True, slots=True)
class Switches:
    """The unconfirmed facts, as the twin plays them."""

    duplicate_is_refused_at_once: bool = True
    """Whether a client id in use is refused in the answer (21728), or only when the transaction is executed."""
    gone_order_is_refused_at_once: bool = True
    """Whether a cancel of an order that is not there is refused in the answer (21600), or executed without effect."""
    failed_tx_has_order_event: bool = False
    """Whether an order that fails in execution (margin, reduce-only, price) shows as a cancelled order."""
    trim_changes_initial_amount: bool = True
    """Whether a reduce-only order that shrinks shows a smaller initial amount, or only a smaller remaining one."""
    ended_order_keeps_remaining: bool = True
    """Whether a cancelled order still shows what remained of it, or zero."""
    first_trades_are_a_list: bool = True
    """Whether the first frame of the trades channel holds `[]` instead of an object by market."""
    trades_before_orders: bool = False
    """Whether a fill's trade frame comes before the order's."""
    bad_token_status: int = 400
    """The HTTP status of a token that is wrong or too old; the code is 20013."""
    bad_nonce_status: int = 400
    bad_signature_code: int = 21120
    """What a transaction with a wrong signature is refused with."""
    failed_tx_returns_nonce: bool = False
    """Whether a transaction that fails in execution consumes no nonce, so that those sent after it fail as well."""
    flat_position_is_left_out: bool = False
    """Whether a position that was closed is left out of the next frame of positions, or told as zero."""
    order_times_are_ms: bool = False
    """Whether the times of an order are in milliseconds instead of seconds."""
    listed_fees_are_percent: bool = False
    """Whether the fees of a market's listing are percent instead of fractions."""
    paid_funding_is_positive: bool = False
    """Whether a funding payment of the account is written as a positive number, instead of one it received."""
    checks_expiry_of_tx: bool = True
    """Whether a transaction whose `ExpiredAt` has passed is refused. The native signer takes that time from this
    machine's clock, so worlds whose clock runs ahead of it switch this off."""
    checks_signatures: bool = True
    """Whether signatures are verified beside the hashes: about 30 ms of work each."""
    execution_delay_ms: int = 200
    """From the answer to a transaction to its execution: 200 ms to rest, 300 ms to take, for a standard account."""
    taker_delay_ms: int = 100
    """What an order that takes waits beyond `execution_delay_ms`."""
    history_delay_ms: int = 300
    """How long the lists of ended orders and of trades lag behind."""
    stats_every_ms: int = 1_000
    """How often the market's statistics are told."""
    active_page: int = 100
    """How many open orders come in one answer; the venue names no number."""
    tier: str = "standard"
    most_orders: int = MOST_OPEN_ORDERS
    """In one market; 1,500 for the whole account."""
    most_pending: int = 16
    """Transactions of one market that wait for execution."""

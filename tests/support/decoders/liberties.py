"""Where a spoilt message may be read as something else than the whole one, and why that is true and not made up.

A row is a venue, the end of a place (names with dots, without the indices of lists), what may stand there, and the
reason. Everything else that changes a reading is a value out of nothing.
"""

from __future__ import annotations

from tests.support.wire_spoiling import ABSENT, TEXTS

OTHER = TEXTS - {"empty", "long", "half a character"}
"""Another text than the one the message had."""
EMPTY = frozenset({"empty"})
NOTHING = frozenset({"list", "object"})
SHAPES = frozenset({"object", "strange object"})
ANYTHING_ELSE = frozenset({
    "list", "object", "list of null", "strange object", "deep", "true", "false", "sixty nines", "many nines",
    "too large", "too small", "exponent",
})  # fmt: skip
_FOREIGN = "a client id that is not ours, or none, makes an order foreign"
_ELSEWHERE = "a row of another market, asset or kind is left out"
_LAST_PAGE = "without a cursor a page is the last one"
_UNSAID = "a refusal may come without words"
_SETTLED = "the total of what has settled stands in: it is late, and totals only grow"
_UNCHANGED = "a message tells what has changed: what is not listed has not"

LIBERTIES: tuple[tuple[str, str, frozenset[str], str], ...] = (
    ("aster", "clientOrderId", OTHER, _FOREIGN),
    ("aster", "o.c", OTHER, _FOREIGN),
    ("aster", "commissionAsset", OTHER, "a fee in another asset is valued by the account's rate"),
    ("aster", "o.N", OTHER, "a fee in another asset is valued by the account's rate"),
    ("aster", "asset", OTHER, _ELSEWHERE),
    ("aster: funding", "symbol", OTHER, _ELSEWHERE),
    ("aster: funding", "incomeType", OTHER, _ELSEWHERE),
    ("aster: listing", "rateLimitType", OTHER, _ELSEWHERE),
    ("aster: listing", "interval", OTHER, _ELSEWHERE),
    ("aster: listing", "filterType", OTHER, "a filter that is not listed does not bind"),
    ("aster", "e", OTHER, "messages of other kinds are ignored"),
    ("aster: account news", "a.P", ABSENT, _UNCHANGED),
    ("aster: trouble", "msg", ABSENT, _UNSAID),
    ("backpack", "clientId", ABSENT, _FOREIGN),
    ("backpack", "data.c", ABSENT, _FOREIGN),
    ("backpack", "price", ABSENT, "an order at market has no price"),
    ("backpack: fills", "systemOrderType", OTHER, "the venue's own orders say of which kind they are"),
    ("backpack: history", "expiryReason", ABSENT, _UNSAID),
    ("backpack: funding", "symbol", OTHER, _ELSEWHERE),
    ("backpack: position", "symbol", OTHER, "no row of a market is a flat position, as the venue defines it"),
    ("backpack: market", "maxMultiplier", ABSENT, "a band that is not listed does not bind"),
    ("backpack: market", "minMultiplier", ABSENT, "a band that is not listed does not bind"),
    ("backpack: market", "meanMarkPriceBand", ABSENT | SHAPES, "a band that is not listed does not bind"),
    ("backpack: refusal", "message", ABSENT | EMPTY, _UNSAID),
    ("backpack: position news", "data.q", frozenset({"exponent"}), "a bare number may be written so: 1e-8 is true"),
    ("edgex: cancelled", "cancelResultMap.77", OTHER | {"missing"}, "another word is another outcome"),
    ("edgex: cancelled", "cancelResultMap", SHAPES, "there was nothing to cancel"),
    ("edgex", "clientOrderId", OTHER | EMPTY, _FOREIGN),
    ("edgex: orders", "cumMatchSize", ABSENT, _SETTLED),
    ("edgex: account news", "cumMatchSize", ABSENT, _SETTLED),
    ("edgex", "nextPageOffsetData", ABSENT, _LAST_PAGE),
    ("edgex", "createOrderPerMinuteLimit", ABSENT, "a limit that is not stated is the common one"),
    ("edgex: listing", "nativeChainId", frozenset({"hexadecimal"}), "0x1F is a whole number here"),
    ("edgex: listing", "resolution", frozenset({"hexadecimal"}), "0x1F is a whole number here"),
    ("edgex: listing", "contractId", frozenset({"hexadecimal"}), "0x1F is a whole number here"),
    ("edgex: listing", "maxOrderBuyPriceRatio", ABSENT, "a band that is not listed does not bind"),
    ("edgex: listing", "minOrderSellPriceRatio", ABSENT, "a band that is not listed does not bind"),
    ("edgex: listing", "defaultMakerFeeRate", ABSENT, "a fee that is not listed is the most a signature allows for"),
    ("edgex: listing", "defaultTakerFeeRate", ABSENT, "a fee that is not listed is the most a signature allows for"),
    ("edgex: refusal", "msg", ABSENT | TEXTS | ANYTHING_ELSE, "free text: it only tells refusals apart"),
    ("edgex: refusal", "traceId", ABSENT | OTHER, "a trace is shown where it is a word"),
    ("edgex: account news", "contractId", ABSENT | OTHER, _ELSEWHERE),
    ("edgex: account news", "positionTransaction.type", OTHER, _ELSEWHERE),
    ("edgex: account news", "orderSide", ABSENT, "the fill's order tells the side"),
    ("edgex: account news", "content.data", SHAPES, _UNCHANGED),
    ("edgex: account news", "order", ABSENT, _UNCHANGED),
    ("edgex: account news", "orderFillTransaction", ABSENT, _UNCHANGED),
    ("edgex: account news", "position", ABSENT, _UNCHANGED),
    ("edgex: account news", "positionTransaction", ABSENT, _UNCHANGED),
    ("edgex: touch", "contractId", OTHER, _ELSEWHERE),
    ("edgex: trouble", "code", ABSENT, _UNSAID),
    ("edgex: trouble", "content", SHAPES, _UNSAID),
    ("lighter", "next_cursor", ABSENT | EMPTY, _LAST_PAGE),
    ("lighter", "taker_fee", ABSENT, "the venue leaves a fee out where there is none"),
    ("lighter: keys", "public_key", frozenset({"hexadecimal"}), "0x1F is a key, if a short one"),
    ("lighter: transaction", "event_info", ABSENT, _UNSAID),
    ("lighter: book", "order_book.asks", ABSENT, _UNCHANGED),
    ("lighter: book", "order_book.bids", ABSENT, _UNCHANGED),
    ("lighter: order news", "orders", ABSENT | NOTHING, _UNCHANGED),
    ("lighter: trade news", "trades", ABSENT | NOTHING, _UNCHANGED),
    ("lighter: position news", "positions", ABSENT | NOTHING, _UNCHANGED),
    ("lighter", "orders.0", frozenset({"missing"}), _UNCHANGED),
    ("lighter", "trades.0", frozenset({"missing"}), _UNCHANGED),
    ("lighter", "positions.0", frozenset({"missing"}), _UNCHANGED),
    ("lighter: trouble", "message", ABSENT, _UNSAID),
    ("paradex: listing", "symbol", OTHER, _ELSEWHERE),
    ("paradex: listing", "asset_kind", OTHER, _ELSEWHERE),
    ("paradex: listing", "fee_config", ABSENT, "fees that are not listed are those of the venue's sheet"),
    ("paradex: quote", "bid", EMPTY, "an empty side of the book"),
    ("paradex: quote", "bid_size", EMPTY, "an empty side of the book"),
    ("paradex: quote", "ask", EMPTY, "an empty side of the book"),
    ("paradex: quote", "ask_size", EMPTY, "an empty side of the book"),
    ("paradex: system", "paraclear_account_hash", frozenset({"hexadecimal"}), "0x1F is a hash, if a short one"),
    ("paradex: system", "paraclear_account_proxy_hash", frozenset({"hexadecimal"}), "0x1F is a hash, if a short one"),
    ("paradex: login", "jwt_token", frozenset({"exponent", "too large", "too small"}), "a token may be any word"),
    ("paradex", "next", ABSENT | EMPTY, _LAST_PAGE),
    ("paradex", "client_id", OTHER | ABSENT | EMPTY, _FOREIGN),
    ("paradex", "price", ABSENT | EMPTY, "an order at market has no price"),
    ("paradex: ended orders", "cancel_reason", ABSENT, _UNSAID),
    ("paradex: positions", "market", OTHER, "no row of a market is a flat position"),
    ("paradex: refusal", "message", ABSENT | EMPTY, _UNSAID),
    ("paradex: trouble", "id", ABSENT, "the venue could not read whose request it was"),
    ("paradex: trouble", "error.message", ABSENT | ANYTHING_ELSE, _UNSAID),
    ("paradex: trouble", "error.data", ABSENT | ANYTHING_ELSE, _UNSAID),
)


def liberty(decoder: str, place: str, token: str) -> int | None:
    """Which row allows it; None where none does."""
    for number, (where, end, tokens, _) in enumerate(LIBERTIES):
        if decoder.startswith(where) and f".{place}".endswith(f".{end}") and token in tokens:
            return number
    return None

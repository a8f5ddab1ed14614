"""Messages of Aster as its documents show them."""

from __future__ import annotations

from typing import Any

ORDER: dict[str, Any] = {
    "orderId": 22542179, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "4711", "price": "97393.8",
    "avgPrice": "0.00000", "origQty": "0.001", "executedQty": "0", "cumQty": "0", "cumQuote": "0",
    "timeInForce": "GTX", "type": "LIMIT", "origType": "LIMIT", "reduceOnly": False, "closePosition": False,
    "side": "BUY", "positionSide": "BOTH", "stopPrice": "0", "workingType": "CONTRACT_PRICE", "priceProtect": False,
    "updateTime": 1566818724722,
}  # fmt: skip
TRADE: dict[str, Any] = {
    "id": 698759, "orderId": 25851813, "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH",
    "price": "7819.01", "qty": "0.002", "quoteQty": "15.63802", "commission": "-0.0781", "commissionAsset": "USDT",
    "realizedPnl": "-0.9154", "maker": False, "buyer": False, "time": 1569514978020,
}  # fmt: skip
NEWS: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE", "E": 1568879465651, "T": 1568879465650,
    "o": {
        "s": "BTCUSDT", "c": "4711", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.002", "p": "97393.8", "ap": "0",
        "sp": "0", "x": "NEW", "X": "NEW", "i": 8886774, "l": "0", "z": "0", "L": "0", "T": 1568879465650, "t": 0,
        "b": "194.78", "a": "0", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH",
        "cp": False, "rp": "0",
    },
}  # fmt: skip
PARTIAL: dict[str, Any] = {
    "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.001", "z": "0.001", "L": "97393.8", "ap": "97393.8", "N": "USDT",
    "n": "0.00974", "t": 698759, "m": True, "rp": "0",
}  # fmt: skip
ACCOUNT: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE", "E": 1564745798939, "T": 1564745798938,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12", "cw": "100.12", "bc": "0"}],
        "P": [
            {"s": "BTCUSDT", "pa": "0.002", "ep": "97393.8", "cr": "200", "up": "0", "mt": "cross", "iw": "0",
             "ps": "BOTH"}
        ],
    },
}  # fmt: skip
TICKER: dict[str, Any] = {
    "e": "bookTicker", "u": 400900217, "E": 1568014460893, "T": 1568014460891, "s": "BTCUSDT",
    "b": "97390.1", "B": "1.2", "a": "97390.2", "A": "0.8",
}  # fmt: skip
LISTING: dict[str, Any] = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ],
    "symbols": [
        {
            "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING",
            "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 1,
            "quantityPrecision": 3,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "100", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
        }
    ],
    "serverTime": 1565613908500, "timezone": "UTC",
}  # fmt: skip

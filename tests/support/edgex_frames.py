"""Messages of edgeX as its protocol shows them, and short words to read them with."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from exchanges.decoding import Fields
from exchanges.edgex import codec, codec_stream
from exchanges.edgex.codec import Envelope, VenueOrder
from exchanges.edgex.codec_stream import (
    AccountNews,
    TradeEvent,
)

D = Decimal
BTC = "30000001"
ARABIC_ONE = "\u0661"
"""A digit, but none of the wire's."""

ORDER = {
    "id": "564829588270612618",
    "userId": "543429922866069763",
    "accountId": "551109015904453258",
    "coinId": "1000",
    "contractId": BTC,
    "side": "BUY",
    "price": "96260.7",
    "size": "0.001",
    "clientOrderId": "tpg-77",
    "type": "LIMIT",
    "timeInForce": "POST_ONLY",
    "reduceOnly": False,
    "triggerPrice": "0",
    "triggerPriceType": "UNKNOWN_PRICE_TYPE",
    "expireTime": "1736480267612",
    "status": "OPEN",
    "cancelReason": "UNKNOWN_ORDER_CANCEL_REASON",
    "cumFillSize": "0",
    "cumFillValue": "0",
    "cumFillFee": "0",
    "cumMatchSize": "0",
    "cumMatchValue": "0",
    "cumMatchFee": "0",
    "maxLeverage": "10",
    "takerFeeRate": "0.00045",
    "makerFeeRate": "0.0004",
    "l2Nonce": "94705037",
    "createdTime": "1734665867870",
    "updatedTime": "1734665867876",
}
STREAMED_ORDER = {
    "id": "736936291735699983",
    "contractId": BTC,
    "side": "BUY",
    "price": "97393.8",
    "size": "0.002",
    "clientOrderId": "tpg-1",
    "type": "LIMIT",
    "timeInForce": "POST_ONLY",
    "reduceOnly": False,
    "status": "PENDING",
    "cumMatchSize": "0",
    "cumFillSize": "0",
    "updatedTime": "1775699301170",
}
FILL = {
    "id": "570000000000000001",
    "orderId": "736936291735699983",
    "contractId": BTC,
    "orderSide": "BUY",
    "fillSize": "0.001",
    "fillValue": "97.4445",
    "fillFee": "0.017540",
    "fillPrice": "97444.5",
    "realizePnl": "-0.017540",
    "direction": "MAKER",
    "matchTime": "1734662617982",
}
METADATA: dict[str, Any] = {
    "global": {
        "appName": "edgeX",
        "nativeChainId": "3343",
        "contractAddress": "0xeeb3fb05cca17745cbdf193a9b16537efb68fac8",
    },
    "coinList": [{"coinId": "1000", "coinName": "USDC", "stepSize": "0.000001", "resolution": "1000000"}],
    "contractList": [
        {
            "contractId": BTC,
            "contractName": "BTCUSDC",
            "quoteCoinId": "1000",
            "tickSize": "0.1",
            "stepSize": "0.001",
            "minOrderSize": "0.001",
            "maxOrderSize": "50.000",
            "maxOrderBuyPriceRatio": "0.05",
            "minOrderSellPriceRatio": "0.05",
            "defaultTakerFeeRate": "0.00045",
            "defaultMakerFeeRate": "0.0004",
            "enableTrade": True,
            "enableOpenPosition": True,
            "isStock": False,
            "isFx": False,
            "resolution": "0x3b9aca00",
        }
    ],
}
ACCOUNT = {
    "account": {"id": "12345", "status": "NORMAL", "isLiquidating": False},
    "collateralList": [{"coinId": "1000", "amount": "250"}],
    "positionList": [{"contractId": BTC, "openSize": "-0.002", "openValue": "-194"}],
    "positionAssetList": [],
    "collateralAssetModelList": [{"coinId": "1000", "totalEquity": "250.0", "availableAmount": "12.4"}],
    "version": "17873",
}


def fields(value: object) -> Fields:
    return Fields.of(value, "row")


def success(data: object) -> Envelope:
    return Envelope("SUCCESS", data, "364c")


def order(**changes: object) -> VenueOrder:
    return codec.decode_order(fields({**ORDER, **changes}))


def trade_event(event: str, **lists: object) -> dict[str, Any]:
    content = {"event": event, "version": 17874, "time": 1775699301177, "accountId": 0, "data": lists}
    return {"type": "trade-event", "content": content}


def news_of(frame: object) -> AccountNews:
    message = codec_stream.decode_message(json.dumps(frame))
    assert isinstance(message, TradeEvent)
    return codec_stream.decode_account_news(message, BTC)

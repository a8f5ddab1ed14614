"""Lighter's transactions: what is asked to be signed, and the proof that the signer signed exactly that. Pure.

Signing itself is done by the venue's native library (`exchanges.lighter.native`), Schnorr on the curve ecGFp5 over a
Poseidon2 hash. It validates what it signs, and adds a time limit of ten minutes by this machine's clock. Its answer is
compared field by field with the request: an order that differs from what was decided is never sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from exchanges.errors import Misconfigured, Refused
from exchanges.lighter.facts import (
    TX_CANCEL_ALL,
    TX_CANCEL_ORDER,
    TX_CREATE_ORDER,
    TX_MODIFY_ORDER,
    TX_UPDATE_LEVERAGE,
)
from exchanges.lighter.keys import Credentials
from exchanges.lighter.native import Library, RawTx, SigningFailed

BACKEND = "the native signer of lighter-sdk"
_NO_INTEGRATOR = (0, 0, 0, 0, 0)
_UNCHECKED = ("ExpiredAt", "Sig")
"""What the signer adds by itself."""


class Transaction(Protocol):
    """What can be signed. `fields` are those of the wire, without account, key, nonce and what the signer adds."""

    @property
    def tx_type(self) -> int: ...

    @property
    def attributes(self) -> Mapping[str, int] | None: ...

    def fields(self) -> dict[str, int]: ...

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx: ...


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """Amounts and prices count the market's steps and ticks; `order_expiry_ms` is 0 for what does not rest."""

    market: int
    client_id: int
    base_amount: int
    price: int
    is_ask: bool
    order_type: int
    time_in_force: int
    reduce_only: bool
    order_expiry_ms: int
    trigger_price: int = 0

    tx_type = TX_CREATE_ORDER
    attributes = None

    def fields(self) -> dict[str, int]:
        return {
            "MarketIndex": self.market,
            "ClientOrderIndex": self.client_id,
            "BaseAmount": self.base_amount,
            "Price": self.price,
            "IsAsk": int(self.is_ask),
            "Type": self.order_type,
            "TimeInForce": self.time_in_force,
            "ReduceOnly": int(self.reduce_only),
            "TriggerPrice": self.trigger_price,
            "OrderExpiry": self.order_expiry_ms,
        }

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx:
        values = self.fields().values()
        return library.signed("SignCreateOrder", *values, *_NO_INTEGRATOR, skip_nonce, nonce, key_index, account_index)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """`index` is the client's id or the venue's: their ranges do not overlap."""

    market: int
    index: int

    tx_type = TX_CANCEL_ORDER
    attributes = None

    def fields(self) -> dict[str, int]:
        return {"MarketIndex": self.market, "Index": self.index}

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx:
        return library.signed("SignCancelOrder", self.market, self.index, skip_nonce, nonce, key_index, account_index)


ALL_MARKETS = 255


@dataclass(frozen=True, slots=True)
class CancelAll:
    """`time_in_force` 0 at once, 1 at `time_ms`, 2 calls such a plan off."""

    time_in_force: int
    time_ms: int
    market: int = ALL_MARKETS

    tx_type = TX_CANCEL_ALL

    @property
    def attributes(self) -> Mapping[str, int] | None:
        return None if self.market == ALL_MARKETS else {"5": self.market}

    def fields(self) -> dict[str, int]:
        return {"TimeInForce": self.time_in_force, "Time": self.time_ms}

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx:
        arguments = (self.time_in_force, self.time_ms, self.market)
        return library.signed("SignCancelAllOrders", *arguments, skip_nonce, nonce, key_index, account_index)


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    """`version` 0 modifies whatever version there is."""

    market: int
    index: int
    base_amount: int
    price: int
    trigger_price: int = 0
    version: int = 0

    tx_type = TX_MODIFY_ORDER

    @property
    def attributes(self) -> Mapping[str, int] | None:
        return {"8": self.version} if self.version else None

    def fields(self) -> dict[str, int]:
        return {
            "MarketIndex": self.market,
            "Index": self.index,
            "BaseAmount": self.base_amount,
            "Price": self.price,
            "TriggerPrice": self.trigger_price,
        }

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx:
        tail = (skip_nonce, nonce, self.version, key_index, account_index)
        return library.signed("SignModifyOrder", *self.fields().values(), *_NO_INTEGRATOR, *tail)


@dataclass(frozen=True, slots=True)
class UpdateLeverage:
    """`fraction` is 10,000 divided by the leverage; `margin_mode` 0 cross, 1 isolated."""

    market: int
    fraction: int
    margin_mode: int

    tx_type = TX_UPDATE_LEVERAGE
    attributes = None

    def fields(self) -> dict[str, int]:
        return {
            "MarketIndex": self.market,
            "InitialMarginFraction": self.fraction,
            "MarginMode": self.margin_mode,
        }

    def sign(self, library: Library, skip_nonce: int, nonce: int, key_index: int, account_index: int) -> RawTx:
        values = self.fields().values()
        return library.signed("SignUpdateLeverage", *values, skip_nonce, nonce, key_index, account_index)


@dataclass(frozen=True, slots=True)
class SignedTx:
    """Ready to be sent. `tx_info` is JSON text; `tx_hash` names the transaction."""

    tx_type: int
    tx_info: str = field(repr=False)
    tx_hash: str = ""


class Signer:
    """Signs for one API key of one account on one chain. Never shows the key."""

    __slots__ = ("_account_index", "_key_index", "_library")

    def __init__(self, library: Library, credentials: Credentials, chain_id: int) -> None:
        """Raises `Misconfigured` when the library does not take the key."""
        self._library = library
        self._account_index, self._key_index = credentials.account_index, credentials.key_index
        try:
            library.register(credentials.private_key, chain_id, self._key_index, self._account_index)
        except SigningFailed:
            # What the library says may quote the key.
            raise Misconfigured("API_KEY_PRIVATE_KEY is not taken by the exchange's signer; copy it again") from None

    def __repr__(self) -> str:
        return "Signer([redacted])"

    def sign(self, transaction: Transaction, nonce: int, *, skip_nonce: bool = False) -> SignedTx:
        """Raises `Refused("invalid_order")` in the signer's words, or when it signed something else."""
        if nonce < 0:
            raise ValueError("without a nonce the library would ask the network for one")
        try:
            raw = transaction.sign(self._library, int(skip_nonce), nonce, self._key_index, self._account_index)
        except SigningFailed as failure:
            raise Refused("invalid_order", f"the signer refuses: {failure}") from None
        self._check(transaction, raw, nonce, skip_nonce)
        return SignedTx(raw.tx_type, raw.tx_info, raw.tx_hash)

    def token(self, deadline_s: int) -> str:
        """A token for private reads until `deadline_s`, in seconds since the epoch by the venue's clock."""
        try:
            return self._library.token(deadline_s, self._key_index, self._account_index)
        except SigningFailed as failure:
            raise Misconfigured(f"the signer makes no token: {failure}") from None

    def _check(self, transaction: Transaction, raw: RawTx, nonce: int, skip_nonce: bool) -> None:
        attributes = dict(transaction.attributes or {}) | ({"4": 1} if skip_nonce else {})
        expected: dict[str, object] = {
            "AccountIndex": self._account_index,
            "ApiKeyIndex": self._key_index,
            **transaction.fields(),
            "Nonce": nonce,
            "L2TxAttributes": attributes or None,
        }
        try:
            signed = json.loads(raw.tx_info)
            told = {name: value for name, value in signed.items() if name not in _UNCHECKED}
        except (ValueError, AttributeError):
            told = {}
        # An expiry of -1 asks the signer for its own default; we never do, tests may.
        if expected.get("OrderExpiry") == -1:
            expected["OrderExpiry"] = told.get("OrderExpiry")
        if raw.tx_type != transaction.tx_type or told != expected:
            raise Refused("invalid_order", "the signer signed something else than was asked; nothing was sent")

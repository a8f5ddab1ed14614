"""Our signatures against the vectors that the official SDK made, every one of them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from coincurve import PublicKey
from fast_stark_crypto import pedersen_hash
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Side
from exchanges.base import OrderRequest
from exchanges.edgex.codec import order_body, signature_fields
from exchanges.edgex.facts import ORDER_LIFE_S
from exchanges.edgex.signing import BACKEND, ApiSigner, OrderSigner, SignedOrder, SigningTerms, flatten, order_nonce

VECTORS_FILE = Path(__file__).parents[2] / "vectors" / "edgex.json"
VECTORS: dict[str, Any] = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))
BY_KIND = {
    kind: [vector for vector in VECTORS["v2"] if vector["kind"] == kind]
    for kind in ("createOrder", "rest", "ws", "nonce")
}
SECRET = "test-secret"


def named(kind: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in BY_KIND[kind]]


def api_signer() -> ApiSigner:
    return ApiSigner("test-api-key", SECRET, "test-pass")


def terms_of(vector: dict[str, Any]) -> SigningTerms:
    metadata = vector["metadata"]
    (contract,), (coin,) = metadata["contractList"], metadata["coinList"]
    return SigningTerms(
        chain_id=int(metadata["global"]["nativeChainId"]),
        verifying_contract=bytes.fromhex(metadata["global"]["contractAddress"][2:]),
        contract_id=int(contract["contractId"]),
        quote_coin_id=int(contract["quoteCoinId"]),
        contract_resolution=int(contract["resolution"]),
        coin_resolution=int(coin["resolution"]),
        fee_rate=max(Decimal(contract["defaultTakerFeeRate"]), Decimal(contract["defaultMakerFeeRate"])),
    )


def signed(vector: dict[str, Any]) -> SignedOrder:
    """A vector's order, signed by us. What the SDK signs for a market buy is ten times the price."""
    body = vector["body"]
    is_market = body["type"] == "MARKET"
    price = Decimal(body["l2Value"]) / Decimal(body["size"]) if is_market else Decimal(body["price"])
    return OrderSigner(bytes.fromhex(vector["trading_private_key"]), vector["account_id"]).sign(
        terms_of(vector),
        Side[body["side"]],
        price,
        Decimal(body["size"]),
        body["clientOrderId"],
        vector["now_ms"] + ORDER_LIFE_S * 1000,
    )


def test_every_vector_of_the_file_is_run() -> None:
    assert sum(map(len, BY_KIND.values())) == len(VECTORS["v2"]) == 11
    assert set(VECTORS) == {"venue", "note", "v2", "v1_legacy"}
    assert len(VECTORS["v1_legacy"]) == 3


def test_orders_are_signed_by_the_fast_library() -> None:
    assert BACKEND.startswith("coincurve")


@pytest.mark.parametrize("vector", named("createOrder"))
def test_an_order_is_hashed_and_signed_as_by_the_sdk(vector: dict[str, Any]) -> None:
    order = signed(vector)
    assert order.digest.hex() == vector["independent"]["digest"][2:]
    assert order.signature == vector["l2Signature"]
    assert terms_of(vector).domain_separator().hex() == vector["independent"]["domain_separator"][2:]


@pytest.mark.parametrize("vector", named("createOrder"))
def test_the_signed_fields_of_a_body_are_those_of_the_sdk(vector: dict[str, Any]) -> None:
    body = vector["body"]
    ours = signature_fields(Decimal(body["size"]), signed(vector))
    assert {**ours, "l2Value": Decimal(str(ours["l2Value"]))} == {
        name: Decimal(body[name]) if name == "l2Value" else body[name] for name in ours
    }


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["name"]) for v in BY_KIND["createOrder"] if "open" in v["name"]]
)
def test_a_whole_body_of_ours_differs_from_the_sdks_in_the_client_id_alone(vector: dict[str, Any]) -> None:
    request = OrderRequest(1, Side.BUY, Decimal("0.001"), Decimal("97393.8"), post_only=True, reduce_only=False)
    contract_id = vector["body"]["contractId"]
    body = order_body(vector["account_id"], contract_id, request, Decimal("97393.8"), signed(vector))
    assert {**body, "clientOrderId": "grid-0001"} == vector["body"]


@pytest.mark.parametrize("vector", named("createOrder"))
def test_the_body_of_an_order_is_flattened_and_authenticated_as_by_the_sdk(vector: dict[str, Any]) -> None:
    given_hmac = vector["hmac"]
    assert flatten(vector["body"]) == given_hmac["canonical_body"]
    headers = api_signer().headers(
        int(given_hmac["timestamp"]), given_hmac["method"], given_hmac["request_uri"], vector["body"]
    )
    assert dict(headers) == vector["headers"]


@pytest.mark.parametrize("vector", named("createOrder"))
def test_the_signer_has_the_vectors_address_and_its_signature_recovers_to_it(vector: dict[str, Any]) -> None:
    signer = OrderSigner(bytes.fromhex(vector["trading_private_key"]), vector["account_id"])
    assert signer.address.hex() == vector["signer"][2:].lower()
    order = signed(vector)
    raw = bytes.fromhex(order.signature)
    recovered = PublicKey.from_signature_and_message(raw[:64] + bytes([raw[64] - 27]), order.digest, hasher=None)
    assert recovered.verify(_der(raw), order.digest, hasher=None)


def _der(raw: bytes) -> bytes:
    parts = []
    for part in (raw[:32], raw[32:64]):
        number = part.lstrip(b"\0")
        number = b"\0" + number if number[0] & 0x80 else number
        parts.append(b"\x02" + bytes([len(number)]) + number)
    whole = b"".join(parts)
    return b"\x30" + bytes([len(whole)]) + whole


@pytest.mark.parametrize("vector", named("rest"))
def test_a_request_is_authenticated_as_by_the_sdk(vector: dict[str, Any]) -> None:
    parameters = vector["json"] or vector["params"]
    assert flatten(parameters) == vector["canonical_body"]
    timestamp, method, path = int(vector["timestamp"]), vector["method"], vector["request_uri"]
    assert f"{timestamp}{method}{path}{flatten(parameters)}" == vector["message"]
    assert api_signer().signature(timestamp, method, path, parameters) == vector["signature"]


@pytest.mark.parametrize("vector", named("ws"))
def test_the_handshake_of_the_private_socket_is_signed_as_by_the_sdk(vector: dict[str, Any]) -> None:
    parameters = {"accountId": "12345", "timestamp": "1735689600000"}
    path = vector["request_uri"]
    assert f"1735689600000GET{path}{flatten(parameters)}" == vector["message"]
    assert api_signer().signature(1735689600000, "GET", path, parameters) == vector["signature"]


@pytest.mark.parametrize("vector", named("nonce"))
def test_a_nonce_is_the_head_of_the_client_order_ids_hash(vector: dict[str, Any]) -> None:
    assert order_nonce(vector["client_order_id"]) == vector["l2Nonce"]


# --- the first generation: nothing of it is built here, and its vectors say that they are what they claim -----------


@pytest.mark.parametrize("vector", VECTORS["v1_legacy"][:2], ids=lambda vector: vector["name"])
def test_the_old_order_hashes_are_pedersen_chains_which_v2_does_not_use(vector: dict[str, Any]) -> None:
    given_v1 = VECTORS["v1_legacy"][0]
    synthetic, collateral = int(given_v1["synthetic_asset_id"], 16), int(given_v1["collateral_asset_id"], 16)
    is_buy = vector.get("is_buy", vector.get("same_inputs_but_is_buy"))
    amounts = (given_v1["amount_collateral"], given_v1["amount_synthetic"])
    assets = (collateral, synthetic)
    sold, bought = (0, 1) if is_buy else (1, 0)
    chain = pedersen_hash(pedersen_hash(assets[sold], assets[bought]), collateral)
    packed = ((amounts[sold] << 64 | amounts[bought]) << 64 | given_v1["amount_fee"]) << 32 | given_v1["nonce"]
    account = given_v1["account_id"]
    tail = ((((3 << 64 | account) << 64 | account) << 64 | account) << 32 | given_v1["expire_hours"]) << 17
    assert f"{pedersen_hash(pedersen_hash(chain, packed), tail):064x}" == vector["pedersen_hash"]


def test_the_old_request_content_is_the_same_concatenation_without_an_hmac() -> None:
    vector = VECTORS["v1_legacy"][2]
    path = "/api/v1/private/account/getAccountAsset"
    parameters = {"accountId": "543429922991899150"}
    assert f"{vector['timestamp']}GET{path}{flatten(parameters)}" == vector["content"]


# --- rules of flattening and of amounts -----------------------------------------------------------------------------


def test_flattening_sorts_objects_keeps_lists_and_writes_nothing_for_nothing() -> None:
    value = {"b": [], "a": None, "d": {"y": True, "x": False}, "c": ["2", 1], "e": Decimal("0.10")}
    assert flatten(value) == "a=&b=&c=2&1&d=x=false&y=true&e=0.10"


def test_the_fee_allowance_is_rounded_up_to_whole_quote_units() -> None:
    vector = BY_KIND["createOrder"][0]
    signer = OrderSigner(bytes.fromhex(vector["trading_private_key"]), 12345)
    fees = [
        signer.sign(terms_of(vector), Side.BUY, Decimal(price), Decimal(1), "x", 10**12).limit_fee
        for price in ("1", "2631.5", "2631.6", "100000")
    ]
    assert fees == [1, 1, 2, 38]


@given(st.decimals("0.01", "1000000", places=2), st.decimals("0.001", "100000", places=3))
def test_amounts_of_any_order_are_cut_off_and_never_rounded_up(price: Decimal, size: Decimal) -> None:
    vector = BY_KIND["createOrder"][0]
    order = OrderSigner(bytes.fromhex(vector["trading_private_key"]), 12345).sign(
        terms_of(vector), Side.SELL, price, size, "x", 10**12
    )
    assert order.value == price * size
    assert order.limit_fee == order.limit_fee.to_integral_value()
    assert 0 <= order.limit_fee - order.value * Decimal("0.00038") < 1


def test_no_signer_shows_its_key() -> None:
    signer = OrderSigner(bytes.fromhex("0123456789abcdef" * 4), 12345)
    assert (repr(signer), repr(api_signer())) == ("OrderSigner([redacted])", "ApiSigner([redacted])")

"""The twin by itself: what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from exchanges.lighter.facts import Switches
from exchanges.lighter.signing import CancelAll, CancelOrder, UpdateLeverage
from exchanges.lighter.twin import open_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest
from exchanges.transport.twin import CloseSocket, SendFrame
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.lighter_twin import ORDER, code_of, live_on, posted, read, sent, signer_of, twin_of
from tests.support.tape import START_NS, ScriptedMarket, quote


def test_an_order_is_taken_first_and_executed_after_its_delay() -> None:
    twin = twin_of()
    assert sent(twin, ORDER) == 200
    assert twin.desk.orders == {}
    live_on(twin, 1)
    (order,) = twin.desk.live_orders()
    assert (order.client_id, order.price, order.quantity, order.post_only) == (
        "42",
        Decimal("3000.5"),
        Decimal("0.1"),
        True,
    )


@pytest.mark.parametrize("step", [-1, 1, 5])
def test_a_nonce_out_of_order_is_refused_and_consumes_nothing(step: int) -> None:
    twin = twin_of()
    assert sent(twin, ORDER, twin.sequencer.next_nonce + step) == 21104
    assert sent(twin, ORDER) == 200


def test_a_nonce_may_leap_where_the_transaction_says_so() -> None:
    twin = twin_of()
    signed = signer_of(twin).sign(ORDER, 1_760_000_000_999, skip_nonce=True)
    assert code_of(posted(twin, signed)) == 200
    assert twin.sequencer.next_nonce == 1_760_000_001_000


def test_a_transaction_cannot_be_sent_twice() -> None:
    twin = twin_of()
    signed = signer_of(twin).sign(ORDER, twin.sequencer.next_nonce)
    assert [code_of(posted(twin, signed)) for _ in range(2)] == [200, 21104]


def test_what_was_changed_on_its_way_or_signed_for_another_chain_is_refused() -> None:
    twin = twin_of()
    nonce = twin.sequencer.next_nonce
    signed = signer_of(twin).sign(ORDER, nonce)
    dearer = replace(signed, tx_info=signed.tx_info.replace('"Price":30005', '"Price":30006'))
    assert code_of(posted(twin, dearer)) == 21120
    assert code_of(posted(twin, signer_of(twin, chain_id=300).sign(ORDER, nonce))) == 21120
    for text in ("", "{}", "[]", signed.tx_info.replace('"IsAsk":0', '"IsAsk":true'), signed.tx_info[:-1]):
        assert code_of(posted(twin, replace(signed, tx_info=text))) == 21501
    assert twin.sequencer.next_nonce == nonce


def test_a_transaction_past_its_time_is_refused() -> None:
    twin = twin_of()
    signed = signer_of(twin).sign(ORDER, twin.sequencer.next_nonce)
    late_ms = json.loads(signed.tx_info)["ExpiredAt"]
    denial = twin.gate.check_tx("14", signed.tx_info, late_ms)
    assert getattr(denial, "code", None) == 21711
    patient = twin_of(Switches(checks_expiry_of_tx=False))
    assert not hasattr(patient.gate.check_tx("14", signed.tx_info, late_ms), "code")


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"market": 1}, 21605),
        ({"base_amount": 9}, 21706),
        ({"price": 300050}, 21733),
        ({"order_expiry_ms": START_NS // 1_000_000 + 60_000}, 21711),
        ({"order_expiry_ms": START_NS // 1_000_000 + 31 * 86_400_000}, 21711),
    ],
)
def test_an_order_against_the_rules_is_refused(changes: dict[str, int], code: int) -> None:
    twin = twin_of()
    assert sent(twin, replace(ORDER, **changes)) == code  # type: ignore[arg-type]


def test_a_client_id_in_use_is_refused_also_while_its_order_waits() -> None:
    twin = twin_of()
    assert [sent(twin, ORDER), sent(twin, ORDER)] == [200, 21728]
    live_on(twin, 1)
    assert sent(twin, ORDER) == 21728
    assert sent(twin, CancelOrder(0, 42)) == 200
    live_on(twin, 1)
    assert sent(twin, ORDER) == 200


def test_an_order_that_is_not_there_cannot_be_cancelled() -> None:
    twin = twin_of()
    assert sent(twin, CancelOrder(0, 42)) == 21600
    assert sent(twin, CancelOrder(0, 1 << 50)) == 21600


def test_all_orders_are_cancelled_at_once_and_leverage_is_taken() -> None:
    twin = twin_of()
    assert [sent(twin, ORDER), sent(twin, replace(ORDER, client_id=43)), sent(twin, UpdateLeverage(0, 1000, 0))] == [
        200, 200, 200,
    ]  # fmt: skip
    live_on(twin, 1)
    assert len(twin.desk.live_orders()) == 2
    assert sent(twin, CancelAll(0, 0)) == 200
    live_on(twin, 1)
    assert twin.desk.live_orders() == []


def test_a_form_may_also_be_sent_in_parts() -> None:
    twin = twin_of()
    signed = signer_of(twin).sign(ORDER, twin.sequencer.next_nonce)
    parts = {"tx_type": str(signed.tx_type), "tx_info": signed.tx_info}
    text = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
    )
    headers = (("Content-Type", "multipart/form-data; boundary=B"),)
    assert code_of(twin.request(HttpRequest("POST", "/api/v1/sendTx", headers, f"{text}--B--\r\n".encode()))) == 200


def test_a_batch_is_taken_in_order() -> None:
    twin = twin_of()
    signer, nonce = signer_of(twin), twin.sequencer.next_nonce
    batch = [signer.sign(replace(ORDER, client_id=50 + number), nonce + number) for number in range(3)]
    form = {"tx_types": json.dumps([14, 14, 14]), "tx_infos": json.dumps([signed.tx_info for signed in batch])}
    response = twin.request(HttpRequest("POST", "/api/v1/sendTxBatch", (), urlencode(form).encode()))
    assert json.loads(response.body)["tx_hash"] == [signed.tx_hash for signed in batch]


def test_private_reads_need_a_token_that_holds() -> None:
    twin = twin_of()
    target = f"/api/v1/accountActiveOrders?account_index={twin.account}&market_id=0"
    now_s = twin.now_ns // 1_000_000_000
    good = signer_of(twin).token(now_s + 600)
    assert code_of(read(twin, target, good)) == 200
    assert code_of(read(twin, f"{target}&auth={good}")) == 200
    forged = good[:-2] + ("00" if good[-2:] != "00" else "11")
    for bad in (None, "", "x", forged, signer_of(twin).token(now_s), signer_of(twin).token(now_s + 9 * 3_600)):
        assert code_of(read(twin, target, bad)) == 20013
    twin.gate.revoke_tokens()
    assert code_of(read(twin, target, good)) == 20013


def test_more_requests_than_the_tier_allows_are_refused_until_the_minute_is_over() -> None:
    twin = twin_of()
    assert {read(twin, "/").status for _ in range(60)} == {200}
    assert read(twin, "/").status == 429
    live_on(twin, 61)
    assert read(twin, "/").status == 200
    premium = twin_of(Switches(tier="premium"))
    assert {read(premium, "/").status for _ in range(80)} == {200}
    assert read(premium, "/").status == 429


def test_a_socket_that_says_nothing_for_two_minutes_is_cut() -> None:
    twin = twin_of()
    socket_id = twin.open_socket(HttpRequest("GET", "/stream"))
    assert isinstance(socket_id, int)
    outgoing = live_on(twin, 125)
    frames = [json.loads(item.frame) for item in outgoing if isinstance(item, SendFrame)]
    assert [frame["type"] for frame in frames] == ["connected", "ping"]
    assert CloseSocket(socket_id, 1001, "no frames") in outgoing


@pytest.mark.parametrize(
    "frame, code",
    [
        ("x", 30000),
        ('{"type":"subscribe","channel":"order_book/9"}', 30005),
        ('{"type":"subscribe","channel":"account_all_orders/{account}"}', 20013),
        ('{"type":"subscribe","channel":"account_all_orders/{account}","auth":"1:2:3:4"}', 20013),
        ('{"type":"jsonapi/sendtx","data":{"tx_type":14,"tx_info":{}}}', 21501),
    ],
)
def test_a_message_that_cannot_be_served_gets_its_error(frame: str, code: int) -> None:
    twin = twin_of()
    socket_id = twin.open_socket(HttpRequest("GET", "/stream"))
    assert isinstance(socket_id, int)
    twin.socket_frame(socket_id, frame.replace("{account}", str(twin.account)))
    last = twin.take_outgoing()[-1]
    assert isinstance(last, SendFrame)
    assert json.loads(last.frame)["error"]["code"] == code


def test_the_same_seed_gives_the_same_keys_and_another_gives_others() -> None:
    assert dict(twin_of().env("a", "b")) == dict(twin_of().env("a", "b"))
    market = ScriptedMarket([quote(0, 30000, 30010)], rules=RULES, scale=SCALE)
    other = open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(1)), START_NS, seed=4))
    assert other.env("a", "b")["API_KEY_PRIVATE_KEY"] != twin_of().env("a", "b")["API_KEY_PRIVATE_KEY"]

"""The dialogues of both sockets: what is said, when they are ready, and that nothing a venue sends breaks them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import Clock
from exchanges.decoding import DecodeError
from exchanges.errors import Misconfigured
from exchanges.paradex import codec_sbe
from exchanges.paradex.codec_account import Token
from exchanges.paradex.rest import Rest
from exchanges.paradex.stream import AccountDialogue, Listener, QuoteDialogue
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.streams import DATA, IGNORED, Reaction

MARKET = "ETH-USD-PERP"
CHANNELS = [f"orders.{MARKET}", f"fills.{MARKET}", "positions"]


class StoppedClock:
    def now_ns(self) -> int:
        return 10**18


class NoHttp:
    """Nothing is asked for here."""

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        raise AssertionError("no request was expected")

    async def close(self) -> None:
        pass


class LoggedIn(Rest):
    """Logged in already."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(NoHttp(), clock, lambda: None)
        self.rejected: list[Token] = []

    async def token(self) -> Token:
        return Token("a.b.c")

    def reject(self, token: Token) -> None:
        self.rejected.append(token)


def heard() -> tuple[list[object], Listener]:
    log: list[object] = []
    return log, Listener(log.append, log.append, log.append, log.append, lambda: log.append("beat"))


async def account_dialogue() -> tuple[AccountDialogue, LoggedIn, list[object]]:
    rest = LoggedIn(StoppedClock())
    log, listener = heard()
    dialogue = AccountDialogue(MARKET, "wss://x/v1", rest, listener)
    handshake = await dialogue.prepare()
    assert (handshake.url, handshake.headers) == ("wss://x/v1", (("Authorization", "Bearer a.b.c"),))
    return dialogue, rest, log


def said(reaction: Reaction) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in reaction.send]


def ack(request_id: int) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": {}})


def failed(request_id: int, code: int) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": "no", "data": "why"}})


@pytest.mark.parametrize("seed", range(6))
async def test_the_account_is_ready_when_all_three_channels_are_acknowledged_in_any_order(seed: int) -> None:
    dialogue, _, _ = await account_dialogue()
    (login,) = said(dialogue.opened())
    assert (login["method"], login["params"]) == ("auth", {"bearer": "a.b.c"})
    subscriptions = said(dialogue.received(ack(login["id"])))
    assert [call["params"]["channel"] for call in subscriptions] == CHANNELS
    ids = [call["id"] for call in subscriptions]
    Random(seed).shuffle(ids)
    assert [dialogue.received(ack(number)) for number in ids] == [IGNORED, IGNORED, Reaction(ready=True)]


async def test_the_probe_is_subscribed_and_unsubscribed_in_turn_and_its_answer_is_life() -> None:
    dialogue, _, _ = await account_dialogue()
    calls = [json.loads(str(dialogue.heartbeat())) for _ in range(3)]
    assert [call["method"] for call in calls] == ["subscribe", "unsubscribe", "subscribe"]
    assert {call["params"]["channel"] for call in calls} == {"tradebusts"}
    assert dialogue.received(ack(calls[-1]["id"])) == DATA


async def test_a_rejected_token_is_not_used_again() -> None:
    dialogue, rest, _ = await account_dialogue()
    assert dialogue.received(failed(0, 40111)).broken
    assert [token.text for token in rest.rejected] == ["a.b.c"]


async def test_a_blocked_country_is_for_a_person() -> None:
    dialogue, _, _ = await account_dialogue()
    with pytest.raises(Misconfigured, match="country"):
        dialogue.received(failed(0, 40112))


async def test_positions_of_other_markets_are_passed_over_unread() -> None:
    dialogue, _, log = await account_dialogue()
    other = {"market": "BTC-USD-PERP", "side": "SIDEWAYS"}
    frame = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": "positions", "data": other}}
    assert dialogue.received(json.dumps(frame)) == DATA
    assert log == []


FRAMES = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=120),
    st.integers(min_value=-1, max_value=9).map(ack),
    st.integers(min_value=-1, max_value=9).map(lambda number: failed(number, -32600)),
    st.sampled_from([*CHANNELS, "tradebusts", "x"]).map(
        lambda channel: json.dumps(
            {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": {"market": MARKET}}}
        )
    ),
    st.just(codec_sbe._HEADER.pack(16, 40, 1, 2) + bytes(16)),
)


@given(st.lists(FRAMES, max_size=12))
async def test_whatever_comes_is_read_or_refused(frames: list[str | bytes]) -> None:
    account, _, _ = await account_dialogue()
    _, listener = heard()
    for dialogue in (account, QuoteDialogue(MARKET, "wss://x/v1", listener)):
        dialogue.opened()
        for frame in frames:
            try:
                assert isinstance(dialogue.received(frame), Reaction)
            except DecodeError:
                continue


async def test_quotes_that_go_back_in_time_break_the_socket() -> None:
    log, listener = heard()
    dialogue = QuoteDialogue(MARKET, "wss://x/v1", listener)
    assert (await dialogue.prepare()).url == "wss://x/v1?sbeSchemaId=1&sbeSchemaVersion=1"
    (call,) = said(dialogue.opened())
    assert call["params"] == {"channel": f"bbo.{MARKET}"}
    assert dialogue.received(ack(1)) == Reaction(ready=True)

    def told(seq: int, market: str = MARKET) -> str:
        sides = {"bid": "1", "bid_size": "1", "ask": "2", "ask_size": "1"}
        data = {"market": market, "seq_no": seq, **sides, "last_updated_at": 1}
        channel = f"bbo.{MARKET}"
        return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})

    assert dialogue.received(told(7)) == dialogue.received(told(7)) == DATA
    assert dialogue.received(told(6)).broken
    assert len(log) == 2
    with pytest.raises(DecodeError, match="another market"):
        dialogue.received(told(8, "BTC-USD-PERP"))

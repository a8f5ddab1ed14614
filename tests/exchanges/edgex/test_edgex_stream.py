"""The dialogue on both sockets, message by message."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.decoding import DecodeError
from exchanges.edgex.codec_stream import Best, TradeEvent
from exchanges.edgex.facts import TRUSTED_VERSIONS
from exchanges.edgex.keys import read_credentials
from exchanges.edgex.stream import PrivateTalk, PublicTalk, TouchSource, VersionChain
from exchanges.transport.streams import DATA, IGNORED, Reaction
from tests.support.edgex import GOOD_ENV

D = Decimal
ETH = "30000002"
WS = "wss://edgex-quote-prod-v2.edgex.exchange"
NOW_MS = 1735689600000


def message(**fields: object) -> str:
    return json.dumps(fields)


def subscribe(channel: str) -> Reaction:
    return Reaction(send=(json.dumps({"type": "subscribe", "channel": channel}),))


def quoted(channel: str, row: dict[str, object], kind: str = "changed") -> str:
    return message(type="quote-event", channel=channel, content={"channel": channel, "dataType": kind, "data": [row]})


class Ear:
    """What a conversation handed on."""

    def __init__(self) -> None:
        self.touches: list[Best] = []
        self.beats = 0
        self.news: list[TradeEvent] = []

    def beat(self) -> None:
        self.beats += 1


def public(source: TouchSource | None = None) -> tuple[PublicTalk, Ear]:
    ear = Ear()
    return PublicTalk(WS, ETH, source or TouchSource(), lambda: NOW_MS, ear.touches.append, ear.beat), ear


def private(chain: VersionChain | None = None) -> tuple[PrivateTalk, Ear]:
    ear = Ear()

    async def set_clock() -> None:
        """The test's clock is right."""

    credentials = read_credentials(GOOD_ENV.get)
    return PrivateTalk(WS, credentials, chain or VersionChain(), lambda: NOW_MS, set_clock, ear.news.append), ear


def ticked(bid: str = "3000", ask: str = "3001") -> dict[str, object]:
    return {
        "contractId": ETH, "bestBidPrice": bid, "bestBidSize": "2", "bestAskPrice": ask, "bestAskSize": "3",
    }  # fmt: skip


# --- the public socket ----------------------------------------------------------------------------------------------


async def test_the_touch_is_subscribed_first_and_the_ticker_makes_it_ready() -> None:
    talk, ear = public()
    assert (await talk.prepare()).url == f"{WS}/api/v1/public/ws?timestamp={NOW_MS}"
    assert talk.opened() == subscribe(f"bookTicker.{ETH}")
    assert talk.received(message(type="subscribed", channel=f"bookTicker.{ETH}")) == subscribe(f"ticker.{ETH}")
    assert talk.received(message(type="subscribed", channel=f"ticker.{ETH}")) == Reaction(ready=True)
    assert talk.received(quoted(f"bookTicker.{ETH}", ticked())) == DATA
    assert talk.received(quoted(f"ticker.{ETH}", {"contractId": ETH})) == DATA
    assert (ear.touches, ear.beats) == ([Best(D(3000), D(2), D(3001), D(3))], 1)


def test_a_refused_touch_channel_is_replaced_by_the_book_and_remembered() -> None:
    source = TouchSource()
    talk, _ = public(source)
    talk.opened()
    refused = message(type="error", content={"code": "INVALID_CHANNEL", "msg": "secret?"})
    assert talk.received(refused) == subscribe(f"depth.{ETH}.15")
    assert talk.received(refused) == Reaction(broken="the exchange refused the subscription: INVALID_CHANNEL")
    assert public(source)[0].opened() == subscribe(f"depth.{ETH}.15")


def test_an_error_later_on_breaks_the_connection_and_changes_no_channel() -> None:
    source = TouchSource()
    talk, _ = public(source)
    talk.opened()
    for channel in (f"bookTicker.{ETH}", f"ticker.{ETH}"):
        talk.received(message(type="subscribed", channel=channel))
    assert talk.received(message(type="error", content={"code": "X"})).broken
    assert not source.uses_depth


def test_an_acknowledgement_of_something_else_breaks_the_connection() -> None:
    talk, _ = public()
    talk.opened()
    assert talk.received(message(type="subscribed", channel="trades.1")).broken


def test_heartbeats_are_answered_and_prove_nothing_about_data() -> None:
    talk, _ = public()
    talk.opened()
    assert talk.received(message(type="ping", time="5")) == Reaction(send=('{"type": "pong", "time": "5"}',))
    assert talk.received(message(type="pong", time="5")) == IGNORED
    assert talk.heartbeat() == '{"type": "ping", "time": "1735689600000"}'


@pytest.mark.parametrize(
    "frame", ["{", "[]", "{}", '{"type":"news"}', '{"type":"quote-event","content":{}}', '{"type":7}', b"\xff"]
)
def test_a_message_that_cannot_be_read_is_an_error(frame: str | bytes) -> None:
    talk, _ = public()
    talk.opened()
    with pytest.raises(DecodeError):
        talk.received(frame)


def test_news_of_the_account_has_no_place_on_the_public_socket() -> None:
    talk, _ = public()
    content = {"event": "Snapshot", "version": 1, "data": {}}
    assert talk.received(message(type="trade-event", content=content)).broken == "a message of the other socket"


# --- the private socket ---------------------------------------------------------------------------------------------


def told(event: str, version: object) -> str:
    return message(type="trade-event", content={"event": event, "version": version, "data": {"order": []}})


async def test_the_handshake_is_signed_with_the_venues_time() -> None:
    talk, _ = private()
    handshake = await talk.prepare()
    assert handshake.url == f"{WS}/api/v1/private/ws?accountId=12345&timestamp={NOW_MS}"
    assert dict(handshake.headers)["X-edgeX-Timestamp"] == str(NOW_MS)
    assert len(dict(handshake.headers)["X-edgeX-Signature"]) == 64
    assert GOOD_ENV["EDGEX_API_KEY"] not in repr(handshake)
    assert talk.opened() == IGNORED


def test_the_snapshot_makes_it_ready_and_nothing_counts_before_it() -> None:
    talk, ear = private()
    assert talk.received(message(type="connected", sid="b146", time="1")) == Reaction(alive=True)
    assert talk.received(told("ORDER_UPDATE", 6)).broken
    talk, ear = private()
    assert talk.received(told("Snapshot", 5)) == Reaction(ready=True, alive=True)
    assert talk.received(told("ORDER_UPDATE", "6")) == Reaction(ready=True, alive=True)
    assert [event.version for event in ear.news] == [5, 6]


def test_on_a_silent_account_the_heartbeat_shows_life() -> None:
    talk, _ = private()
    assert talk.received(message(type="ping", time="5")) == Reaction(
        send=('{"type": "pong", "time": "5"}',), alive=True
    )
    assert talk.received(message(type="pong", time="5")) == Reaction(alive=True)


def test_a_refusal_there_breaks_the_connection() -> None:
    talk, _ = private()
    assert talk.received(message(type="error", content={"code": "X"})).broken == "the exchange refused: X"


def test_a_jump_of_versions_is_a_gap_once_steps_of_one_have_proven_themselves() -> None:
    chain = VersionChain()
    talk, _ = private(chain)
    talk.received(told("Snapshot", 0))
    assert not talk.received(told("ORDER_UPDATE", 3)).broken
    for version in range(4, 4 + TRUSTED_VERSIONS):
        assert not talk.received(told("ORDER_UPDATE", version)).broken
    last = 3 + TRUSTED_VERSIONS
    assert not talk.received(told("ORDER_UPDATE", last)).broken
    assert (
        talk.received(told("ORDER_UPDATE", last + 2)).broken == f"account versions {last + 1} to {last + 1} are missing"
    )
    # The next connection begins with doubt again.
    talk, _ = private(chain)
    talk.received(told("Snapshot", last + 2))
    assert not talk.received(told("ORDER_UPDATE", last + 9)).broken


@given(st.lists(st.integers(0, 60), max_size=60))
def test_no_order_of_versions_breaks_a_chain_that_never_was_one(versions: list[int]) -> None:
    chain = VersionChain()
    chain.begin(0)
    steps = 0
    last = 0
    for version in versions:
        missing = chain.follow(version)
        assert bool(missing) == (version > last + 1 and steps >= TRUSTED_VERSIONS)
        if version > last:
            steps = steps + 1 if version == last + 1 else 0
            last = version


@given(st.text(max_size=60))
def test_any_text_is_answered_or_an_error_of_reading(text: str) -> None:
    for receive in (public()[0].received, private()[0].received):
        try:
            assert isinstance(receive(text), Reaction)
        except DecodeError:
            continue

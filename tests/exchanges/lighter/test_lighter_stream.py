"""One connection's dialogue, message by message, without a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from exchanges.decoding import DecodeError
from exchanges.lighter.book import Best
from exchanges.lighter.stream import Dialogue, Listener
from exchanges.transport.streams import DATA, IGNORED, Reaction

CHANNELS = [
    "order_book/3", "market_stats/3", "account_all_orders/7", "account_all_trades/7", "account_all_positions/7",
]  # fmt: skip


@dataclass
class Told:
    """What a dialogue handed on."""

    touches: list[Best | None] = field(default_factory=list)
    beats: int = 0
    others: list[object] = field(default_factory=list)

    def beat(self) -> None:
        self.beats += 1

    @property
    def listener(self) -> Listener:
        take = self.others.append
        return Listener(take, take, take, self.touches.append, lambda: self.touches.append(None), self.beat)


async def opened() -> tuple[Dialogue, Told]:
    async def token() -> str:
        return "a token"

    told = Told()
    dialogue = Dialogue(3, 7, "wss://example.org/stream", token, told.listener)
    await dialogue.prepare()
    assert dialogue.opened() == IGNORED
    return dialogue, told


def book(kind: str, nonce: int, begin: int, bid: str = "99", ask: str = "101") -> str:
    levels = {"bids": [{"price": bid, "size": "1"}], "asks": [{"price": ask, "size": "2"}]}
    fields = {"order_book": {"code": 0, **levels, "offset": 5, "nonce": nonce, "begin_nonce": begin}}
    return json.dumps({"type": f"{kind}/order_book", "channel": "order_book:3", **fields})


def first(channel: str) -> str:
    if channel.startswith("order_book"):
        return book("subscribed", 10, 0)
    name = channel.partition("/")[0]
    return json.dumps({"type": f"subscribed/{name}", "channel": channel.replace("/", ":"), "trades": [], "orders": {}})


async def test_everything_is_subscribed_once_the_venue_has_spoken_and_private_channels_carry_a_token() -> None:
    dialogue, _ = await opened()
    messages = [json.loads(str(frame)) for frame in dialogue.received('{"type":"connected"}').send]
    assert [message["channel"] for message in messages] == CHANNELS
    assert [message.get("auth") for message in messages] == [None, None, "a token", "a token", "a token"]


async def test_it_is_ready_when_the_last_channel_has_answered() -> None:
    dialogue, told = await opened()
    reactions = [dialogue.received(first(channel)) for channel in CHANNELS[::-1]]
    assert [reaction.ready for reaction in reactions] == [False, False, False, False, True]
    assert told.touches == [Best(Decimal(99), Decimal(1), Decimal(101), Decimal(2))]
    assert told.others == []


async def test_a_change_before_the_whole_book_is_dropped_and_one_after_a_gap_breaks_the_connection() -> None:
    dialogue, told = await opened()
    assert dialogue.received(book("update", 9, 8)) == DATA
    assert told.touches == []
    dialogue.received(book("subscribed", 10, 0))
    assert dialogue.received(book("update", 12, 10, bid="100")) == DATA
    assert told.touches[-1] == Best(Decimal(100), Decimal(1), Decimal(101), Decimal(2))
    assert dialogue.received(book("update", 20, 15)).broken == "a change of the book is missing"


async def test_a_question_is_answered_and_a_beat_is_told() -> None:
    dialogue, told = await opened()
    assert dialogue.received('{"type":"ping"}') == Reaction(send=('{"type": "pong"}',))
    assert dialogue.received('{"type":"pong"}') == IGNORED
    dialogue.received('{"type":"update/market_stats","channel":"market_stats:3","market_stats":{}}')
    assert told.beats == 1


@pytest.mark.parametrize(
    "frame, reason",
    [
        ('{"type":"shutdown","close_in_ms":500}', "the exchange closes this connection"),
        (
            '{"error":{"code":20013,"message":"invalid 1760000600:7:5:637aa591"}}',
            "the exchange refused a message: 20013 bad token",
        ),
        ('{"error":{"code":30009,"message":"too many"}}', "the exchange refused a message: 30009 too many"),
    ],
)
async def test_what_ends_a_connection_says_why(frame: str, reason: str) -> None:
    dialogue, _ = await opened()
    assert dialogue.received(frame) == Reaction(broken=reason)


async def test_a_channel_that_was_subscribed_already_is_no_trouble_and_one_that_never_was_is_an_error() -> None:
    dialogue, _ = await opened()
    assert dialogue.received('{"error":{"code":30003,"message":"Already Subscribed"}}') == IGNORED
    with pytest.raises(DecodeError):
        dialogue.received('{"type":"update/trade","channel":"trade:3","trades":[]}')

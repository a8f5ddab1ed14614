"""Between a fill and its close nothing is done that can wait."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Sequence

from bot.turns import TO_SEND, after_turns
from domain.events import Fill, OrderIntended, Record
from domain.market import Side
from domain.status import Notice
from exchanges.base import OrderRequest
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.network import Network
from helpers.journal import MemoryJournal
from tests.support.bot import Rig, script
from tests.support.tape import sold
from trading_bot import BotSettings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = HttpRequest("POST", "/order", (("X-Signature", "s"),), b'{"price":"1"}')


class Teller:
    """An observer, and what a journal and a venue are asked: in the order in which it happened."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def saw(self, seq: int, record: Record) -> None:
        del seq
        if isinstance(record, Fill):
            self.told.append("observers told of the fill")

    def said(self, notice: Notice) -> None:
        """Notices tell nothing here."""

    def sent(self, order: OrderRequest) -> None:
        self.told.append(f"{'open' if order.side is Side.BUY else 'close'} sent")


class TellingJournal(MemoryJournal):
    def __init__(self, teller: Teller) -> None:
        super().__init__()
        self._told = teller.told

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        for record in records:
            if isinstance(record, OrderIntended | Fill):
                what = "fill" if isinstance(record, Fill) else f"{record.purpose.value} intent"
                self._told.append(f"{what} {'synced' if sync else 'written'}")
        return super().append(records, sync=sync)

    def sync(self) -> None:
        self._told.append("journal synced")
        super().sync()

    def write_note(self, name: str, text: str) -> None:
        self._told.append(f"{name} written")
        super().write_note(name, text)


def story_of_a_fill(teller: Teller, settings: BotSettings) -> list[str]:
    """What happens from a fill on, where the next open is wanted in the same breath as its close."""
    with Rig(
        script(sold(5, 1002, 10)),
        settings=settings,
        journal=TellingJournal(teller),
        observers=[teller],
        wait_time=0,
        max_orders=2,
    ) as rig:
        check_written = rig.line.about_to_place

        def about_to_place(order: OrderRequest) -> None:
            check_written(order)
            teller.sent(order)

        rig.line.about_to_place = about_to_place
        rig.start()
        rig.run_to(6)
    return teller.told[teller.told.index("fill written") :]


def test_a_close_is_sent_before_its_sync_before_the_next_open_and_before_observers_are_told() -> None:
    assert story_of_a_fill(Teller(), BotSettings("test")) == [
        "fill written",
        "close intent written",
        "close sent",
        "journal synced",
        "open intent synced",
        "observers told of the fill",
        "open sent",
    ]


def test_a_checkpoint_waits_until_the_close_is_sent() -> None:
    story = story_of_a_fill(Teller(), BotSettings("test", checkpoint_every=1))
    assert story.index("close sent") < story.index("checkpoint written")


async def test_a_request_has_left_after_the_turns_that_what_follows_it_waits() -> None:
    """Told by the other end's socket, while this loop stands still."""
    loop, network, left = asyncio.get_running_loop(), Network(), list[bool]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        http = network.open_http(f"http://127.0.0.1:{listener.getsockname()[1]}")
        warming = asyncio.create_task(http.send(REQUEST, 5))
        end, _ = await loop.sock_accept(listener)
        with end:
            await answered(end, warming)
            request = asyncio.create_task(http.send(REQUEST, 5))
            after_turns(TO_SEND, lambda: left.append(bool(select.select([end], [], [], 2)[0])))
            await answered(end, request)
    await network.close()
    assert left == [True]


async def answered(end: socket.socket, request: asyncio.Task[HttpResponse]) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_recv(end, 10_000)
    await loop.sock_sendall(end, ANSWER)
    assert (await request).body == b"{}"

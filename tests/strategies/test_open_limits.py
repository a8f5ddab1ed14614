"""When no opening order may rest or be sent: what takes it away at once, refusals, and what holds it back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import CancelOrder, PlaceClose
from domain.events import ClosedOutside, Halted
from domain.market import NANOSECONDS, PriceBand, Side
from domain.orders import OrderFact
from domain.status import Hold
from domain.stop import StopMode
from tests.support.entering import buys, open_at
from tests.support.grid import START_NS, Desk, config

# --- at once ------------------------------------------------------------------------------------------------------


def test_a_stale_book_cancels_the_open_at_once() -> None:
    desk = buys()
    order = desk.open_one()
    desk.quote_age_ns = 10 * NANOSECONDS
    assert desk.commands() == ()
    desk.quote_age_ns += 1
    assert desk.commands() == (CancelOrder(order.client_id, "stale_quote"),)


def test_the_book_growing_stale_wakes_the_bot() -> None:
    desk = buys()
    desk.open_one()
    desk.quote_age_ns = 4 * NANOSECONDS
    assert desk.decide().wake_ns == START_NS + 6 * NANOSECONDS + 1


def test_a_stale_book_wakes_the_bot_on_any_new_touch_and_every_second() -> None:
    desk = buys()
    desk.quote_age_ns = 11 * NANOSECONDS
    decision = desk.decide()
    assert decision.band == PriceBand(Side.SELL, Decimal("100.0"), Decimal("100.2"))
    assert decision.wake_ns == START_NS + NANOSECONDS


def test_a_lost_stream_cancels_the_open_at_once() -> None:
    desk = buys()
    order = desk.open_one()
    desk.see(connected=False, look=None)
    assert desk.settle() == [CancelOrder(order.client_id, "disconnected")]
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == []
    desk.see(connected=True)
    assert desk.settle() == []
    desk.look()
    assert desk.settle() == [open_at("100.0", entry=2)]


@pytest.mark.parametrize("mode", list(StopMode))
def test_stopping_cancels_the_open_at_once(mode: StopMode) -> None:
    desk = buys()
    order = desk.open_one()
    desk.see(stopping=mode)
    assert desk.settle() == [CancelOrder(order.client_id, "stopping")]


def test_a_halt_cancels_the_open_at_once() -> None:
    desk = buys()
    order = desk.open_one()
    desk.note(Halted(desk.now_ns, "position and closes disagree"))
    assert desk.settle() == [CancelOrder(order.client_id, "halted")]


def test_an_open_on_its_way_is_cancelled_as_soon_as_it_rests() -> None:
    desk = buys()
    desk.settle()
    desk.see(connected=False)
    assert desk.settle() == []
    desk.accept(desk.only_open())
    assert desk.settle() == [CancelOrder(1, "disconnected")]


def test_a_failed_cancel_is_asked_for_again_with_growing_pauses() -> None:
    desk = buys()
    order = desk.open_one()
    desk.see(connected=False)
    desk.settle()
    for pause in ("0.2", "0.4", "0.8", "1.6", "2", "2"):
        desk.tell(order, OrderFact.CANCEL_FAILED)
        assert desk.decide().wake_ns == desk.now_ns + int(Decimal(pause) * NANOSECONDS)
        assert desk.commands() == ()
        desk.pass_time(pause)
        assert desk.settle() == [CancelOrder(order.client_id, "disconnected")]


# --- refusals -----------------------------------------------------------------------------------------------------


def test_refused_opens_pause_and_each_is_priced_afresh() -> None:
    desk = buys()
    for count, pause in enumerate(("0.2", "0.4", "30", "30"), start=1):
        desk.quote(str(100 + count), f"{100 + count}.1")
        assert desk.settle() == [open_at(f"{100 + count}.0", entry=count)]
        desk.tell(desk.only_open(), OrderFact.REFUSED, reason="would cross")
        assert desk.settle() == []
        assert desk.hold().until_ns == desk.now_ns + int(Decimal(pause) * NANOSECONDS)
        desk.pass_time(pause)


def test_an_open_cancelled_by_the_venue_at_once_counts_as_refused() -> None:
    desk = buys()
    order = desk.open_one()
    desk.tell(order, OrderFact.CANCELLED, filled="0", reason="POST_ONLY_WOULD_CROSS")
    assert desk.settle() == []
    assert desk.holds() == ["backoff"]


def with_refused_close(times: int) -> Desk:
    """The close of the first entry was refused so often, once in three seconds; 10 s are to pass between fills."""
    desk = Desk(config(wait_time=Decimal(40)))
    desk.fill(desk.open_one())
    for count in range(times):
        desk.pass_time(3 if count else 0)
        desk.look()
        assert [type(command) for command in desk.settle()] == [PlaceClose]
        desk.tell(desk.newest(), OrderFact.REFUSED, reason="bad_price")
    return desk


@pytest.mark.parametrize("times, expected", [(2, []), (3, ["backoff"]), (5, ["backoff"])])
def test_nothing_is_opened_while_closes_are_refused_again_and_again(times: int, expected: list[str]) -> None:
    """What fills could not be covered either: beyond the price band, without margin, on a venue that takes nothing."""
    desk = with_refused_close(times)
    desk.pass_time(8)
    desk.look()
    desk.perform(desk.commands()[0])  # The close, once more: it is on its way.
    assert desk.holds() == expected


def test_it_is_said_why_nothing_is_opened_and_for_how_long() -> None:
    desk = with_refused_close(3)
    until_ns = desk.now_ns + 30 * NANOSECONDS
    desk.pass_time(8)
    desk.look()
    desk.perform(desk.commands()[0])
    assert desk.hold() == Hold("backoff", "the venue refuses closes again and again (bad_price)", until_ns)
    assert desk.decide().wake_ns is not None


def test_opens_go_on_once_a_close_is_taken() -> None:
    desk = with_refused_close(3)
    desk.pass_time(8)
    desk.look()
    desk.perform(desk.commands()[0])
    desk.accept(desk.newest())
    assert desk.commands() == (open_at("100.0", entry=2),)


def test_opens_go_on_when_what_could_not_be_closed_is_gone() -> None:
    desk = with_refused_close(3)
    desk.note(ClosedOutside(desk.now_ns, Decimal(1)))
    desk.pass_time(8)
    assert desk.commands() == (open_at("100.0", entry=2),)


def test_opens_go_on_when_no_close_was_refused_for_a_while() -> None:
    """A rest that no order can close is owed, and only the close of the next entry can take it."""
    desk = with_refused_close(3)
    desk.note(ClosedOutside(desk.now_ns, Decimal("0.95")))
    desk.pass_time("29.9")
    assert desk.holds() == ["backoff"]
    desk.pass_time("0.1")
    assert desk.commands() == (open_at("100.0", entry=2),)


def test_a_fill_ends_the_row_of_refusals() -> None:
    desk = buys()
    for _ in range(2):
        desk.settle()
        desk.tell(desk.only_open(), OrderFact.REFUSED)
        desk.pass_time(1)
    desk.fill(desk.open_one())
    desk.settle()
    desk.pass_time(1000)
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.REFUSED)
    assert desk.hold().until_ns == desk.now_ns + NANOSECONDS // 5


# --- what blocks opens --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "circumstance, word",
    [
        ({"trouble": "the journal cannot be written"}, "trouble"),
        ({"connected": False}, "disconnected"),
        ({"look": None}, "unreconciled"),
        ({"look_failed": True}, "unreconciled"),
        ({"suspicion": "they differ"}, "mismatch"),
        ({"stopping": StopMode.KEEP}, "stopping"),
    ],
)
def test_no_open_is_sent_while(circumstance: dict[str, object], word: str) -> None:
    desk = buys()
    desk.see(**circumstance)
    assert desk.commands() == ()
    assert desk.holds() == [word]


def test_a_venue_that_was_not_asked_yet_is_asked() -> None:
    desk = buys()
    assert not desk.decide().needs_look
    desk.see(look=None)
    assert desk.decide().needs_look


def test_trouble_leaves_a_resting_open_alone() -> None:
    desk = buys()
    desk.open_one()
    desk.see(trouble="the journal cannot be written", look_failed=True, suspicion="they differ")
    assert desk.commands() == ()

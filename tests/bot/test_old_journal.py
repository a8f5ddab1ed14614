"""A journal restored from an old backup, on a venue that no longer tells the trades which opened what is there.

Its own closes are ours by their ids, and so is what they close, as far as the position holds it: they stay.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import CancelIntended, OrderIntended, OwnFound, SessionStarted
from domain.market import NANOSECONDS, Side
from domain.orders import Purpose
from domain.status import NoticeKind
from helpers.journal import MemoryJournal
from tests.support.bot import Rig, mirrored, script
from tests.support.tape import bought, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
OPENED = sold(5, 1002, 10)


def restored(rig: Rig, *, told_from_s: float = 6) -> None:
    """After a first life: a journal from before its first open, on a venue that tells trades from `told_from_s` on."""
    records = rig.records
    begun = next(number for number, record in enumerate(records) if isinstance(record, OrderIntended))
    rig.journal.inner = MemoryJournal()
    rig.journal.inner.append(records[:begun], sync=True)
    rig.line.history_from_ns = rig.start_ns + round(told_from_s * NANOSECONDS)
    rig.downtime(20)
    rig.start()


def lived(rig: Rig) -> None:
    """A first life, killed when its first entry is covered."""
    rig.start()
    rig.run_to(10)
    assert [side for side, *_ in rig.resting()] == [rig.config.close_side]
    rig.kill()


def only_found(rig: Rig) -> tuple[Decimal, Decimal]:
    (found,) = rig.of_kind(OwnFound)
    return found.quantity, found.price


@pytest.mark.parametrize("direction", list(Side))
def test_close_of_a_forgotten_open_stays_and_what_it_closes_is_own(direction: Side) -> None:
    story = script(OPENED) if direction is BUY else mirrored(script(OPENED))
    with Rig(story, reduce_only=False, direction=direction) as rig:
        lived(rig)
        restored(rig)
        before = rig.resting()
        rig.run_for(5)
        assert rig.resting() == before
        assert len(before) == 1
        assert (rig.bot.state.own, rig.bot.state.covered, len(rig.bot.state.unclosed)) == (D("0.10"), D("0.10"), 1)
        price = D("100.2") if direction is BUY else D("100.0")
        assert only_found(rig) == (D("0.10"), price)
        assert rig.of_kind(CancelIntended) == []
        rig.check_covered()
        assert rig.stop().exit_status == 0


def test_finding_is_said_with_the_price_that_is_assumed() -> None:
    with Rig(script(OPENED)) as rig:
        lived(rig)
        restored(rig)
        rig.run_for(5)
        said = [text for text in rig.told.texts(NoticeKind.INFO) if "assumed" in text]
        assert said == ["0.1 under that order is own, though no trade that opened it is told; assumed: bought at 100.2"]


def test_close_of_a_forgotten_open_fills_and_ends_its_entry_with_the_assumed_result() -> None:
    with Rig(script(OPENED, bought(60, 1005, 10))) as rig:
        lived(rig)
        restored(rig)
        rig.run_until(lambda: rig.auditor.own == 0)
        rig.run_for(1)
        statement = rig.bot.accounting.statement(D(100))
        assert (statement.realized_pnl, statement.unrealized_pnl) == (D("0.02"), D(0))
        assert (statement.entries, statement.exits, rig.bot.accounting.position) == (1, 1, D(0))
        rig.check_covered()


@pytest.mark.parametrize("filled", [4, 10])
def test_close_that_filled_meanwhile_leaves_no_shadow_of_a_sale(filled: int) -> None:
    """Its trade is told, that of its open is not: in part, and whole."""
    with Rig(script(OPENED, bought(15, 1005, filled))) as rig:
        lived(rig)
        restored(rig)
        rig.run_for(5)
        rest = D("0.10") - D(filled) / 100
        assert (rig.bot.state.own, rig.bot.accounting.position, rig.auditor.own) == (rest, rest, rest)
        assert only_found(rig) == (D("0.10"), D("100.2"))
        assert rig.bot.accounting.unexplained == 0
        rig.check_covered()


def test_found_entry_is_covered_again_at_its_price_when_its_close_ends() -> None:
    with Rig(script(OPENED)) as rig:
        lived(rig)
        restored(rig)
        rig.run_for(5)
        (close,) = rig.auditor.closes
        rig.upon_venue(lambda venue: venue.cancel_by_venue(str(close.number), "risk"))
        rig.run_for(5)
        assert [order for order in rig.resting() if order[0] is SELL] == [(SELL, D("100.4"), D("0.1"))]
        rig.check_covered()


def test_found_quantity_is_found_once_and_known_after_a_restart() -> None:
    with Rig(script(OPENED)) as rig:
        lived(rig)
        restored(rig)
        rig.run_for(5)
        rig.restart()
        rig.run_for(5)
        assert (len(rig.of_kind(OwnFound)), len(rig.of_kind(SessionStarted))) == (1, 3)
        rig.check_covered()


def test_close_whose_position_is_gone_is_taken_away() -> None:
    """Somebody closed by hand what it covered: it is ours, and closes nothing."""
    with Rig(script(OPENED), reduce_only=False) as rig:
        lived(rig)
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.10")))
        restored(rig)
        rig.run_for(5)
        assert rig.of_kind(OwnFound) == []
        assert [record.purpose for record in rig.of_kind(OrderIntended)] == [Purpose.CLOSE]
        assert (rig.bot.state.own, rig.resting()) == (D(0), [])


def test_position_that_no_close_of_ours_explains_is_not_taken_for_our_own() -> None:
    """A hand's purchase beside the forgotten entry stays its owner's."""
    with Rig(script(OPENED), reduce_only=False) as rig:
        lived(rig)
        rig.upon_venue(lambda venue: venue.external_trade(BUY, D("0.05")))
        restored(rig)
        rig.run_for(5)
        assert only_found(rig) == (D("0.10"), D("100.2"))
        assert (rig.bot.state.own, rig.venue.position) == (D("0.10"), D("0.15"))

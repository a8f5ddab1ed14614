"""The account's file: what it keeps, what it refuses, and what a full disk does."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from domain.market import Side
from markets.account import AccountTerms
from markets.ledger import Ledger, LedgerMismatch, LedgerUnusable
from markets.orders import SelfTrade
from markets.store import LedgerWriteFailed, MemoryLedger, Step
from markets.venue import SimulatedVenue
from tests.support.tape import START_NS, at, bought, quote, sold
from tests.support.venue import accepted, limit, live_until, market, opened, price, refused, size

BUY, SELL = Side.BUY, Side.SELL
TERMS = AccountTerms(
    Decimal("1000.50"), Decimal(7), Decimal("-0.0001"), self_trade=SelfTrade.CANCEL_BOTH, max_order_life_s=90
)
TAPE = (
    quote(0, 1000, 1002, 30, 30),
    sold(1, 1001, 4),
    quote(2, 1000, 1002, 20, 30),
    sold(3, 1000, 5),
    bought(4, 1006, 2),
    sold(5, 1000, 18),
    quote(6, 1000, 1002),
)


@contextmanager
def ledger(path: Path, identity: str = "scripted", *, durable: bool = True) -> Iterator[Ledger]:
    opened_ledger = Ledger.open(path, identity, TERMS, START_NS, durable=durable)
    try:
        yield opened_ledger
    finally:
        opened_ledger.close()


def test_new_account_knows_what_it_was_opened_with(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path):
        pass
    with ledger(path, durable=False) as again:
        assert (again.identity, again.terms, again.start_ns, again.now_ns) == ("scripted", TERMS, START_NS, START_NS)
        assert not again.is_ended
        again.mark_ended()
    with ledger(path) as ended:
        assert ended.is_ended


def test_account_of_another_market_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path, "seed 7"):
        pass
    with pytest.raises(LedgerMismatch, match="'seed 7', not 'seed 8'") as mismatch, ledger(path, "seed 8"):
        pass
    assert (mismatch.value.stored, mismatch.value.asked) == ("seed 7", "seed 8")
    assert Ledger.stored_identity(path) == "seed 7"
    assert Ledger.stored_identity(tmp_path / "none.sqlite") is None


def test_file_that_is_no_account_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    path.write_text("something else, long enough to be read as a header of a database file" * 20)
    with pytest.raises(LedgerUnusable, match="cannot be used as a paper account"), ledger(path):
        pass
    with pytest.raises(LedgerUnusable, match="cannot be used as a paper account"):
        Ledger.stored_identity(path)
    with pytest.raises(LedgerUnusable), ledger(tmp_path / "missing" / "account.sqlite"):
        pass


def test_account_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE about SET value = '99' WHERE name = 'format'")
    other.close()
    with pytest.raises(LedgerUnusable, match="its format is 99"), ledger(path):
        pass


def test_killed_account_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path) as store:
        venue = opened(*TAPE, terms=TERMS, store=store)
        venue.place(limit(1, BUY, 1000, 20))
        venue.place(limit(2, BUY, 1001, 4))
        venue.place(limit(10**40, BUY, 990, 4))
        venue.cancel(client_id=10**40)
        live_until(venue, 3.5)
        venue.place(limit(3, SELL, 1005, 4, reduce_only=True))
        before = venue.open_orders(), venue.statement(), venue.fills_since(0), venue.now_ns
    with ledger(path) as store:
        again = opened(*TAPE, terms=TERMS, store=store)
        assert (again.open_orders(), again.statement(), again.fills_since(0), again.now_ns) == before
        assert again.quote_as_of(again.now_ns) == venue.quote_as_of(venue.now_ns)
        assert refused(again.place(limit(10**40, BUY, 990, 4))) == "duplicate_client_id"
        ended = again.order(client_id=10**40)
        assert ended is not None
        assert (ended.status.value, ended.reason) == ("cancelled", "cancelled_by_owner")
        live_until(again, 6)
        # 20 ahead at second 2, 5 gone at second 3: the 18 sold at second 5 pass 15 and fill 3
        filled = [(fill.client_id, fill.price, fill.quantity, fill.trade_id) for fill in again.fills_since(0)]
    assert filled == [
        (2, price(1001), size(4), "1"),
        (3, price(1005), size(2), "2"),
        (1, price(1000), size(3), "3"),
    ]


def test_rules_changed_at_run_time_survive(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path) as store:
        venue = opened(*TAPE, terms=TERMS, store=store)
        rules = venue.rules.__class__("TST", "TST-PERP", Decimal("0.5"), Decimal("0.05"), Decimal(1), Decimal(5))
        venue.change_rules(rules)
    with ledger(path) as store:
        assert opened(*TAPE, terms=TERMS, store=store).rules == rules


def test_every_told_event_is_already_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path) as store:
        venue = opened(*TAPE, terms=TERMS, store=store)
        accepted(venue.place(limit(1, BUY, 1001, 4)))
        with ledger(path) as reader:
            assert reader.by_client_id(1) is not None
        venue.advance(at(6))
        with ledger(path) as reader:
            assert [fill.trade_id for fill in reader.fills_since(0)] == ["1"]


TRADER = """
import sys
from decimal import Decimal
from pathlib import Path
from domain.events import Fill
from domain.market import Side
from markets.account import AccountTerms
from markets.ledger import Ledger
from markets.venue import SimulatedVenue
from tests.support.tape import START_NS, ScriptedMarket, quote
from tests.support.venue import market

ledger = Ledger.open(Path(sys.argv[1]), "scripted", AccountTerms(Decimal(10**9)), START_NS)
venue = SimulatedVenue(ScriptedMarket([quote(0, 1000, 1001)]), ledger.terms, ledger)
for client_id in range(1, 10**9):
    venue.place(market(client_id, (Side.BUY, Side.SELL)[client_id % 2], 10))
    for event in venue.take_events():
        if isinstance(event, Fill):
            print(event.trade_id, flush=True)
"""


def test_what_was_told_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    trader = subprocess.Popen(
        [sys.executable, "-c", TRADER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert trader.stdout is not None
    with trader.stdout as told:
        first = [told.readline().strip() for _ in range(300)]
        trader.kill()
        heard = first + told.read().split()
    trader.wait()
    store = Ledger.open(path, "scripted", TERMS, START_NS)
    try:
        kept = [fill.trade_id for fill in store.fills_since(0)]
    finally:
        store.close()
    assert len(heard) >= 300
    assert kept[: len(heard)] == heard
    assert len(kept) <= len(heard) + 2  # the one order, in at most two fills, whose telling was cut off


class FullDisk(MemoryLedger):
    """A ledger whose disk fills up and is cleared again."""

    is_full = False

    def commit(self, step: Step) -> None:
        if self.is_full:
            raise LedgerWriteFailed("the paper account could not be written: disk full")
        super().commit(step)


def trouble(venue: SimulatedVenue) -> str | None:
    return venue.ledger_trouble


def test_full_disk_is_remembered_and_made_good_later() -> None:
    store = FullDisk()
    venue = opened(*TAPE, store=store)
    store.is_full = True
    venue.place(limit(1, BUY, 990, 4))
    venue.place(market(2, BUY, 4))
    venue.cancel(client_id=1)
    assert trouble(venue) == "the paper account could not be written: disk full"
    assert store.by_client_id(1) is None
    assert refused(venue.place(limit(1, BUY, 990, 4))) == "duplicate_client_id"
    ended = venue.order(client_id=1)
    assert ended is not None
    assert (ended.status.value, len(venue.fills_since(0))) == ("cancelled", 1)
    store.is_full = False
    venue.place(limit(3, BUY, 990, 4))
    assert trouble(venue) is None
    assert [store.knows(client_id) for client_id in (1, 2, 3)] == [True, True, True]
    assert len(venue.fills_since(0)) == 1


def test_file_that_cannot_be_written_is_a_write_failure(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with ledger(path) as store:
        venue = opened(*TAPE, terms=TERMS, store=store)
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("DROP TABLE fills")
        finally:
            other.close()
        venue.place(market(1, BUY, 4))
        assert venue.ledger_trouble is not None
        assert "could not be written" in venue.ledger_trouble


def test_memory_ledger_forgets_the_oldest_but_never_a_client_id() -> None:
    venue = opened(*TAPE, store=MemoryLedger(kept=3))
    for client_id in range(1, 30):
        venue.place(limit(client_id, BUY, 990, 4))
        venue.cancel(client_id=client_id)
    assert venue.order(client_id=1) is None
    assert venue.order(client_id=29) is not None
    assert refused(venue.place(limit(1, BUY, 990, 4))) == "duplicate_client_id"

"""How long a start takes to read its journal: `python -m benchmarks.restart [--records 1000000] [--resting 40]`.

A journal on the disk holds so many records of entries that were opened, covered and closed, and some that still are
open. It is taken in as at a start, by state, money and the observers (trade rows, and the sentences of log and view):
from the first record on, and from a checkpoint that a few thousand records follow. Seconds of the processor; the disk
is warm.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bot.recorder import Recorder
from domain.accounting import Accounting
from domain.events import Fill, IdsReserved, JournalBegan, Liquidity, OrderIntended, OrderUpdate, Part, Record
from domain.market import Side
from domain.orders import OrderFact, Purpose
from helpers.journal import SqliteJournal
from helpers.trade_rows import TradeRows
from helpers.views.narration import Narrator
from strategies.take_profit_grid.state import GridState

QUANTITY, ZERO = Decimal("0.001"), Decimal(0)
BATCH = 1_000
SINCE = 5_000
"""Records that follow the checkpoint."""


class Observers:
    """What the observers of a session remember."""

    def __init__(self) -> None:
        self._rows, self._narrators = TradeRows(), (Narrator(), Narrator())

    def saw(self, _seq: int, record: Record) -> None:
        self._rows.of(record)
        for narrator in self._narrators:
            narrator.tell(record)


def history(resting: int) -> Iterator[Record]:
    """Entries for ever: one is opened and covered; the one `resting` before it closes."""
    yield JournalBegan(1, 1, ZERO, "benchmark")
    yield IdsReserved(1, 1 << 40)
    covers: list[OrderIntended] = []
    entry = 0
    while True:
        entry += 1
        price = Decimal(60_000) + Decimal(entry % 977) / 10
        yield from _order(opening := OrderIntended(entry, 2 * entry, Purpose.OPEN, Side.BUY, price, QUANTITY, entry))
        yield _filled(opening)
        part = (Part(entry, QUANTITY),)
        close = OrderIntended(entry, 2 * entry + 1, Purpose.CLOSE, Side.SELL, price + 30, QUANTITY, None, part)
        yield from _order(close)
        covers.append(close)
        if len(covers) > resting:
            yield _filled(covers.pop(0))


def _order(intent: OrderIntended) -> Iterator[Record]:
    yield intent
    yield OrderUpdate(intent.at_ns, intent.client_id, OrderFact.ACCEPTED, f"o{intent.client_id}")


def _filled(order: OrderIntended) -> Fill:
    assert order.price is not None
    return Fill(
        order.at_ns, order.client_id, f"o{order.client_id}", f"t{order.client_id}", order.side, order.price,
        order.quantity, ZERO, Liquidity.MAKER, order.at_ns,
    )  # fmt: skip


def write(journal: SqliteJournal, records: Iterator[Record], count: int) -> None:
    while count > 0:
        journal.append([next(records) for _ in range(min(BATCH, count))], sync=False)
        count -= BATCH


def start_s(journal: SqliteJournal, checkpoint_every: int) -> tuple[float, Recorder, GridState]:
    began = time.process_time()
    state = GridState(Side.BUY)
    recorder = Recorder(journal, state, Accounting(), Observers(), checkpoint_every)
    recorder.replay()
    return time.process_time() - began, recorder, state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="in the journal (default 1000000)")
    parser.add_argument("--resting", type=int, default=40, help="entries that wait for their close (default 40)")
    options = parser.parse_args()
    records = history(options.resting)
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal.open(Path(folder, "journal.sqlite"), durable=False)
        write(journal, records, options.records - SINCE)
        _, recorder, _ = start_s(journal, 1)
        began = time.process_time()
        recorder.tend(0)
        noted_s = time.process_time() - began
        size = len(journal.note("checkpoint") or "")
        write(journal, records, SINCE)
        resumed_s, resumed, known = start_s(journal, 10**12)
        journal.write_note("checkpoint", "")
        whole_s, _, expected = start_s(journal, 10**12)
        journal.close()
    assert not resumed.passed_over, resumed.passed_over
    assert (known.own, sorted(known.live)) == (expected.own, sorted(expected.live))
    print(f"{options.records:,} records, {options.resting:,} entries open")
    ratio = resumed_s / whole_s
    print(f"from the first record: {whole_s:.2f} s; from a checkpoint: {resumed_s:.2f} s: ratio {ratio:.3f}")
    print(f"a checkpoint takes {noted_s * 1e3:.0f} ms to write, once in 20,000 records, and {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

"""The book kept from changes: its touch is that of the levels, and a broken chain is noticed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.lighter.book import Best, Book, BookGap
from exchanges.lighter.codec_stream import BookChange

D = Decimal
ONE = D(1)


def change(bids: dict[int, int], asks: dict[int, int], nonce: int, begin: int = 0) -> BookChange:
    return BookChange(
        {D(price): D(size) for price, size in bids.items()},
        {D(price): D(size) for price, size in asks.items()},
        nonce,
        begin,
    )


def test_a_change_moves_the_touch() -> None:
    book = Book()
    assert book.begin(change({99: 1, 98: 2}, {101: 3}, 10)) == Best(D(99), ONE, D(101), D(3))
    assert book.change(change({99: 0}, {100: 5}, 20, begin=10)) == Best(D(98), D(2), D(100), D(5))
    assert book.change(change({}, {100: 0, 101: 0}, 30, begin=20)) is None
    assert book.change(change({}, {100: 7}, 31, begin=30)) == Best(D(98), D(2), D(100), D(7))


def test_a_missing_change_is_a_gap() -> None:
    book = Book()
    with pytest.raises(BookGap, match="before the book"):
        book.change(change({}, {}, 5, begin=4))
    book.begin(change({99: 1}, {101: 1}, 10))
    with pytest.raises(BookGap, match="missing"):
        book.change(change({}, {102: 1}, 30, begin=20))
    assert book.begin(change({97: 1}, {103: 1}, 40)) == Best(D(97), ONE, D(103), ONE)


def test_a_crossed_book_is_none() -> None:
    with pytest.raises(BookGap, match="crossed"):
        Book().begin(change({101: 1}, {101: 1}, 10))


LEVELS = st.dictionaries(st.integers(1, 12), st.integers(0, 2), max_size=4)


@given(st.lists(st.tuples(LEVELS, LEVELS), max_size=30))
def test_the_touch_is_that_of_all_levels_whatever_came(changes: list[tuple[dict[int, int], dict[int, int]]]) -> None:
    book = Book()
    book.begin(change({}, {}, 0))
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for nonce, (new_bids, new_asks) in enumerate(changes):
        above = {price + 20: size for price, size in new_asks.items()}
        bids.update(new_bids)
        asks.update(above)
        best = book.change(change(new_bids, above, nonce + 1, begin=nonce))
        live_bids = [price for price, size in bids.items() if size]
        live_asks = [price for price, size in asks.items() if size]
        if not live_bids or not live_asks:
            assert best is None
        else:
            bid, ask = max(live_bids), min(live_asks)
            assert best == Best(D(bid), D(bids[bid]), D(ask), D(asks[ask]))


def test_a_market_that_wanders_for_months_leaves_no_prices_behind() -> None:
    book = Book()
    book.begin(change({1: 1}, {100_000: 1, 200_000: 1}, 0))
    for step in range(5_000):
        book.change(change({}, {150_000 + step: 1}, 2 * step + 1, begin=2 * step))
        best = book.change(change({}, {150_000 + step: 0}, 2 * step + 2, begin=2 * step + 1))
        assert best == Best(D(1), ONE, D(100_000), ONE)
    assert len(book._asks._heap) < 1_000

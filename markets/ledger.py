"""The account's durable truth: everything the venue must still know after it was killed.

A step of the venue (one instant of the market, or one request) is one transaction, committed before its events are
handed out: what anybody was told is never forgotten. The file is SQLite in WAL mode; a kill of the process loses
nothing, with or without `durable` (which adds protection against a corrupted file when the machine itself goes down).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from domain.events import Fill, FundingPayment, Liquidity
from domain.market import MarketRules, Side
from domain.orders import OrderStatus
from markets.account import AccountTerms
from markets.orders import BookOrder, SelfTrade
from markets.rows import QuoteRow
from markets.store import AccountRecord, LedgerError, LedgerWriteFailed, Step

_FORMAT = "1"


class LedgerMismatch(LedgerError):
    """The file holds an account on another market. `stored` and `asked` are the identities."""

    def __init__(self, path: Path, stored: str, asked: str) -> None:
        super().__init__(
            f"the paper account in {path} trades {stored!r}, not {asked!r}: "
            "continue it on its own market, or start afresh"
        )
        self.stored = stored
        self.asked = asked


class LedgerUnusable(LedgerError):
    """The file cannot be opened, or is not a ledger."""


_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1), now_ns INTEGER, next_order INTEGER, next_trade INTEGER, cash TEXT, fees
    TEXT, funding TEXT, volume TEXT, position INTEGER, quote TEXT, bid_taken INTEGER, ask_taken INTEGER, gaps INTEGER,
    gaps_ns INTEGER, rules TEXT);
CREATE TABLE orders (
    number INTEGER PRIMARY KEY, client_id TEXT UNIQUE, side TEXT, price INTEGER, quantity INTEGER, post_only INTEGER,
    reduce_only INTEGER, placed_ns INTEGER, expires_ns INTEGER, filled INTEGER, ahead INTEGER, status TEXT, reason
    TEXT, ended_ns INTEGER);
CREATE INDEX live_orders ON orders (number) WHERE ended_ns IS NULL;
CREATE TABLE fills (
    trade INTEGER PRIMARY KEY, client_id TEXT, order_id TEXT, trade_id TEXT, side TEXT, price TEXT, quantity TEXT,
    fee TEXT, liquidity TEXT, venue_ns INTEGER, forced INTEGER);
CREATE INDEX fills_by_time ON fills (venue_ns);
CREATE TABLE funding (payment_id TEXT PRIMARY KEY, venue_ns INTEGER, amount TEXT) WITHOUT ROWID;
"""

_PUT_ACCOUNT = "INSERT OR REPLACE INTO account VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ORDER = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_FILL = "INSERT INTO fills VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_FUNDING = "INSERT OR REPLACE INTO funding VALUES (?, ?, ?)"


class Ledger:
    """An account in a file. `terms` are those the account was opened with."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        if (stored := self._about("format")) != _FORMAT:
            raise ValueError(f"its format is {stored}, this program writes {_FORMAT}")
        self.identity = self._about("identity")
        self.start_ns = int(self._about("start_ns"))
        self.terms = _terms_from(self._about("terms"))
        self._rules: tuple[MarketRules, str] | None = None

    @classmethod
    def open(cls, path: Path, identity: str, terms: AccountTerms, start_ns: int, *, durable: bool = True) -> Self:
        """Open the account in `path`, or create one. Raises `LedgerMismatch` when the file's account belongs to another
        market, and `LedgerUnusable` when the file cannot be used."""
        connection: sqlite3.Connection | None = None
        try:
            path.touch(mode=0o600)  # Money is nobody else's to read; what SQLite puts beside it has the same mode.
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                _create(connection, identity, terms, start_ns)
            ledger = cls(connection)
        except (sqlite3.Error, OSError, LookupError, ValueError) as problem:
            if connection is not None:
                connection.close()
            raise _unusable(path, problem) from problem
        if ledger.identity != identity:
            ledger.close()
            raise LedgerMismatch(path, ledger.identity, identity)
        return ledger

    @staticmethod
    def stored_identity(path: Path) -> str | None:
        """The market of the account in `path`; None when there is no account. Raises `LedgerUnusable`."""
        if not path.exists():
            return None
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                row = connection.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()
            finally:
                connection.close()
        except sqlite3.Error as problem:
            raise _unusable(path, problem) from problem
        return None if row is None else str(row[0])

    @property
    def is_ended(self) -> bool:
        """The session on this account ended by itself; the account is history."""
        return self._about("ended") == "yes"

    @property
    def now_ns(self) -> int:
        """Venue time of the last step; the market's start on a new account."""
        row = self._db.execute("SELECT now_ns FROM account").fetchone()
        return self.start_ns if row is None else int(row[0])

    def mark_ended(self) -> None:
        """From now on the account is history. Raises `LedgerWriteFailed`."""
        try:
            self._db.execute("UPDATE about SET value = 'yes' WHERE name = 'ended'")
        except sqlite3.Error as problem:
            raise LedgerWriteFailed(f"the end of the paper account could not be written: {problem}") from problem

    def close(self) -> None:
        self._db.close()

    # --- the store --------------------------------------------------------------------------------------------------

    def load(self) -> tuple[AccountRecord, list[BookOrder]] | None:
        row = self._db.execute("SELECT * FROM account").fetchone()
        if row is None:
            return None
        live = self._db.execute("SELECT * FROM orders WHERE ended_ns IS NULL ORDER BY number")
        return _record_from(row), [_order_from(order) for order in live]

    def commit(self, step: Step) -> None:
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany(_PUT_ORDER, map(_order_row, step.orders))
                db.executemany(_PUT_FILL, map(_fill_row, step.fills))
                db.executemany(_PUT_FUNDING, ((p.payment_id, p.at_ns, str(p.amount)) for p in step.payments))
                db.execute(_PUT_ACCOUNT, _record_row(step.record, self._text_of(step.record.rules)))
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        except sqlite3.Error as problem:
            raise LedgerWriteFailed(f"the paper account could not be written: {problem}") from problem

    def knows(self, client_id: int) -> bool:
        return self._one("SELECT 1 FROM orders WHERE client_id = ?", str(client_id)) is not None

    def by_client_id(self, client_id: int) -> BookOrder | None:
        row = self._one("SELECT * FROM orders WHERE client_id = ?", str(client_id))
        return None if row is None else _order_from(row)

    def by_number(self, number: int) -> BookOrder | None:
        row = self._one("SELECT * FROM orders WHERE number = ?", number)
        return None if row is None else _order_from(row)

    def fills_since(self, since_ns: int) -> list[Fill]:
        rows: Iterable[Any] = self._db.execute("SELECT * FROM fills WHERE venue_ns >= ? ORDER BY trade", (since_ns,))
        return [_fill_from(row) for row in rows]

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        rows: Iterable[Any] = self._db.execute(
            "SELECT venue_ns, payment_id, amount FROM funding WHERE venue_ns >= ? ORDER BY venue_ns", (since_ns,)
        )
        return [FundingPayment(venue_ns, payment_id, Decimal(amount)) for venue_ns, payment_id, amount in rows]

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _text_of(self, rules: MarketRules) -> str:
        """Written with every step, and hardly ever another one."""
        if self._rules is None or self._rules[0] is not rules:
            self._rules = (rules, json.dumps(asdict(rules), default=str))
        return self._rules[1]

    def _one(self, query: str, key: str | int) -> Any:
        return self._db.execute(query, (key,)).fetchone()

    def _about(self, name: str) -> str:
        row = self._one("SELECT value FROM about WHERE name = ?", name)
        if row is None:
            raise LookupError(f"it does not say its {name}")
        return str(row[0])


def _unusable(path: Path, problem: Exception) -> LedgerUnusable:
    return LedgerUnusable(
        f"{path} cannot be used as a paper account ({problem}): check its folder and rights, or move the file away"
    )


def _create(connection: sqlite3.Connection, identity: str, terms: AccountTerms, start_ns: int) -> None:
    """All or nothing: a kill in between leaves an empty file, which is created again."""
    about = {
        "format": _FORMAT,
        "identity": identity,
        "start_ns": str(start_ns),
        "terms": json.dumps(asdict(terms), default=str),
        "ended": "no",
    }
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    connection.execute("COMMIT")


# --- rows: facts to columns and back --------------------------------------------------------------------------------


def _terms_from(text: str) -> AccountTerms:
    stored: dict[str, Any] = json.loads(text)
    life = stored.pop("max_order_life_s")
    self_trade = SelfTrade(stored.pop("self_trade"))
    amounts: dict[str, Any] = {name: Decimal(value) for name, value in stored.items()}
    return AccountTerms(**amounts, self_trade=self_trade, max_order_life_s=life)


def _rules_from(text: str) -> MarketRules:
    stored: dict[str, Any] = json.loads(text)
    ticker, contract_id = stored.pop("ticker"), stored.pop("contract_id")
    amounts: dict[str, Any] = {name: Decimal(value) for name, value in stored.items()}
    return MarketRules(ticker, contract_id, **amounts)


def _record_row(record: AccountRecord, rules: str) -> tuple[Any, ...]:
    return (
        record.now_ns,
        record.next_order,
        record.next_trade,
        str(record.cash),
        str(record.fees),
        str(record.funding),
        str(record.volume),
        record.position,
        None if record.quote is None else json.dumps(record.quote),
        record.bid_taken,
        record.ask_taken,
        record.gaps,
        record.gaps_ns,
        rules,
    )


def _record_from(row: tuple[Any, ...]) -> AccountRecord:
    _, now_ns, next_order, next_trade, cash, fees, funding, volume, position, *market = row
    quote, bid_taken, ask_taken, gaps, gaps_ns, rules = market
    return AccountRecord(
        now_ns,
        next_order,
        next_trade,
        Decimal(cash),
        Decimal(fees),
        Decimal(funding),
        Decimal(volume),
        position,
        None if quote is None else QuoteRow(*json.loads(quote)),
        bid_taken,
        ask_taken,
        gaps,
        gaps_ns,
        _rules_from(rules),
    )


def _order_row(order: BookOrder) -> tuple[Any, ...]:
    return (
        order.number,
        None if order.client_id is None else str(order.client_id),
        order.side.value,
        order.price,
        order.quantity,
        order.post_only,
        order.reduce_only,
        order.placed_ns,
        order.expires_ns,
        order.filled,
        order.ahead,
        order.status.value,
        str(order.reason),
        order.ended_ns,
    )


def _order_from(row: tuple[Any, ...]) -> BookOrder:
    number, client_id, side, price, quantity, post_only, reduce_only, placed_ns, expires_ns, *rest = row
    filled, ahead, status, reason, ended_ns = rest
    return BookOrder(
        number,
        None if client_id is None else int(client_id),
        Side(side),
        price,
        quantity,
        bool(post_only),
        bool(reduce_only),
        placed_ns,
        expires_ns,
        filled,
        ahead,
        OrderStatus(status),
        reason,
        ended_ns,
    )


def _fill_row(fill: Fill) -> tuple[Any, ...]:
    return (
        None if fill.client_id is None else str(fill.client_id),
        fill.order_id,
        fill.trade_id,
        fill.side.value,
        str(fill.price),
        str(fill.quantity),
        str(fill.fee),
        fill.liquidity.value,
        fill.venue_ns,
        fill.forced,
    )


def _fill_from(row: tuple[Any, ...]) -> Fill:
    _, client_id, order_id, trade_id, side, price, quantity, fee, liquidity, venue_ns, forced = row
    return Fill(
        venue_ns,
        None if client_id is None else int(client_id),
        order_id,
        trade_id,
        Side(side),
        Decimal(price),
        Decimal(quantity),
        Decimal(fee),
        Liquidity(liquidity),
        venue_ns,
        bool(forced),
    )

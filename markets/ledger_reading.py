"""Reading the paper exchange's books without touching them, also while a session keeps them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from pathlib import Path

_BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class PaperBooks:
    """`identity` names the market; `mid`: its last price in the books, quote currency per base unit; None before the
    first quote."""

    identity: str
    mid: Decimal | None


def read_books(path: Path) -> PaperBooks | None:
    """What the books in `path` say; None where there are none, or they cannot be understood."""
    if not path.is_file():
        return None
    mode = "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"
    try:
        address = f"{path.resolve().as_uri()}?{mode}"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S)) as connection:
            about = connection.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()
            account = connection.execute("SELECT quote, rules FROM account").fetchone()
        if about is None:
            return None
        return PaperBooks(str(about[0]), None if account is None else _mid(*account))
    except (sqlite3.Error, OSError, ValueError, LookupError, TypeError, DecimalException):
        return None


def _mid(quote: str, rules: str) -> Decimal | None:
    """Quotes are kept in whole ticks: time, bid, ask, and their sizes."""
    row = json.loads(quote)
    return None if row is None else (row[1] + row[2]) * Decimal(json.loads(rules)["tick_size"]) / 2

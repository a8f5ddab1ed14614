"""Twins as a user serves them, processes of their own, and the exchange's word compared with the bot's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from exchanges.factory import ExchangeFactory
from tests.support.program import Ended, Program, signed_quantity

T = TypeVar("T")
TradeFacts = tuple[str, str, Decimal, Decimal, Decimal, str]
"""Order id, side, price, quantity, fee, role."""

VENUES = ExchangeFactory.venues()
ASKED = ("--ticker", "ETH", "--quantity", "0.1", "--take-profit", "0.02", "--wait-time", "8")
SEED = 7
"""A generated market in which the first entry fills within twenty seconds."""


@dataclass(frozen=True)
class Served:
    """A twin in a process of its own. `env` holds every variable a client needs."""

    base_url: str
    env: Mapping[str, str]

    def ledger(self) -> dict[str, Any]:
        """The exchange's own truth, over HTTP."""
        address = urlsplit(self.base_url)
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=10)) as connection:
            connection.request("GET", f"{address.path}/_rehearsal/ledger")
            ledger: dict[str, Any] = json.load(connection.getresponse())
        return ledger


@contextmanager
def served(folder: Path, venue: str, *flags: str) -> Iterator[Served]:
    """`runbot.py venue NAME --port 0`, ready to be traded on."""
    with Program(folder).started("venue", venue, "--port", "0", "--ticker", "ETH", "--seed", str(SEED), *flags) as twin:
        said = json.loads(twin.line_with("base_url"))
        assert (said["exchange"], said["ticker"]) == (venue, "ETH")
        yield Served(said["base_url"], said["env"])


def each_venue(act: Callable[[str], T]) -> dict[str, T]:
    """What `act` gives for every venue, all at the same time: their sessions are mostly waiting."""
    with ThreadPoolExecutor(len(VENUES)) as pool:
        asked = {venue: pool.submit(act, venue) for venue in VENUES}
    failed = {venue: error for venue, answer in asked.items() if (error := answer.exception()) is not None}
    if failed:
        raise ExceptionGroup(f"failed on {', '.join(failed)}", [e for e in failed.values() if isinstance(e, Exception)])
    return {venue: answer.result() for venue, answer in asked.items()}


def booked_fills(ledger: Mapping[str, Any]) -> dict[str, TradeFacts]:
    """What the exchange booked, by trade id."""
    return {
        fill["trade_id"]: (
            fill["order_id"],
            fill["side"],
            Decimal(fill["price"]),
            Decimal(fill["quantity"]),
            Decimal(fill["fee"]),
            "maker" if fill["maker"] else "taker",
        )
        for fill in ledger["fills"]
    }


def written_fills(rows: list[dict[str, str]]) -> dict[str, TradeFacts]:
    """What stands in the trade file, by trade id; fails where a trade stands there twice."""
    trades = [row for row in rows if row["TradeID"]]
    written = {
        row["TradeID"]: (
            row["OrderID"],
            row["Side"],
            Decimal(row["Price"]),
            Decimal(row["Quantity"]),
            Decimal(row["Fee"]),
            row["Role"],
        )
        for row in trades
    }
    assert len(written) == len(trades), trades
    return written


def disagreements(ledger: Mapping[str, Any], report: Mapping[str, Any], rows: list[dict[str, str]]) -> dict[str, Any]:
    """Everything in which the exchange's books, the report and the trade file differ; empty when they agree."""
    booked = booked_fills(ledger)
    position = Decimal(ledger["position"])
    pairs = {
        "fills": (booked, written_fills(rows)),
        "position by the report": (position, Decimal(report["position"])),
        "position by the trade file": (position, sum(map(signed_quantity, rows), Decimal(0))),
        "fees": (sum((fill[4] for fill in booked.values()), Decimal(0)), Decimal(report["fees"])),
        "volume": (sum((fill[2] * fill[3] for fill in booked.values()), Decimal(0)), Decimal(report["volume_quote"])),
        "covered": (resting_closes(ledger), Decimal(report["covered"])),
        "client ids": (sorted(set(client_ids(ledger))), sorted(client_ids(ledger))),
    }
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def client_ids(ledger: Mapping[str, Any]) -> list[str]:
    return [order["client_id"] for order in ledger["orders"]]


def resting_closes(ledger: Mapping[str, Any]) -> Decimal:
    """What is left of the sells that rest, by the exchange's word."""
    return sum(
        (
            Decimal(order["quantity"]) - Decimal(order["filled"])
            for order in ledger["orders"]
            if order["side"] == "sell" and order["status"] == "open"
        ),
        Decimal(0),
    )


def flow(ledger: Mapping[str, Any]) -> Decimal:
    """Quote currency received for what was sold less what was paid; the profit once the position is zero."""
    signs = {"buy": -1, "sell": 1}
    return sum(
        (signs[fill["side"]] * Decimal(fill["price"]) * Decimal(fill["quantity"]) for fill in ledger["fills"]),
        Decimal(0),
    )


def report_of(ended: Ended) -> dict[str, Any]:
    """The report that stands alone on standard output (`--json -`); fails unless the session ended as asked."""
    assert ended.status == 0, ended
    report: dict[str, Any] = json.loads(ended.out)
    return report

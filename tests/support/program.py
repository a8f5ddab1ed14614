"""The program as a user runs it: real processes in a folder of their own, and what they leave there."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

RUNBOT = Path(__file__).resolve().parents[2] / "runbot.py"
LIMIT_S = 120
"""A process that takes longer hangs."""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a refusal, without its "error: "; says nothing on standard output, and no traceback."""
        assert (self.status, self.out) == (2, ""), self
        assert self.err.startswith("error: "), self
        assert self.err.count("\n") == 1, self
        assert self.err.endswith("\n"), self
        return self.err.removeprefix("error: ").rstrip("\n")


@dataclass(frozen=True)
class LedgerTotals:
    """Sums over the paper exchange's own books; `flow`: quote currency taken for sales less what purchases cost."""

    fills: int
    position: Decimal
    flow: Decimal
    fees: Decimal
    funding: Decimal
    volume: Decimal


class Running:
    """A process under way. `line_with` waits for what it says: a signal that it is ready, where others would sleep."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def line_with(self, text: str, times: int = 1) -> str:
        """The line that holds `text` for the `times`-th time from now; fails when the process ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                times -= 1
                if times == 0:
                    return line
        raise AssertionError(f"it ended without saying {text!r}: {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end, and what it said from the start."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        return Ended(self.process.returncode, "".join(self.lines) + out, err)


class Program:
    """`python runbot.py` in `folder`, with nothing in its environment but what is given."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **(environment or {})}

    def run(self, *flags: str, environment: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> Ended:
        done = subprocess.run(
            [sys.executable, str(RUNBOT), *flags],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *flags: str) -> Iterator[Running]:
        """A process whose lines can be read while it runs; whatever happens, it is gone afterwards."""
        process = subprocess.Popen(
            [sys.executable, str(RUNBOT), *flags],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Running(process)
            finally:
                process.kill()

    # --- what it leaves ---------------------------------------------------------------------------------------------

    def names(self) -> set[str]:
        """Every file and folder, by its path within the folder."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def file(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def report(self, name: str = "out.json") -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.file(name).read_text())
        return report

    def rows(self, stem: str = "paper_BTC") -> list[dict[str, str]]:
        """The trade file."""
        with self.file("logs", f"{stem}_orders.csv").open(newline="") as lines:
            return list(csv.DictReader(lines))

    def ledger(self, stem: str = "paper_BTC") -> LedgerTotals:
        """Read with SQLite itself, as an auditor would, and added up in decimals."""
        with closing(sqlite3.connect(self.file("state", f"{stem}.ledger.sqlite"))) as books:
            fills = books.execute("SELECT side, price, quantity, fee FROM fills").fetchall()
            payments = [Decimal(amount) for (amount,) in books.execute("SELECT amount FROM funding")]
        signed = [(Decimal(quantity) if side == "buy" else -Decimal(quantity)) for side, _, quantity, _ in fills]
        values = [amount * Decimal(price) for amount, (_, price, _, _) in zip(signed, fills, strict=True)]
        return LedgerTotals(
            fills=len(fills),
            position=sum(signed, Decimal(0)),
            flow=-sum(values, Decimal(0)),
            fees=sum((Decimal(fee) for *_, fee in fills), Decimal(0)),
            funding=sum(payments, Decimal(0)),
            volume=sum(map(abs, values), Decimal(0)),
        )

    def client_ids(self, stem: str = "paper_BTC") -> list[str]:
        """Of every order the exchange ever accepted."""
        with closing(sqlite3.connect(self.file("state", f"{stem}.ledger.sqlite"))) as books:
            return [client_id for (client_id,) in books.execute("SELECT client_id FROM orders")]


def signed_quantity(row: Mapping[str, str]) -> Decimal:
    """What a row of the trade file did to the position; a row without a trade id tells of an order, not of a trade."""
    if not row["TradeID"]:
        return Decimal(0)
    return Decimal(row["Quantity"]) if row["Side"] == "buy" else -Decimal(row["Quantity"])

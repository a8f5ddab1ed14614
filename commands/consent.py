"""Consent to trade real money: asked once per account and ticker, and kept in the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from commands.options import RunOptions
from commands.usage import UsageError
from domain.market import Quote
from domain.report import plain
from exchanges.transport.setup import AccountSummary
from helpers.journal import Notes

_NOTE = "consent"
_NOBODY = "nobody is at the terminal to agree to trade real money; say --live if you do"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person is asked. `answer` reads one line; `is_terminal`: somebody is there to type it."""

    out: TextIO
    answer: Callable[[], str]
    is_terminal: bool


def require_consent(
    options: RunOptions, network: str, summary: AccountSummary, quote: Quote | None, journal: Notes, desk: Desk
) -> None:
    """Show what is at stake and have it agreed to, unless it was before. Raises `UsageError` without consent."""
    if summary.can_withdraw and not options.allow_withdraw_key:
        raise UsageError(
            "this key can withdraw money; make one that can only trade, or say --allow-withdraw-key if you mean it"
        )
    subject = f"{options.exchange} {network} {options.ticker} {summary.account}"
    # Agreed to for another network or account is not agreed to here, though the files are the same.
    if (journal.note(_NOTE) or "").startswith(f"{subject} "):
        return
    for line in stakes(options, network, summary, quote):
        print(line, file=desk.out)
    if not options.live:
        _ask(options, desk)
    journal.write_note(_NOTE, f"{subject} {'--live' if options.live else 'typed'}")


def check_can_be_asked(options: RunOptions, journal: Notes, desk: Desk) -> None:
    """Before the exchange is spoken to: raises `UsageError` where consent is missing and nobody is there to give it."""
    if journal.note(_NOTE) is None and not options.live and not desk.is_terminal:
        raise UsageError(_NOBODY)


def stakes(options: RunOptions, network: str, summary: AccountSummary, quote: Quote | None) -> list[str]:
    """Venue, network, masked account, balance, permissions and the worst case, one line each."""
    withdraws = {True: "can withdraw", False: "cannot withdraw", None: "withdrawal not shown by the exchange"}
    size = options.quantity * options.max_orders
    worth = "" if quote is None or not quote.is_usable else f", now worth {plain(size * quote.mid)}"
    return [
        "REAL MONEY",
        f"exchange: {options.exchange}, network: {network}, account: {summary.account}",
        f"balance: {plain(summary.balance)} {summary.asset}; key: {withdraws[summary.can_withdraw]}",
        f"worst case: {options.max_orders} x {plain(options.quantity)} = {plain(size)} {options.ticker}{worth}; "
        "there is no stop-loss",
    ]


def _ask(options: RunOptions, desk: Desk) -> None:
    if not desk.is_terminal:
        raise UsageError(_NOBODY)
    print(f"Type {options.ticker} to trade, anything else to leave: ", end="", file=desk.out, flush=True)
    if desk.answer().strip().upper() != options.ticker:
        raise UsageError("not agreed; nothing was traded")

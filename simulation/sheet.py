"""The catalogue of faults that have hit bots of this kind, and what stands for each in the worlds, or where else it is
dealt with. `docs/RELIABILITY.md` prints it; a test holds it against the faults' own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulation.faults.catalogue import FAULTS


@dataclass(frozen=True, slots=True)
class Entry:
    """`elsewhere`: why no fault of the worlds stands for it, or where it is tested besides."""

    number: int
    text: str
    elsewhere: str = ""


_TABLE = (
    Entry(1, "a placement times out, and the order was accepted"),
    Entry(2, "the same, and it fills and leaves the open list before anybody looks"),
    Entry(3, "a transport that repeats placements by itself"),
    Entry(4, "status 200 with an error inside"),
    Entry(5, "a success read as an error"),
    Entry(6, "a refusal shown as cancelled without a fill"),
    Entry(7, "a refusal without words"),
    Entry(8, "post-only refusals in a row, the market running away", "every world with latency has them"),
    Entry(9, "the post-only flag is lost", "S4 is checked on the venue's ledger in every world"),
    Entry(10, "the venue takes only some orders for a while"),
    Entry(11, "expired at once, taken for filled", "venues that answer so do it in every world of theirs"),
    Entry(12, "orders expire before the take-profit is reached"),
    Entry(13, "client ids collide"),
    Entry(14, "a reused client id hides the older order", "S6 in every world; no id is used twice"),
    Entry(15, "lookup by client id stops working after a while"),
    Entry(16, "no margin for an open or a close"),
    Entry(17, "nonces race, or one is lost"),
    Entry(18, "two tasks cover the same fill"),
    Entry(19, "a fill before the acknowledgement of its order"),
    Entry(20, "a fill before the order it belongs to is known"),
    Entry(21, "a fill twice"),
    Entry(22, "fills told again after a restart"),
    Entry(23, "an inferred fill and the real one"),
    Entry(24, "a reading older than an event"),
    Entry(25, "a status that goes backwards"),
    Entry(26, "a fill lost while reconnecting"),
    Entry(27, "a filled size is missing, read as 0", "codec tests: missing is not zero"),
    Entry(28, "a partial fill, then the rest is cancelled", "every world with partial fills"),
    Entry(29, "a partial fill below the minimum", "every world with partial fills; rules_move makes more"),
    Entry(30, "a rule for dust that blocks everything else", "as 29"),
    Entry(31, "a cancel races a fill"),
    Entry(32, "a cancel whose outcome is unknown"),
    Entry(33, "a cancel without its event"),
    Entry(34, "an order missing from the open list"),
    Entry(35, "an open list cut off at a page"),
    Entry(36, "self-trade prevention ends a close"),
    Entry(37, "the venue cancels by itself"),
    Entry(38, "a close that could not be placed is only logged"),
    Entry(39, "a stream that falls silent"),
    Entry(40, "pings answered, events dead"),
    Entry(41, "a refused subscription nobody notices"),
    Entry(42, "a listen key expires"),
    Entry(43, "a control message that cannot be read"),
    Entry(44, "a token expires"),
    Entry(45, "429, then a ban"),
    Entry(46, "a limit shared with somebody else"),
    Entry(47, "maintenance: 503 and a web page"),
    Entry(48, "no name is resolved for a while"),
    Entry(49, "a clock that is wrong"),
    Entry(50, "the loop is blocked"),
    Entry(51, "state touched from another thread", "there are no threads: the ban on ambient calls is a test"),
    Entry(52, "a queue overflows"),
    Entry(53, "a gap in the chain of the book"),
    Entry(54, "a crossed or empty book"),
    Entry(55, "a stale book on a live connection"),
    Entry(56, "a book with its sides swapped"),
    Entry(57, "the tick changes"),
    Entry(58, "the step grows"),
    Entry(59, "the minimum grows"),
    Entry(60, "numbers in scientific notation"),
    Entry(61, "NaN, null, malformed JSON"),
    Entry(62, "an order on the wrong market", "each client serves one contract and compares what comes back"),
    Entry(63, "every placement is refused"),
    Entry(64, "a failed reading becomes a value"),
    Entry(65, "the guard's own check fails"),
    Entry(66, "a fill between two readings"),
    Entry(67, "somebody closes the position by hand"),
    Entry(68, "somebody else's orders on the account"),
    Entry(69, "liquidation", "tests/bot/test_liquidation.py; the twins liquidate in their own tests"),
    Entry(70, "two processes on one account", "the lock: tests of the program with real processes"),
    Entry(71, "a reconciliation that never ends"),
    Entry(72, "funding moves money, not size", "worlds that pass a funding time"),
    Entry(73, "kill -9 between a fill and its close"),
    Entry(74, "a warm start that invents fills"),
    Entry(75, "a difference at start that is only logged"),
    Entry(76, "Ctrl-C in the middle of everything, and twice"),
    Entry(77, "a stop with a partly filled open"),
    Entry(78, "a stop with orders in flight"),
    Entry(79, "a full disk"),
    Entry(80, "a torn last record", "also tests/helpers/test_journal_damage.py: real files, torn at every byte"),
    Entry(81, "a crash loop"),
    Entry(82, "a notifier that hangs", "tests/helpers: messengers run beside, through bounded queues"),
)
SHEET: Mapping[int, Entry] = {entry.number: entry for entry in _TABLE}


def faults_for(number: int) -> tuple[str, ...]:
    """Names of the faults that stand for an entry."""
    return tuple(fault.name for fault in FAULTS if number in fault.covers)


def document() -> str:
    """The table of `docs/RELIABILITY.md`."""
    lines = ["| # | what goes wrong | in the worlds | elsewhere |", "|---|---|---|---|"]
    for number, entry in SHEET.items():
        names = ", ".join(f"`{name}`" for name in faults_for(number))
        lines.append(f"| {number} | {entry.text} | {names} | {entry.elsewhere} |")
    return "\n".join(lines) + "\n"

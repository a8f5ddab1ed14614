"""Checkpoints: copies of what the journal's records add up to, so that a start need not take all of them in again.

A checkpoint is a note beside the records: what state, money and memory know after a certain record, and the numbers of
the records that still concern something alive. The records all stay, and their checksums are all checked at each start;
only reading them one by one is saved. It may be lost at any moment without harm, and nothing is believed of it unless

* its own checksum is right,
* it was made by this very code (a fold that was mended gives another sum), and
* the record it follows stands in this journal, with the same checksum over everything before it.

Otherwise it is passed over, and said, and all records are taken in. Replaying from it gives what replaying from the
start gives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bot.memory
import domain.accounting
import domain.events
import domain.forced
import domain.orders
import domain.recent_ids
import helpers.portrait
import helpers.record_codec
import strategies.take_profit_grid.entries
import strategies.take_profit_grid.open_clock
import strategies.take_profit_grid.orders
import strategies.take_profit_grid.state
from domain.accounting import Accounting
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose
from helpers.journal import Journal
from helpers.portrait import Kinds, PortraitError, draw_portrait, restore_from_portrait
from strategies.take_profit_grid.entries import Entries, Entry
from strategies.take_profit_grid.open_clock import OpenClock
from strategies.take_profit_grid.orders import Claim, ClosePrices, Failures, Order
from strategies.take_profit_grid.state import GridState

_NOTE = "checkpoint"
_MADE_BY = (
    bot.memory,
    domain.accounting,
    domain.events,
    domain.forced,
    domain.orders,
    domain.recent_ids,
    helpers.portrait,
    helpers.record_codec,
    strategies.take_profit_grid.entries,
    strategies.take_profit_grid.open_clock,
    strategies.take_profit_grid.orders,
    strategies.take_profit_grid.state,
)
"""The modules whose code decides what records add up to."""
_KINDS = Kinds(
    (
        Side,
        Purpose,
        OrderStatus,
        OrderFact,
        *domain.accounting.KNOWN_CLASSES,
        Order,
        Claim,
        Failures,
        ClosePrices,
        Entry,
        Entries,
        OpenClock,
    )
)


class CheckpointUnusable(Exception):
    """There is a checkpoint, and it must not be believed. The message goes on from "the checkpoint is passed over:"."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`seq`: the last record it takes in. `living`: the numbers of the records up to it that concern something alive.
    """

    seq: int
    living: frozenset[int]


def code_version() -> str:
    """A name for the code that adds records up: any change of it gives another."""
    digest = hashlib.blake2b(digest_size=8)
    for module in _MADE_BY:
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()


def write_checkpoint(journal: Journal, folds: Mapping[str, object], living: list[int], version: str) -> None:
    """Note what the folds know now. Everything they took in is in the journal. Raises `JournalUnwritable`."""
    body = json.dumps(living) + "\n" + draw_portrait(folds, _KINDS)
    journal.write_note(_NOTE, f"{version} {journal.mark()} {_checksum(body)}\n{body}")


def restore_checkpoint(journal: Journal, folds: Mapping[str, object], version: str) -> Checkpoint | None:
    """Give fresh folds what the newest checkpoint holds; None where there is none.

    Raises `CheckpointUnusable`, and has changed nothing then; `JournalDamaged`.
    """
    text = journal.note(_NOTE)
    if text is None:
        return None
    head, _, body = text.partition("\n")
    words = head.split(" ")
    if len(words) != 3 or words[2] != _checksum(body):
        raise CheckpointUnusable("it is damaged")
    if words[0] != version:
        raise CheckpointUnusable("another version of this program made it")
    seq = journal.find(words[1])
    if seq is None:
        raise CheckpointUnusable("it does not belong to these records")
    numbers, _, portrait = body.partition("\n")
    try:
        living = frozenset(int(number) for number in json.loads(numbers))
        restore_from_portrait(portrait, folds, _KINDS)
    except (PortraitError, ValueError, TypeError) as error:
        raise CheckpointUnusable(str(error)) from None
    return Checkpoint(seq, living)


def folds_of(state: GridState, accounting: Accounting, memory: bot.memory.Memory) -> dict[str, object]:
    """What a checkpoint holds, by name."""
    return {"state": state, "accounting": accounting, "memory": memory}


def _checksum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

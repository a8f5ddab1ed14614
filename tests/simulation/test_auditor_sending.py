"""S8, S11 to S13, S15 to S17: what the bot sends and says, and when it may not."""

from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

import pytest

from domain.events import HaltCleared, Halted, OrderUpdate, RulesChanged, SessionStarted
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from domain.status import NoticeKind
from simulation.auditor import Deadlines
from simulation.observed import (
    BookHeld,
    Carried,
    DiskTrouble,
    Disturbed,
    Frozen,
    LifeBegan,
    LifeEnded,
    Observation,
    OutsideChange,
    RateLimited,
    RequestKind,
    Sent,
    Shown,
    Stalled,
    VenueOrder,
    VenueQuote,
    VenueRules,
    Weather,
)
from tests.support.told import BEGAN_NS, RULES, Told, running, violation

# --- S8: rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "price, quantity, why",
    [
        ("100.005", "0.1", "price 100.005 is not a multiple of the tick 0.01"),
        ("100", "0.1005", "quantity 0.1005 is not a multiple of the step 0.001"),
        ("100", "0.009", "quantity 0.009 is below the minimum 0.01"),
        ("NaN", "0.1", "price NaN is not positive"),
        ("100", "NaN", "quantity NaN is not positive"),
    ],
)
def test_an_order_that_breaks_the_rules_is_found(price: str, quantity: str, why: str) -> None:
    told = running().at(1).send(1, price, quantity, is_open=True)
    assert told.violations[1:] == [violation(1, "S8", f"open 1: {why}")]


def test_an_order_below_the_smallest_worth_is_found() -> None:
    told = running(rules=replace(RULES, min_notional=Decimal("10.01"))).at(1).intend(1, "100", entry=1)
    told.send(1, "100", is_open=True)
    assert told.violations == [violation(1, "S8", "open 1: notional 10.0 is below the minimum 10.01")]


def coarser() -> VenueRules:
    return VenueRules(replace(RULES, tick_size=Decimal("0.5")))


def off_tick(told: Told, client_id: int) -> Told:
    return told.intend(client_id, "100.1", entry=1).send(client_id, "100.1", is_open=True).hear_end(
        client_id, OrderFact.REFUSED
    )


def test_rules_that_the_bot_cannot_know_yet_may_be_broken_for_a_while() -> None:
    told = off_tick(running().at(100).see(coarser()), 1)
    assert off_tick(told.at(129), 2).violations == []


def test_rules_once_broken_must_be_known_after_a_while() -> None:
    told = off_tick(running().at(100).see(coarser()).at(500), 1)
    told = off_tick(told.at(531), 2)
    assert told.violations == [violation(531, "S8", "open 2: price 100.1 is not a multiple of the tick 0.5")]


def test_an_order_that_no_rules_ever_allowed_is_found_at_once() -> None:
    told = running().at(100).see(coarser()).intend(1, "100.001", entry=1).send(1, "100.001", is_open=True)
    assert told.violations == [violation(100, "S8", "open 1: price 100.001 is not a multiple of the tick 0.5")]


def test_dust_by_the_worth_of_a_close_is_not_owed() -> None:
    rules = replace(RULES, min_notional=Decimal(5))
    told = running(rules=rules).at(1).open(1).at(2).fill(1, "0.04").at(3).cancel(1).at(60)
    assert told.stop().ended().end() == []


def test_quantity_that_new_rules_made_dust_is_not_owed_by_those_the_bot_knows() -> None:
    coarse = replace(RULES, min_quantity=Decimal("0.05"))
    told = running().at(1).see(VenueRules(coarse)).write(RulesChanged(0, coarse))
    assert told.open(1).at(2).fill(1, "0.04").at(3).cancel(1).at(60).stop().ended().end() == []


# --- S11: guard -----------------------------------------------------------------------------------------------------


def test_an_open_after_a_halt_is_found() -> None:
    told = running().see(OutsideChange("bought by hand")).at(1).write(Halted(0, "why")).say(NoticeKind.HALT)
    told.intend(1, "100", entry=1).send(1, "100", is_open=True)
    assert told.violations == [violation(1, "S11", "open 1 was sent although the bot has halted")]


def test_a_close_after_a_halt_and_an_open_after_its_end_are_allowed() -> None:
    told = running().at(1).open(1).fill(1).see(OutsideChange("bought by hand")).write(Halted(0, "why"))
    told.say(NoticeKind.HALT).close(2, 1).at(2).write(HaltCleared(0, "gone")).open(3)
    assert told.violations == []


def test_a_halt_without_any_mismatch_is_found() -> None:
    told = running().at(1).covered_entry(1).at(2).write(Halted(0, "they differ")).say(NoticeKind.HALT)
    assert told.violations == [violation(2, "S11", "halted, and position and closes agree: they differ")]


def bare(told: Told) -> Told:
    """Three entries whose closes the venue has taken away: a gap of 0.3, more than twice the quantity."""
    told.at(1).covered_entry(1).covered_entry(3).covered_entry(5).at(10)
    for client_id in (2, 4, 6):
        told.venue_ends(client_id).hear_end(client_id)
    return told


PATIENT = Deadlines(cover_s=10_000, again_s=10_000, recover_s=10_000)


def test_a_halt_over_a_real_mismatch_is_right() -> None:
    told = bare(running(deadlines=PATIENT)).at(30).write(Halted(0, "they differ")).say(NoticeKind.HALT)
    assert told.violations == []


def test_an_open_over_a_lasting_mismatch_is_found() -> None:
    told = bare(running(deadlines=PATIENT, max_orders=4)).at(41).intend(7, "100", entry=7)
    told.send(7, "100", is_open=True)
    assert told.violations == [
        violation(41, "S11", "open 7 was sent although position and closes differ by 0.3"),
    ]


def test_an_open_over_a_mismatch_that_the_bot_could_not_see_yet_is_allowed() -> None:
    told = bare(running(deadlines=PATIENT, max_orders=4)).see(Weather(False)).at(100).see(Weather(True)).at(129)
    assert told.intend(7, "100", entry=7).send(7, "100", is_open=True).violations == []


def test_a_halt_cleared_while_the_mismatch_remains_is_found() -> None:
    told = bare(running(deadlines=PATIENT)).at(30).write(Halted(0, "they differ")).say(NoticeKind.HALT)
    told.at(31).write(HaltCleared(0, "all is well"))
    expected = "the halt was cleared while position and closes differ by 0.3"
    assert told.violations == [violation(31, "S11", expected)]


def test_an_open_before_the_account_was_looked_at_is_found() -> None:
    told = running().at(1).killed().at(5).see(LifeBegan(2)).see(Sent(RequestKind.READ, "position"))
    told.intend(1, "100", entry=1).send(1, "100", is_open=True)
    expected = "open 1 was sent before the account was looked at: open_orders"
    assert told.violations == [violation(5, "S11", expected)]


# --- S12: ownership -------------------------------------------------------------------------------------------------


def foreign_order() -> VenueOrder:
    return VenueOrder(
        "f1", None, Side.BUY, Decimal(90), Decimal(1), Decimal(0), is_live=True, post_only=False, reduce_only=False
    )


@pytest.mark.parametrize("named", [{"order_id": "f1"}, {"order_id": "f1", "client_id": 1}, {"client_id": 77}])
def test_cancelling_what_is_not_its_own_is_found(named: dict[str, object]) -> None:
    told = running().at(1).open(1).see(foreign_order()).see(Sent(RequestKind.CANCEL, "cancel", **named))  # type: ignore[arg-type]
    name = named.get("order_id", 77)
    assert told.violations == [violation(1, "S12", f"order {name}, which is not its own, was cancelled")]


@pytest.mark.parametrize("word, is_found", [("cancelled_by_owner", True), ("expired", False), ("liquidation", False)])
def test_somebody_elses_order_that_ends_by_a_cancel_is_found_whatever_the_cancel_named(
    word: str, *, is_found: bool
) -> None:
    told = running().at(1).open(1).see(foreign_order()).see(Sent(RequestKind.CANCEL, "cancel", 1, "wire 3"))
    told.see(replace(foreign_order(), is_live=False, word=word))
    found = violation(1, "S12", "somebody else's order f1 was cancelled")
    assert told.violations == ([found] if is_found else [])


@pytest.mark.parametrize("named", [{"order_id": "v1"}, {"client_id": 1}])
def test_cancelling_its_own_is_allowed_by_either_name(named: dict[str, object]) -> None:
    told = running().at(1).see(foreign_order()).open(1).see(Sent(RequestKind.CANCEL, "cancel", **named))  # type: ignore[arg-type]
    assert told.violations == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_was_sent_while_the_disk_was_full_is_its_own_though_the_venue_names_it_otherwise(is_killed: bool) -> None:
    told = running().at(1).see(foreign_order()).open(1).fill(1).see(DiskTrouble(is_on=True))
    told.send(2, "101", is_open=False).rest(2, "101", is_open=False)
    if is_killed:
        told.killed().at(2).began(2)
    told.see(Sent(RequestKind.CANCEL, "cancel", 2, "wire 2"), Sent(RequestKind.CANCEL, "cancel", 2))
    assert told.violations == []


@pytest.mark.parametrize("named", [{"order_id": "wire 3", "client_id": 3}, {"order_id": "f1", "client_id": 2}])
def test_a_full_disk_makes_nothing_else_its_own(named: dict[str, object]) -> None:
    told = running().at(1).see(foreign_order()).open(1).fill(1).see(DiskTrouble(is_on=True))
    told.send(2, "101", is_open=False).rest(2, "101", is_open=False)
    told.see(Sent(RequestKind.CANCEL, "cancel", **named))  # type: ignore[arg-type]
    text = f"order {named['order_id']}, which is not its own, was cancelled"
    assert told.violations == [violation(1, "S12", text)]


# --- S13: single writer ---------------------------------------------------------------------------------------------


def test_a_second_process_that_sends_an_order_is_found() -> None:
    told = running().at(1).see(LifeBegan(2)).intend(1, "100", entry=1).send(1, "100", is_open=True, life=2)
    assert told.violations == [violation(1, "S13", "life 2 sent a place while life 1 was alive")]


def test_a_second_process_that_is_refused_harms_nobody() -> None:
    told = running().at(1).see(LifeBegan(2), LifeEnded(2, 2, "another process trades here", ()))
    assert told.open(1).at(2).stop().cancel(1).ended().end() == []


def test_a_request_after_the_end_is_found() -> None:
    told = running().at(1).stop().ended().look()
    assert told.violations == [
        violation(1, "S13", "open_orders was sent while no bot lived"),
        violation(1, "S13", "position was sent while no bot lived"),
    ]


# --- S15: staleness -------------------------------------------------------------------------------------------------


def test_an_open_from_an_old_book_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1)
    told.send(1, "100", is_open=True, book_age_ns=15 * NANOSECONDS + 1)
    assert told.violations == [violation(1, "S15", "open 1 was priced from a book 15000000001 ns old")]


def test_an_open_from_a_book_of_the_greatest_age_and_a_close_from_any_are_allowed() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True, book_age_ns=15 * NANOSECONDS)
    told.rest(1, "100", is_open=True).fill(1).intend(2, "101", parts=((1, "0.1"),))
    assert told.send(2, "101", is_open=False, book_age_ns=10**12).violations == []


@pytest.mark.parametrize(
    "book", [VenueQuote(None, None), VenueQuote(Decimal(101), Decimal(100)), VenueQuote(Decimal(100), Decimal(100))]
)
def test_an_open_from_a_crossed_or_empty_book_is_found(book: VenueQuote) -> None:
    told = running().at(1).see(book).at(3.5).intend(1, "100", entry=1)
    sent = Sent(
        RequestKind.PLACE, "place", 1, None, Side.BUY, Decimal(100), Decimal("0.1"), post_only=True, reduce_only=False
    )
    told.see(book, sent)
    assert told.violations == [violation(3.5, "S15", "open 1 was priced from a crossed or empty book")]


def test_a_book_that_was_crossed_for_a_moment_or_is_whole_again_is_allowed() -> None:
    crossed = VenueQuote(Decimal(101), Decimal(100))
    told = running().at(1).see(crossed).at(2).intend(1, "100", entry=1)
    told.see(Sent(RequestKind.PLACE, "place", 1, None, Side.BUY, Decimal(100), Decimal("0.1"), post_only=True))
    assert told.at(10).send(1, "100", is_open=True).violations == []


@pytest.mark.parametrize(
    "circumstance, is_excused",
    [
        (Disturbed(None), True),
        (Disturbed(1), False),
        (Stalled(is_stalled=True), True),
        (Frozen(BEGAN_NS + 9 * NANOSECONDS), True),
        (BookHeld(BEGAN_NS + 9 * NANOSECONDS), True),
        (BookHeld(BEGAN_NS + 6 * NANOSECONDS), False),
        (Weather(False), False),
    ],
)
def test_a_book_that_nobody_could_see_cross_is_allowed(circumstance: Observation, is_excused: bool) -> None:
    crossed = VenueQuote(Decimal(101), Decimal(100))
    told = running().at(1).see(crossed).at(8).see(circumstance).at(9).intend(1, "100", entry=1)
    told.see(crossed, Sent(RequestKind.PLACE, "place", 1, None, Side.BUY, Decimal(100), Decimal("0.1"), post_only=True))
    found = [violation(9, "S15", "open 1 was priced from a crossed or empty book")]
    assert told.violations == ([] if is_excused else found)


# --- S16: secrets ---------------------------------------------------------------------------------------------------

SECRET = "s3cr3t/Canary+Key=="
HEX_SECRET = "0x8f4e1b0c5d6a79e2d3c4"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET[:10],
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        quote(SECRET, safe=""),
        *(base64.b64encode(b"x" * offset + SECRET.encode() + b"y").decode() for offset in range(4)),
        *(base64.urlsafe_b64encode(b"\xff" * offset + SECRET.encode()).decode() for offset in range(4)),
        HEX_SECRET,
        HEX_SECRET[2:],
        base64.b64encode(bytes.fromhex(HEX_SECRET[2:])).decode(),
    ],
)
def test_a_secret_shows_in_any_form(shown: str) -> None:
    told = running(secrets=(SECRET, HEX_SECRET)).at(1).say(NoticeKind.INFO, f"failed: {shown}!")
    assert told.violations == [violation(1, "S16", "a secret shows in a notice (info)")]


def test_a_secret_shows_in_a_record_or_the_last_line() -> None:
    told = running(secrets=(SECRET,)).at(1).open(1).at(2).venue_ends(1).hear_end(1, reason=f"bad key {SECRET}")
    told.write(SessionStarted(0, SECRET)).stop().ended(reason=SECRET)
    assert told.violations == [
        violation(2, "S16", "a secret shows in a record (OrderUpdate)"),
        violation(2, "S16", "a secret shows in a record (SessionStarted)"),
        violation(2, "S16", "a secret shows in the last line"),
    ]


def test_a_secret_shows_in_a_log_file() -> None:
    told = running(secrets=(SECRET,)).at(1).see(Shown("the activity log", f"12:00 INFO started\n12:01 INFO {SECRET}\n"))
    assert told.violations == [violation(1, "S16", "a secret shows in the activity log")]


@pytest.mark.parametrize("letter", ["\x1b", "\x00", "\r", "\x7f", "\x9b", "\u202e"])
def test_what_a_terminal_could_obey_shows_in_a_log_file(letter: str) -> None:
    told = running().at(1).see(Shown("the activity log", f"12:00 INFO refused: a{letter}b\n"))
    assert told.violations == [violation(1, "S16", f"an unescaped {letter!r} shows in the activity log")]


def test_a_venues_megabyte_shows_in_a_log_file_or_is_kept() -> None:
    told = running().at(1).open(1).see(Shown("the activity log", f"12:00 INFO {'A' * 5_000}\n"))
    told.write(OrderUpdate(0, 1, OrderFact.ACCEPTED, "v1", reason="A" * 2_001))
    assert told.violations == [
        violation(1, "S16", "a line of 5011 characters shows in the activity log"),
        violation(1, "S16", "a text of 2001 characters is kept in a record (OrderUpdate)"),
    ]


def test_lines_of_escaped_text_show_freely() -> None:
    told = running().at(1).see(Shown("the activity log", "12:00 INFO refused: \\x1b[2J\n12:01 INFO ✓ Größe\n"))
    assert told.violations == []


def test_what_is_no_secret_shows_freely() -> None:
    told = running(secrets=(SECRET, HEX_SECRET)).at(1).say(NoticeKind.INFO, "s3cr3t was not shown").open(1).at(2)
    told.write(OrderUpdate(0, 1, OrderFact.ACCEPTED, "v1", reason="0x8f4e1b")).say(NoticeKind.INFO, SECRET[:9])
    assert told.violations == []


def test_a_canary_too_short_to_mean_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than eight"):
        Told(secrets=("short",))


# --- S17: rate ------------------------------------------------------------------------------------------------------


def test_what_leaves_before_the_venues_limit_ends_is_found() -> None:
    told = running().at(1).see(RateLimited(BEGAN_NS + 5 * NANOSECONDS)).at(4).see(Carried("GET /orders"))
    assert told.violations == [violation(4, "S17", "GET /orders left 1000000000 ns before the venue's limit ends")]


def test_what_waits_for_the_end_of_the_limit_and_what_a_new_life_sends_is_allowed() -> None:
    told = running().at(1).see(RateLimited(BEGAN_NS + 5 * NANOSECONDS)).at(5).see(Carried("GET /orders"))
    told.see(RateLimited(BEGAN_NS + 60 * NANOSECONDS)).killed().at(20).began(2).see(Carried("GET /orders"))
    assert told.violations == []

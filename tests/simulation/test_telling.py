"""What many worlds add up to, and how one that broke is told."""

from __future__ import annotations

import json
from decimal import Decimal

from domain.events import Fill, Liquidity, OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import Purpose
from simulation.observed import Observation, VenueFill, VenueOrder, Violation, Written
from simulation.plan import START_NS
from simulation.run import WorldResult
from simulation.timeline import timeline
from simulation.totals import Totals, table

D = Decimal
HOUR_NS = 3_600 * NANOSECONDS


def result(seed: int, exchange: str, *, broken: bool = False, fired: int = 0, cover_s: float = 0.25) -> WorldResult:
    return WorldResult(
        seed,
        exchange,
        "trace",
        (Violation(START_NS, "L1", "bare"),) if broken else (),
        2 * HOUR_NS,
        3,
        500,
        {"kill": fired} if fired else {},
        {"kill": tuple(range(fired))},
        (round(cover_s * NANOSECONDS),) * 2,
        recovery_times_ns=(4 * NANOSECONDS,) if fired else (),
        stall_times_ns=(15 * NANOSECONDS, 20 * NANOSECONDS) if fired else (),
        hindered_stall_times_ns=(31 * NANOSECONDS,) if fired else (),
        requests=30,
        requests_of={"place": 14, "open_orders": 16},
        on_wire=0 if exchange == "paper" else 45,
        entries=5,
    )


def test_totals_add_up_and_survive_a_file() -> None:
    totals = Totals()
    for each in (result(1, "paper"), result(2, "paper", fired=4), result(3, "other", broken=True, cover_s=3.5)):
        totals.add(each)
    again = Totals.from_json(json.loads(json.dumps(totals.to_json())))
    assert again == totals
    assert (again.worlds, again.lives, again.entries, again.bad_seeds) == (3, 9, 15, [3])
    assert again.whole_cover().line() == "median 0.25 s, worst 3.50 s (seed 3)"
    assert (again.cover["paper"].count, again.recovery.worst_s, again.stalls.median_s) == (4, 4.0, 15.0)


def test_the_table_names_what_never_struck_and_counts_requests_of_quiet_worlds() -> None:
    totals = Totals()
    totals.add(result(1, "paper"))
    totals.add(result(2, "paper", fired=4))
    totals.add(result(3, "other", cover_s=1.001))
    assert table(totals, ["kill", "disk_full"]) == [
        "worlds          3 (other 1, paper 2; two hours 3)",
        "simulated       6.0 h, 9 processes, 1,500 loop steps",
        "trading         15 entries filled, 90 requests",
        "time to cover   median 0.25 s, worst 1.01 s (seed 3), from when it could be known",
        "  other         median 1.01 s, worst 1.01 s (seed 3)",
        "  paper         median 0.25 s, worst 0.25 s (seed 1)",
        "found out       median 4.00 s, worst 4.00 s (seed 2), "
        "after a start, an outage, a disturbed message, or the end of a close",
        "stalled streams median 15.00 s, worst 20.00 s (seed 2), until replaced and the account looked at",
        "  and more      median 31.00 s, worst 31.00 s (seed 2), where another message was disturbed too",
        "undisturbed     0 halts; 6.0 requests per filled entry with looks and starts:",
        "                open_orders 3.2, place 2.8",
        "  on the wire   9.0 per filled entry, with times, logins and everything else",
        "",
        "fault                     struck   worlds",
        "kill                           4        1",
        "never struck: disk_full",
        "",
        "violations      none",
    ]


def test_the_timeline_shows_where_venue_and_journal_part() -> None:
    intended = OrderIntended(START_NS, 7, Purpose.OPEN, Side.BUY, D(100), D(1), 1)
    fill = Fill(START_NS, 7, "1", "5", Side.BUY, D(100), D(1), D(0), Liquidity.MAKER, START_NS)
    story: list[tuple[int, Observation]] = [
        (START_NS, Written(1, intended, is_synced=True)),
        (START_NS + NANOSECONDS, VenueFill("5", "1", 7, Side.BUY, D(100), D(1), D(0), is_maker=True)),
        (START_NS + 2 * NANOSECONDS, Written(2, fill, is_synced=False)),
        (
            START_NS + 3 * NANOSECONDS,
            VenueOrder("2", 8, Side.SELL, D(101), D(1), D(0), is_live=True, post_only=True, reduce_only=True),
        ),
    ]
    lines = timeline(story, [Violation(START_NS + 4 * NANOSECONDS, "S3", "too many closes")], Side.BUY)
    assert [line[:60].rstrip() for line in lines[1:5]] == [
        "     0.000  P 0 K 0                   P 0 K 0",
        "     1.000  P 1 K 0                <> P 0 K 0",
        "     2.000  P 1 K 0                   P 1 K 0",
        "     3.000  P 1 K 1                <> P 1 K 0",
    ]
    assert lines[5] == "     4.000  !! S3: too many closes"

"""Any market, any mix of faults, any kills: the auditor stays content, and once healed the bot is covered."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.events import VenueEvent
from domain.market import Side
from domain.stop import StopMode
from exchanges.paper.world import StreamDelays
from tests.support.bot import Rig
from tests.support.faults import Call, Deliveries, Fate, no_fault, on_time
from tests.support.tape import ScriptedMarket, Tick, bought, quote, sold

STORM_S = 240.0
HEALED_S = 200.0
WRITE_FATES = (Fate.NOT_SENT, Fate.REQUEST_LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.HANGS, Fate.REFUSED)


def random_market(chance: Random) -> ScriptedMarket:
    """A touch that wanders by a few ticks, and trades on both sides of it."""
    now_s, bid, spread = 0.0, 1_000, chance.choice([1, 3, 3, 6])
    ticks: list[Tick] = [quote(0, bid, bid + spread)]
    while now_s < STORM_S + 60:
        now_s += chance.expovariate(0.5)
        move = chance.random()
        if move < 0.4:
            bid = max(500, bid + chance.choice([-4, -2, -1, -1, 1, 1, 2, 4]))
            ticks.append(quote(now_s, bid, bid + spread, chance.randint(1, 50), chance.randint(1, 50)))
        elif move < 0.7:
            ticks.append(sold(now_s, bid - chance.choice([0, 0, 1]), chance.randint(1, 30)))
        else:
            ticks.append(bought(now_s, bid + spread + chance.choice([0, 0, 1]), chance.randint(1, 30)))
    ticks.append(quote(now_s + 10_000, bid, bid + spread))
    return ScriptedMarket(ticks)


class Storm:
    """What goes wrong, drawn anew for each story: often, seldom, or never, for each kind of fault by itself."""

    def __init__(self, rig: Rig, chance: Random) -> None:
        self._rig = rig
        self._chance = chance
        self.writes, self.reads, self.late, self.twice, self.dropped, self.disk = (
            chance.choice((0.0, 0.0, 0.03, 0.3)) for _ in range(6)
        )
        rig.line.fate_of = self.fate_of
        rig.line.deliver = self.deliver
        rig.journal.refuses = lambda _number, _records: rig.now_s > 1 and chance.random() < self.disk / 3

    def fate_of(self, call: Call) -> Fate:
        if not self._rig.journal.last_seq:
            return Fate.PASSES
        if call.kind in ("place", "cancel"):
            return self._chance.choice(WRITE_FATES) if self._chance.random() < self.writes else Fate.PASSES
        return Fate.REQUEST_LOST if self._chance.random() < self.reads else Fate.PASSES

    def deliver(self, event: VenueEvent) -> Deliveries:
        chance = self._chance
        if chance.random() < self.dropped / 3:
            return []
        delay_s = chance.uniform(0, 4) if chance.random() < self.late else 0.0
        again = [(delay_s + chance.uniform(0, 9), event)] if chance.random() < self.twice else []
        return [(delay_s, event), *again]

    def heal(self) -> None:
        self._rig.line.fate_of = no_fault
        self._rig.line.deliver = on_time
        self._rig.journal.refuses = lambda _number, _records: False


def live_through_a_storm(rig: Rig, chance: Random) -> None:
    storm = Storm(rig, chance)
    rig.start()
    for _ in range(chance.choice([1, 1, 3])):
        for _ in range(chance.choice([0, 0, 2])):
            begins_s = chance.uniform(rig.now_s, STORM_S)
            rig.at(begins_s, rig.client.lose_streams)
            rig.at(begins_s + chance.uniform(0.01, 20), rig.client.restore_streams)
        rig.run_to(chance.uniform(rig.now_s, STORM_S))
        if chance.random() < 0.4:
            rig.kill()
            if chance.random() < 0.3:
                rig.journal.lose_power()
            rig.downtime(chance.choice([0.001, 1, 30]))
            rig.start()
    rig.run_to(STORM_S)
    storm.heal()
    # As after any disturbance of a real connection, the venue is asked once it is back.
    rig.at(rig.now_s + 1, rig.client.lose_streams)
    rig.at(rig.now_s + 2, rig.client.restore_streams)


@given(st.integers(0, 2**32))
def test_any_storm_ends_covered_and_counted_to_the_last_digit(seed: int) -> None:
    chance = Random(seed)
    direction = chance.choice(list(Side))
    delays = StreamDelays(*(chance.choice([1, 50, 400]) * 1_000_000 for _ in range(4)))
    with Rig(
        random_market(chance),
        direction=direction,
        max_orders=chance.randint(1, 4),
        wait_time=chance.choice([4, 40]),
        delays=delays,
        reduce_only=chance.random() < 0.5,
    ) as rig:
        live_through_a_storm(rig, chance)
        rig.run_for(HEALED_S)
        assert rig.bot.state.halted is None
        rig.check_covered()
        rig.check_money()
        mode = chance.choice(list(StopMode))
        rig.auditor.allows_exits = mode is StopMode.FLATTEN
        outcome = rig.stop(mode)
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        rig.check()
        rig.check_money()

"""The paper exchange: a simulated venue behind latency, in virtual time, with the interface of every other client."""

from __future__ import annotations

from domain.clock import Clock
from exchanges.paper.client import PaperClient
from exchanges.paper.world import PaperWorld, StreamDelays, open_world
from markets.account import AccountTerms
from markets.store import AccountStore
from markets.tape import MarketSource

__all__ = ["LOOK_EVERY_S", "PaperClient", "PaperWorld", "StreamDelays", "open_paper", "open_world"]

LOOK_EVERY_S = 14_400
"""For `BotSettings.look_every_s`: no message is ever lost here and nobody else trades on the account, so that a look
that nothing calls for could only repeat what is known. Looks that something calls for happen at once, as anywhere.
"""


def open_paper(
    source: MarketSource,
    terms: AccountTerms,
    ledger: AccountStore | None,
    clock: Clock,
    latency_ns: int,
    delays: StreamDelays | None = None,
) -> tuple[PaperWorld, PaperClient]:
    """A world with one account on one market, and a client of it. `ledger` None: an account in memory only.

    `clock` is that of the virtual loop that lives in the world: `VirtualTimeLoop(world.now_ns)`, `loop.live_in(world)`.
    On a continued account it begins at the time of the ledger.
    """
    world = open_world(source, terms, ledger, latency_ns, delays)
    return world, PaperClient(world, clock)

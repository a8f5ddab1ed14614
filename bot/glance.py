"""A glance: the position alone, so that what a close gave back need not wait for a look at everything."""

from __future__ import annotations

from bot.inquiry import Inquiry
from strategies.take_profit_grid.guards import Look

_MOST_READINGS = 2


async def glance(inquiry: Inquiry) -> Look | None:
    """The position, where it is what the known own trades make of it, or where the trades since then hold none that was
    unknown: then others traded, and it stands. None: neither, or it lets nothing be covered. Raises `Unavailable`.
    """
    state = inquiry.state
    for _ in range(_MOST_READINGS):
        started_ns, moves = inquiry.clock.now_ns(), inquiry.moves()
        position = await inquiry.client.get_account_positions()
        own = (position - state.foreign_position) * state.side.sign
        if own != state.own and moves == inquiry.moves():
            if min(own, state.own) <= state.covered:
                return None
            stands = not await inquiry.has_missed_trades() and moves == inquiry.moves()
        else:
            stands = own == state.own
        if stands:
            return Look(started_ns, inquiry.clock.now_ns(), own, state.covered, state.own)
    return None

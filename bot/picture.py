"""One frozen picture of the bot, for views and reports."""

from __future__ import annotations

from bot.ending import resting_closes
from domain.accounting import Accounting
from domain.commands import Decision
from domain.market import Quote
from domain.status import BotStatus, LiveOrder, Phase
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.state import GridState, Order


def picture(
    config: TradingConfig,
    state: GridState,
    accounting: Accounting,
    decision: Decision | None,
    quote: Quote | None,
    *,
    now_ns: int,
    phase: Phase,
    mode: str,
    connected_since_ns: int | None,
    reason: str,
) -> BotStatus:
    """What the bot is and does now. O(live orders)."""
    return BotStatus(
        now_ns=now_ns,
        phase=phase,
        exchange=config.exchange,
        ticker=config.ticker,
        mode=mode,
        direction=config.direction,
        connected_since_ns=connected_since_ns,
        quote=quote,
        position=state.own * state.side.sign,
        foreign_position=state.foreign_position,
        covered=resting_closes(state),
        open_entries=len(state.unclosed),
        max_orders=config.max_orders,
        orders=tuple(_shown(order) for order in state.live.values()),
        money=accounting.statement(quote.mid if quote is not None and quote.is_usable else None),
        next_action=_next_action(phase, decision),
        holds=() if decision is None or phase is Phase.ENDED else decision.holds,
        reason=reason,
    )


def start_text(config: TradingConfig, state: GridState, mode: str, *, continues: bool) -> str:
    """What is told at the start of a session."""
    text = (
        f"{config.exchange} {config.ticker}: {config.direction.value} {config.quantity}, "
        f"take-profit {config.take_profit} %, up to {config.max_orders} entries ({mode})"
    )
    if continues:
        text += f"; continuing with own position {state.own} and {len(state.live)} live orders"
    if state.halted is not None:
        text += f"; the last session halted: {state.halted}"
    return text


def _next_action(phase: Phase, decision: Decision | None) -> str:
    if phase is Phase.ENDED:
        return "nothing: the session has ended"
    return "connect and ask the venue" if decision is None else decision.next_action


def _shown(order: Order) -> LiveOrder:
    return LiveOrder(
        order.client_id,
        order.order_id,
        order.purpose,
        order.side,
        order.price,
        order.quantity,
        order.filled,
        order.status,
        order.intended_ns,
    )

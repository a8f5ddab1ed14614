"""How a session of the bot runs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.recorder import CHECKPOINT_EVERY
from domain.stop import StopMode


@dataclass(frozen=True, slots=True)
class BotSettings:
    """How a session runs; none of it changes what the strategy wants."""

    mode: str
    """What is shown to people: "paper, 4 x real time", "live, mainnet"."""
    on_stop: StopMode = StopMode.KEEP
    run_for_ns: int | None = None
    """Stop by itself after this much of the bot's own time."""
    look_every_s: int = 60
    """Seconds between looks at the venue that nothing calls for: so long a lost event can stay unnoticed at most."""
    checkpoint_every: int = CHECKPOINT_EVERY
    """Records after which the journal gets a new checkpoint."""
    watches_lag: bool = False
    """Whether the market goes on while the event loop stands still, so that nothing is opened after it did."""

"""Every mutant there is."""

from __future__ import annotations

from tests.mutants import of_the_bot, of_the_clients, of_the_strategy
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*of_the_bot.MUTANTS, *of_the_strategy.MUTANTS, *of_the_clients.MUTANTS)

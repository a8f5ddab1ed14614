"""Real processes on real sockets, killed at random moments: the exchange's books, the auditor's and the bot's agree.

The longer version, with every exchange and many seeds: `make real-processes`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.processes.series import killed_again_and_again
from tests.processes.venue import Asked

KILLS = 5


@pytest.mark.parametrize("seeds", [{"backpack": 1, "paradex": 2}], ids=lambda seeds: "+".join(seeds))
async def test_every_fill_is_covered_once_whenever_the_process_was_killed(
    tmp_path: Path, seeds: dict[str, int]
) -> None:
    """Both exchanges at the same time: their sessions are mostly waiting."""
    folders = {exchange: tmp_path / exchange for exchange in seeds}
    for folder in folders.values():
        folder.mkdir()
    series = [killed_again_and_again(folders[name], Asked(name, seed), KILLS, 3.0) for name, seed in seeds.items()]
    for told in await asyncio.gather(*series):
        assert told.wrong == [], "\n".join([told.asked.exchange, *map(str, told.moments), *told.wrong])
        assert (told.kills, told.fills > 0) == (KILLS, True)

"""A full disk, really full: nothing is opened, closes go on, people are told, and afterwards the books agree."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.processes.full_disk import HOWS, small, why_not


async def test_what_a_full_disk_left_is_found_and_the_books_agree(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(f"no small file system can be mounted here: {reason}")
    folders = {how: tmp_path / how for how in HOWS}
    for folder in folders.values():
        folder.mkdir()
    found = await asyncio.gather(
        *(asyncio.to_thread(small, folder, "backpack", 5, how) for how, folder in folders.items())
    )
    assert dict(zip(folders, found, strict=True)) == {how: [] for how in HOWS}

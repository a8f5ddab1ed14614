"""Knowing a repetition among the last ids seen, in bounded memory."""

from __future__ import annotations


class RecentIds:
    def __init__(self, size: int) -> None:
        """`size`: how many ids are remembered."""
        self._size = size
        self._ids: dict[tuple[str, ...], None] = {}

    def is_new(self, *key: str) -> bool:
        if key in self._ids:
            return False
        self._ids[key] = None
        if len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]
        return True

"""What a client remembers of orders beside the bot: for as long as they live, and a while longer for late news."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Note = TypeVar("Note")

_ENDED = 2_000
"""Ended orders that are remembered. A venue's late news spans seconds; this spans hours."""
_LIVE = 20_000
"""Far above what any venue lets rest; beyond it an end was missed, and the oldest is taken for ended."""


class OrderMemory(Generic[Key, Note]):
    """Notes by key. What lives is never forgotten for what came later, however long it rests."""

    def __init__(self, most_ended: int = _ENDED, most_live: int = _LIVE) -> None:
        self._most_ended = most_ended
        self._most_live = most_live
        self._live: dict[Key, Note] = {}
        self._ended: dict[Key, Note] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._ended)

    @property
    def live(self) -> int:
        """How many are not known to have ended."""
        return len(self._live)

    def __contains__(self, key: Key) -> bool:
        return key in self._live or key in self._ended

    def get(self, key: Key) -> Note | None:
        """None: never heard of, or forgotten."""
        live = self._live.get(key)
        return self._ended.get(key) if live is None else live

    def keep(self, key: Key, note: Note) -> Note:
        """Remember, instead of what was known; an order that had ended stays ended."""
        if key in self._ended:
            self._ended[key] = note
            return note
        self._live[key] = note
        if len(self._live) > self._most_live:
            self.end(next(iter(self._live)))
        return note

    def end(self, key: Key) -> None:
        """The order has ended: what is known of it may be forgotten in time. Unknown keys are ignored."""
        note = self._live.pop(key, None)
        if note is not None:
            self._ended[key] = note
            if len(self._ended) > self._most_ended:
                del self._ended[next(iter(self._ended))]

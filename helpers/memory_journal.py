"""A journal that ends with its process; what each method promises is said in `helpers.journal.Journal`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from domain.events import Record


class MemoryJournal:
    """A journal that ends with its process, for backtests and tests."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._notes: dict[str, str] = {}

    @property
    def last_seq(self) -> int:
        return len(self._records)

    def replay(self, after: int = 0, also: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        for seq, record in enumerate(tuple(self._records), start=1):
            if seq > after or seq in also:
                yield seq, record

    def mark(self) -> str:
        return str(len(self._records))

    def find(self, mark: str) -> int | None:
        return int(mark) if mark.isdigit() and int(mark) <= len(self._records) else None

    def append(self, records: Sequence[Record], *, sync: bool) -> int:  # noqa: ARG002
        self._records.extend(records)
        return len(self._records)

    def note(self, name: str) -> str | None:
        return self._notes.get(name)

    def write_note(self, name: str, text: str) -> None:
        self._notes[name] = text

    def sync(self) -> None:
        """Memory has no disk to wait for."""

    def close(self) -> None:
        """Nothing is held."""

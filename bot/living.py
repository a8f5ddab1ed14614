"""Which records of the journal still concern something alive: an order that is remembered, or an entry that is open.

Observers follow orders one by one. After a start from a checkpoint they are told of these records again, and know then
what they would know from all of them.
"""

from __future__ import annotations

from domain.events import CancelIntended, Fill, OrderIntended, OrderUpdate, Record
from strategies.take_profit_grid.state import GridState

_SLACK = 1_000
_OF_AN_ORDER = (OrderIntended, OrderUpdate, Fill, CancelIntended)


class Living:
    """Numbers of records, by order. Memory is bounded by what `state` remembers."""

    def __init__(self, state: GridState) -> None:
        self._state = state
        self._of_order: dict[int, list[int]] = {}
        self._entry_opened_by: dict[int, int] = {}
        self._most = _SLACK

    def saw(self, seq: int, record: Record) -> None:
        if not isinstance(record, _OF_AN_ORDER) or record.client_id is None:
            return
        self._of_order.setdefault(record.client_id, []).append(seq)
        if isinstance(record, OrderIntended) and record.entry_id is not None:
            self._entry_opened_by[record.client_id] = record.entry_id

    def tend(self) -> None:
        """Forget what is over, now and then. To be called when the state has taken in all that was seen."""
        if len(self._of_order) > self._most:
            self._forget()
            self._most = 2 * len(self._of_order) + _SLACK

    def seqs(self) -> list[int]:
        """The numbers of the records that matter, rising. The state has taken in all that was seen."""
        self._forget()
        return sorted(seq for seqs in self._of_order.values() for seq in seqs)

    def _forget(self) -> None:
        state = self._state
        for client_id in [each for each in self._of_order if each not in state.orders]:
            if self._entry_opened_by.get(client_id) not in state.entries:
                del self._of_order[client_id]
                self._entry_opened_by.pop(client_id, None)

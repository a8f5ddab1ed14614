"""Taking in orders that carry an id of ours and that the journal does not know: its tail was lost, or it is old.

What an adopted close closes is read off what the entries are owed by then. Where they are owed less, the journal is so
old that it does not even know the opens, and the venue may have forgotten them too. The close is ours by its id all the
same: as far as the position holds what it closes, that is own, at a fill price assumed from the close's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.recorder import Recorder
from domain.clock import Clock
from domain.events import OrderIntended, OrderUpdate, OwnFound, Part, Record
from domain.market import Side
from domain.orders import FACT_OF_STATUS, OrderFact, Purpose
from domain.report import plain
from exchanges.base import OrderInfo
from strategies.take_profit_grid.state import ZERO, GridState


@dataclass(frozen=True, slots=True)
class Adoption:
    """`fill_price_of`: the fill price that a close at a price belongs to."""

    state: GridState
    recorder: Recorder
    clock: Clock
    fill_price_of: Callable[[Decimal], Decimal]
    tell: Callable[[str], None]

    def is_lost(self, client_id: int | None) -> bool:
        """An id that only a lost journal tail can have used."""
        return client_id in self.recorder.lost_ids and client_id not in self.state.orders

    def is_explained(self, info: OrderInfo) -> bool:
        """Whether the entries are owed what the order closes; an opening order explains itself."""
        return info.side is self.state.side or not _left(info, self._parts(info))

    def adopt(self, info: OrderInfo, position: Decimal | None = None) -> None:
        """Write the order down as ours. `position`: the own one, as the venue says, in which what the order closes is
        looked for where nothing explains it; None: it is not looked for."""
        assert info.client_id is not None
        now_ns = self.clock.now_ns()
        opens = info.side is self.state.side
        parts = () if opens else self._parts(info)
        found = None if opens or position is None else self._found(info, _left(info, parts), position)
        if found is not None:
            parts = (*parts, Part(found.entry_id, found.quantity))
        closes_as = Purpose.EXIT if info.price is None else Purpose.CLOSE
        intent = OrderIntended(
            now_ns,
            info.client_id,
            Purpose.OPEN if opens else closes_as,
            info.side,
            info.price,
            info.size,
            self.state.next_entry_id if opens else None,
            parts,
            adopted=True,
        )
        fact = FACT_OF_STATUS.get(info.status, OrderFact.ACCEPTED)
        update = OrderUpdate(
            now_ns, info.client_id, fact, info.order_id, info.filled_size, None, info.cancel_reason
        )
        records: list[Record] = [intent, update] if found is None else [found, intent, update]
        self.recorder.note(*records)
        self.tell(f"adopted order {info.client_id}: {info.side.value} {info.size} at {info.price}")
        if found is not None:
            self.tell(_told(found))

    def _parts(self, info: OrderInfo) -> tuple[Part, ...]:
        return self.state.parts_to_cover(info.size, None if info.price is None else self.fill_price_of(info.price))

    def _found(self, info: OrderInfo, left: Decimal, position: Decimal) -> OwnFound | None:
        """What of `left` the position holds, or held before the order closed it; of an exit no fill price is known."""
        quantity = min(left, position - (self.state.own - info.filled_size))
        if quantity <= 0 or info.price is None:
            return None
        price = self.fill_price_of(info.price)
        return OwnFound(self.clock.now_ns(), self.state.next_entry_id, self.state.side, quantity, price)


def _left(info: OrderInfo, parts: tuple[Part, ...]) -> Decimal:
    """What of a closing order closes none of `parts`."""
    return info.size - sum((part.quantity for part in parts), ZERO)


def _told(found: OwnFound) -> str:
    verb = "bought" if found.side is Side.BUY else "sold"
    return (
        f"{plain(found.quantity)} under that order is own, though no trade that opened it is told; "
        f"assumed: {verb} at {plain(found.price)}"
    )

"""Taking in orders that carry an id of ours and that the journal does not know: its tail was lost, or it is old.

Nothing is adopted before all that is known has been asked for (`Adoption.must_wait`): what a missing order covered is
owed again once it is known to have ended, and a lost close, whether it rests or has filled, may be what replaced it.
Then all are adopted at once, oldest first. What an adopted close closes is read off what the entries are owed by then.
Where they are owed less, the journal is so old that it does not even know the opens, and the venue may have forgotten
them too. The close is ours by its id all the same: as far as the position holds what it closes, that is own, at a fill
price assumed from the close's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.recorder import Recorder
from domain.clock import Clock
from domain.events import Fill, OrderIntended, OrderUpdate, OwnFound, Part, Record
from domain.market import NANOSECONDS, Side
from domain.orders import FACT_OF_STATUS, OrderFact, OrderStatus, Purpose
from domain.report import plain
from exchanges.base import OrderInfo
from strategies.take_profit_grid.state import ZERO, GridState

_WITHIN_NS = 10 * NANOSECONDS
"""So long an order that the journal lost waits for what tells what it closes."""


@dataclass(slots=True)
class Adoption:
    """`fill_price_of`: the fill price that a close at a price belongs to. `traded`: what is known of the trades of
    orders that wait to be adopted, by client id and trade id. `ended`: what the venue told of ended ones; it is not
    asked again, where another could not be asked for. `adopted`: by this process; the state forgets what has long
    ended. `since_ns`: since when orders wait."""

    state: GridState
    recorder: Recorder
    clock: Clock
    fill_price_of: Callable[[Decimal], Decimal]
    tell: Callable[[str], None]
    traded: dict[int, dict[str, Fill]] = field(default_factory=dict)
    ended: dict[int, OrderInfo] = field(default_factory=dict)
    adopted: set[int] = field(default_factory=set)
    since_ns: int | None = None

    def is_lost(self, client_id: int | None) -> bool:
        """An id that only a lost journal tail can have used."""
        is_known = client_id in self.state.orders or client_id in self.adopted
        return client_id in self.recorder.lost_ids and not is_known

    def hear(self, fills: Iterable[Fill]) -> bool:
        """Keep the trades of lost orders; whether there was a new one."""
        is_news = False
        for fill in fills:
            if fill.client_id is not None and self.is_lost(fill.client_id):
                known = self.traded.setdefault(fill.client_id, {})
                is_news = is_news or fill.trade_id not in known
                known[fill.trade_id] = fill
        return is_news

    def waiting(self, listed: Iterable[OrderInfo]) -> set[int]:
        """Lost orders that traded, or are among the `listed` ones."""
        heard_of = self.traded.keys() | {info.client_id for info in listed if info.client_id is not None}
        return {client_id for client_id in heard_of if self.is_lost(client_id)}

    def must_wait(self, listed: list[OrderInfo], in_flight: Callable[[int], bool]) -> bool:
        """What a missing order did not close, a lost one may: adopted before the venue has told of the former, it may
        stand for something else, and that be covered twice, or at another entry's price. Not for ever."""
        missing = self.state.live.keys() - {info.client_id for info in listed}
        if not self.waiting(listed) or all(map(in_flight, missing)):
            self.since_ns = None
            return False
        now_ns = self.clock.now_ns()
        self.since_ns = now_ns if self.since_ns is None else self.since_ns
        return now_ns - self.since_ns < _WITHIN_NS

    async def found(
        self, listed: list[OrderInfo], ask: Callable[[int], Awaitable[OrderInfo | None]]
    ) -> list[OrderInfo]:
        """All that wait, as they are `listed`, or as the venue tells of those that are not. Raises `Unavailable`."""
        infos = {info.client_id: info for info in listed if self.is_lost(info.client_id)}
        for client_id in sorted(self.waiting(()) - infos.keys()):
            infos[client_id] = await self._told_of(client_id, ask)
        return list(infos.values())

    async def _told_of(self, client_id: int, ask: Callable[[int], Awaitable[OrderInfo | None]]) -> OrderInfo:
        """What the venue says of an order that is not listed; where it does not know it any more, its trades do."""
        told, by_trades = self.ended.get(client_id), _by_trades(self.traded[client_id])
        if told is None or told.filled_size < by_trades.size:
            told = await ask(client_id)
        if told is None:
            return by_trades
        told = replace(told, client_id=client_id)
        if told.status.has_ended:
            self.ended[client_id] = told
        return told

    def adopt_all(self, found: list[OrderInfo], position: Decimal) -> list[Fill]:
        """Adopt in the order of their ids, whether they rest or have ended: as they were placed, and so that after a
        kill between two of them the others still count as lost. Their trades that are known. `position`: see `adopt`.
        """
        for info in sorted(found, key=lambda info: info.client_id or 0):
            if self.is_lost(info.client_id):
                self.adopt(info, position)
        trades = [fill for info in found for fill in self.traded.pop(info.client_id or 0, {}).values()]
        return sorted(trades, key=lambda fill: fill.venue_ns)

    def adopt(self, info: OrderInfo, position: Decimal) -> None:
        """Write the order down as ours. `position`: the own one, as the venue says, in which what the order closes is
        looked for where nothing explains it."""
        assert info.client_id is not None
        now_ns = self.clock.now_ns()
        opens = info.side is self.state.side
        parts = () if opens else self._parts(info)
        found = None if opens else self._found(info, _left(info, parts), position)
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
        self.adopted.add(info.client_id)
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


def _by_trades(trades: dict[str, Fill]) -> OrderInfo:
    """An order that the venue no longer knows, though it tells its trades: it was what traded."""
    first, *others = trades.values()
    size = first.quantity + sum((fill.quantity for fill in others), ZERO)
    return OrderInfo(
        first.order_id, first.side, size, first.price, OrderStatus.FILLED, size, ZERO, client_id=first.client_id
    )


def _left(info: OrderInfo, parts: tuple[Part, ...]) -> Decimal:
    """What of a closing order closes none of `parts`."""
    return info.size - sum((part.quantity for part in parts), ZERO)


def _told(found: OwnFound) -> str:
    verb = "bought" if found.side is Side.BUY else "sold"
    return (
        f"{plain(found.quantity)} under that order is own, though no trade that opened it is told; "
        f"assumed: {verb} at {plain(found.price)}"
    )

"""The twin's transactions: judged when they are sent, executed a moment later, and sometimes failing only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.market import Side
from exchanges.lighter.twin_auth import CheckedTx, Denial
from exchanges.lighter.twin_wire import FIRST_ORDER_ID, MARKET
from exchanges.rehearsal.desk import TwinOrder
from markets.orders import Reason, Refusal

if TYPE_CHECKING:
    from exchanges.lighter.twin import LighterTwin

_FIRST_ID, _LAST_ID = 1, (1 << 48) - 1
_SHORTEST_LIFE_MS, _LONGEST_LIFE_MS = 5 * 60_000, 30 * 86_400_000
_FIRST_NONCE = 722
FAILED, PENDING, EXECUTED = 0, 1, 2


@dataclass(slots=True)
class SentTx:
    """One transaction the venue took, and what became of it."""

    checked: CheckedTx
    sent_ns: int
    status: int = PENDING
    executed_ns: int = 0
    failure: str = ""


class Sequencer:
    """Takes transactions in the order of their nonces and executes them after their delay."""

    def __init__(self, twin: LighterTwin) -> None:
        self._twin = twin
        self.next_nonce = _FIRST_NONCE
        self.sent: dict[str, SentTx] = {}
        self.pending: list[SentTx] = []

    def send(self, tx_type: object, info: object) -> SentTx | Denial:
        """Take a transaction, or say why not; a denied one consumes no nonce."""
        twin = self._twin
        checked = twin.gate.check_tx(tx_type, info, twin.now_ms)
        if isinstance(checked, Denial):
            return checked
        nonce = checked.numbers["Nonce"]
        if nonce < self.next_nonce or (nonce > self.next_nonce and not checked.skips_nonce):
            return Denial(twin.switches.bad_nonce_status, 21104, "invalid nonce")
        judge = self._judges().get(checked.tx_type)
        denial = Denial(400, 21501, "invalid tx info") if judge is None else judge(checked)
        if denial is not None:
            return denial
        self.next_nonce = nonce + 1
        sent = SentTx(checked, twin.now_ns)
        self.sent[checked.tx_hash] = sent
        self.pending.append(sent)
        twin.later(self.delay_ms(checked) * 1_000_000, lambda: self._execute(sent))
        return sent

    def delay_ms(self, checked: CheckedTx) -> int:
        """From sending to execution: what takes waits longer."""
        switches = self._twin.switches
        takes = checked.tx_type == 14 and checked.numbers["TimeInForce"] == 0
        return switches.execution_delay_ms + (switches.taker_delay_ms if takes else 0)

    # --- when it is sent --------------------------------------------------------------------------------------------

    def _judges(self) -> dict[int, Callable[[CheckedTx], Denial | None]]:
        return {14: self._judge_order, 15: self._judge_cancel, 16: self._judge_cancel_all, 20: lambda _: None}

    def _judge_order(self, checked: CheckedTx) -> Denial | None:
        twin, numbers = self._twin, checked.numbers
        if numbers["MarketIndex"] != MARKET:
            return Denial(400, 21605, "invalid market status")
        if not _FIRST_ID <= numbers["ClientOrderIndex"] <= _LAST_ID:
            return Denial(400, 21727, "invalid client order index")
        if twin.switches.duplicate_is_refused_at_once and self._is_used(str(numbers["ClientOrderIndex"])):
            return Denial(400, 21728, "client order index already exists")
        form = _form_denial(checked, twin.now_ms)
        if form is not None:
            return form
        rules = twin.desk.rules
        quantity, price = twin.units.size_of(numbers["BaseAmount"]), twin.units.price_of(numbers["Price"])
        if quantity < rules.min_quantity or (numbers["Type"] == 0 and quantity * price < rules.min_notional):
            return Denial(400, 21706, "order base or quote amount is below the minimum")
        if twin.is_out_of_band(price):
            return Denial(400, 21733, "order price flagged as an accidental price")
        if len(twin.desk.live_orders()) >= twin.switches.most_orders:
            return Denial(400, 21718, "maximum active orders of the market reached")
        if len(self.pending) >= twin.switches.most_pending:
            return Denial(400, 21720, "maximum pending orders of the market reached")
        return None

    def _judge_cancel(self, checked: CheckedTx) -> Denial | None:
        if checked.numbers["MarketIndex"] != MARKET:
            return Denial(400, 21605, "invalid market status")
        index = checked.numbers["Index"]
        if self._twin.switches.gone_order_is_refused_at_once and not self._is_cancellable(index):
            return Denial(400, 21600, "given order is not an active limit order")
        return None

    def _judge_cancel_all(self, checked: CheckedTx) -> Denial | None:
        if (checked.numbers["TimeInForce"], checked.numbers["Time"]) != (0, 0):
            return Denial(400, 21705, "only an immediate cancel of all is rehearsed")
        return None

    def _is_used(self, client_id: str) -> bool:
        live = any(order.client_id == client_id for order in self._twin.desk.live_orders())
        return live or any(_client_id(sent.checked) == client_id for sent in self.pending)

    def _is_cancellable(self, index: int) -> bool:
        order = self.named(index)
        queued = any(_client_id(sent.checked) == str(index) for sent in self.pending)
        return queued or (order is not None and order.is_live)

    def named(self, index: int) -> TwinOrder | None:
        """By the venue's id or by the newest use of a client's."""
        if index > _LAST_ID:
            return self._twin.desk.orders.get(index - FIRST_ORDER_ID)
        return self._twin.desk.by_client_id(str(index))

    # --- when it is executed ----------------------------------------------------------------------------------------

    def _execute(self, sent: SentTx) -> None:
        self.pending.remove(sent)
        sent.executed_ns = self._twin.now_ns
        match sent.checked.tx_type:
            case _ if sent.checked.numbers["Nonce"] >= self.next_nonce:
                sent.failure = "invalid nonce"  # One before it failed, and gave its own back.
            case 14:
                sent.failure = self._create(sent.checked)
            case 15:
                sent.failure = self._cancel(sent.checked)
            case 16:
                self._cancel_all()
            case _:
                pass  # A change of leverage: the account's terms stay what the rehearsal was given.
        sent.status = FAILED if sent.failure else EXECUTED
        if sent.failure and self._twin.switches.failed_tx_returns_nonce:
            self.next_nonce = min(self.next_nonce, sent.checked.numbers["Nonce"])
        self._twin.tell_tx(sent)

    def _create(self, checked: CheckedTx) -> str:
        """Why it failed; empty when it did not."""
        twin, numbers = self._twin, checked.numbers
        client_id = str(numbers["ClientOrderIndex"])
        if self._is_used(client_id):
            return "client order index already exists"
        side = Side.SELL if numbers["IsAsk"] else Side.BUY
        quantity, price = twin.units.size_of(numbers["BaseAmount"]), twin.units.price_of(numbers["Price"])
        takes = numbers["TimeInForce"] == 0
        post_only, reduce_only = numbers["TimeInForce"] == 2, numbers["ReduceOnly"] == 1
        note = "market" if numbers["Type"] == 1 else "limit" if takes else ""
        outcome = twin.desk.place(
            client_id,
            side,
            quantity,
            price,
            post_only=post_only,
            reduce_only=reduce_only,
            immediate=takes,
            any_notional=takes,
            note=note,
        )
        if isinstance(outcome, TwinOrder):
            twin.expire_later(outcome, numbers["OrderExpiry"])
            return ""
        if outcome.reason is Reason.POST_ONLY_WOULD_CROSS or twin.switches.failed_tx_has_order_event:
            now_ns = twin.now_ns
            order = TwinOrder(
                0, client_id, side, price, quantity, quantity, post_only, reduce_only, now_ns, now_ns, note=note
            )
            twin.never_booked(order, outcome.reason)
            return ""
        return outcome.message

    def _cancel(self, checked: CheckedTx) -> str:
        order = self.named(checked.numbers["Index"])
        if order is None or not order.is_live:
            return "given order is not an active limit order"
        outcome = self._twin.desk.cancel(order.number)
        return outcome.message if isinstance(outcome, Refusal) else ""

    def _cancel_all(self) -> None:
        for order in self._twin.desk.live_orders():
            self._twin.desk.cancel(order.number)


def _client_id(checked: CheckedTx) -> str | None:
    return str(checked.numbers["ClientOrderIndex"]) if checked.tx_type == 14 else None


def _form_denial(checked: CheckedTx, now_ms: int) -> Denial | None:
    """What the numbers of an order must be by themselves."""
    numbers = checked.numbers
    kind, time_in_force, expiry_ms = numbers["Type"], numbers["TimeInForce"], numbers["OrderExpiry"]
    if not 1 <= numbers["BaseAmount"] < 1 << 48:
        return Denial(400, 21701, "invalid order base amount")
    if not 1 <= numbers["Price"] < 1 << 32:
        return Denial(400, 21702, "invalid order price")
    if kind not in (0, 1) or time_in_force not in (0, 1, 2) or (kind == 1 and time_in_force != 0):
        return Denial(400, 21705, "invalid order time in force")
    if numbers["IsAsk"] not in (0, 1) or numbers["ReduceOnly"] not in (0, 1) or numbers["TriggerPrice"]:
        return Denial(400, 21501, "invalid tx info")
    rests = time_in_force != 0
    if rests != bool(expiry_ms) or (rests and not _SHORTEST_LIFE_MS <= expiry_ms - now_ms <= _LONGEST_LIFE_MS):
        return Denial(400, 21711, "invalid expiry")
    return None

"""A second opinion on the fill model: hftbacktest plays the take-profit grid over the recording that our bot trades.

Run it with the interpreter of its own environment; README.md beside this file has the commands. It reads the depth and
the trades of a recording (our bot reads the best bid and offer and the trades), tells hftbacktest's exchange the same
latencies as `--latency-ms`, plays a plain telling of the strategy, and lays its orders beside those of the bot's own
trade CSV. What is told plainly: no journal, no looks, no guard, no stop; the rest of ARCHITECTURE.md's algorithm for a
buying bot stands here.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hftbacktest import (
    BUY_EVENT,
    CANCELED,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT,
    EXPIRED,
    FILLED,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    NEW,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.order import PARTIALLY_FILLED
from hftbacktest.types import event_dtype
from numba import njit

S = 1_000_000_000
WATCH_NS = 10 * S
REFUSED_PAUSE_NS = S // 5
STEP_NS = S // 1_000
SAME_NS = 10 * STEP_NS
MOST = 100_000


@dataclass(frozen=True)
class Fill:
    """`price` in ticks, `lots` in quantity steps, `time_ns` of the exchange."""

    time_ns: int
    side: str
    price: int
    lots: int


# --- the data -------------------------------------------------------------------------------------------------------


def events_of(depth: Path, trades: Path, feed_latency_ns: int) -> np.ndarray:
    """Both files as hftbacktest's events, in the order of the capture clock."""
    book = pq.read_table(depth, columns=["ts_local_ns", "is_snapshot", "side", "price", "qty"])
    tape = pq.read_table(trades, columns=["ts_local_ns", "price", "qty", "buyer_is_maker"])
    is_snapshot = book["is_snapshot"].to_numpy().astype(bool)
    is_bid = book["side"].to_numpy() > 0
    kind = np.where(is_snapshot, DEPTH_SNAPSHOT_EVENT, DEPTH_EVENT)
    levels = _rows(
        kind | np.where(is_bid, BUY_EVENT, SELL_EVENT),
        book["ts_local_ns"].to_numpy(),
        book["price"].to_numpy(),
        book["qty"].to_numpy(),
    )
    sells = tape["buyer_is_maker"].to_numpy().astype(bool)
    prints = _rows(
        TRADE_EVENT | np.where(sells, SELL_EVENT, BUY_EVENT),
        tape["ts_local_ns"].to_numpy(),
        tape["price"].to_numpy(),
        tape["qty"].to_numpy(),
    )
    # A trade and the change of the book that it made share a time stamp: the trade came first.
    rows = np.concatenate([prints, _clears(levels, is_snapshot), levels])
    rows = rows[np.argsort(rows["exch_ts"], kind="stable")]
    rows["ev"] |= EXCH_EVENT | LOCAL_EVENT
    rows["local_ts"] = rows["exch_ts"] + feed_latency_ns
    return rows


def _rows(kind: np.ndarray, times_ns: np.ndarray, prices: np.ndarray, quantities: np.ndarray) -> np.ndarray:
    rows = np.zeros(len(times_ns), event_dtype)
    rows["ev"], rows["exch_ts"] = kind.astype(np.uint64), times_ns
    rows["px"], rows["qty"] = prices, quantities
    return rows


def _clears(levels: np.ndarray, is_snapshot: np.ndarray) -> np.ndarray:
    """Before a snapshot's levels, what was known on its side of the book is forgotten."""
    cleared = []
    for side, worst in ((BUY_EVENT, np.min), (SELL_EVENT, np.max)):
        rows = levels[is_snapshot & ((levels["ev"] & side) == side)]
        for time_ns in np.unique(rows["exch_ts"]):
            prices = rows["px"][rows["exch_ts"] == time_ns]
            cleared.append((DEPTH_CLEAR_EVENT | side, time_ns, 0, worst(prices), 0, 0, 0, 0))
    return np.array(cleared, event_dtype)


# --- the strategy ---------------------------------------------------------------------------------------------------


@njit
def play(hbt, tick, lot, order_lots, take_profit, wait_ns, most_entries):  # type: ignore[no-untyped-def]
    """Times, sides (1 buy, -1 sell), prices in ticks and lots of every fill; how many opens were refused."""
    fills = np.zeros((MOST, 4), np.int64)
    count, refused, next_id = 0, 0, 1
    open_id, open_tick, open_seen, open_since, is_cancelling, began = 0, 0, 0, 0, False, False
    closes = [(0, 0, 0, 0)][:0]  # order id, entry, price in ticks, lots seen to be filled
    owed = [0][:0]  # lots still to be closed, by entry
    clock_ns, waiver, retry_ns, entry = -1, False, 0, -1
    hbt.wait_next_feed(False, S)  # before the first row there is no time
    hbt.elapse(STEP_NS)
    while True:
        now_ns = hbt.current_timestamp
        depth = hbt.depth(0)
        orders = hbt.orders(0)
        # What became of the closes.
        for i in range(len(closes) - 1, -1, -1):
            order_id, of_entry, at_tick, seen = closes[i]
            order = orders.get(order_id)
            done = round((order.qty - order.leaves_qty) / lot)
            if order.status == FILLED:
                done = round(order.qty / lot)
            if done > seen:
                fills[count] = (order.exch_timestamp, -1, at_tick, done - seen)
                count += 1
                owed[of_entry] -= done - seen
                waiver = waiver or (owed[of_entry] == 0 and not (open_id and of_entry == entry))
                closes[i] = (order_id, of_entry, at_tick, done)
            if order.status == FILLED:
                closes.pop(i)
            elif order.status == EXPIRED or order.status == CANCELED:
                closes.pop(i)
                if order.status == EXPIRED:  # post-only refused: offered again one tick outside the touch
                    again = max(at_tick, depth.best_bid_tick + 1)
                    lots = round(order.qty / lot) - done
                    hbt.submit_sell_order(0, next_id, again * tick, lots * lot, GTX, LIMIT, False)
                    closes.append((next_id, of_entry, again, 0))
                    next_id += 1
        # What became of the open.
        if open_id:
            order = orders.get(open_id)
            done = round((order.qty - order.leaves_qty) / lot)
            if order.status == FILLED:
                done = round(order.qty / lot)
            if done > open_seen:
                lots = done - open_seen
                fills[count] = (order.exch_timestamp, 1, open_tick, lots)
                count += 1
                owed[entry] += lots
                open_seen, clock_ns, waiver = done, now_ns, False
                target = int(np.ceil(open_tick * (1 + take_profit) - 1e-9))
                target = max(target, depth.best_bid_tick + 1)
                hbt.submit_sell_order(0, next_id, target * tick, lots * lot, GTX, LIMIT, False)
                closes.append((next_id, entry, target, 0))
                next_id += 1
            if order.status == FILLED or order.status == CANCELED:
                began = open_seen == 0  # an entry that filled nothing is placed again at once
                open_id = 0
            elif order.status == EXPIRED:
                refused += 1
                began, open_id, retry_ns = True, 0, now_ns + REFUSED_PAUSE_NS
            elif (order.status == NEW or order.status == PARTIALLY_FILLED) and order.req == 0:
                if open_since == 0:
                    open_since = now_ns
                fresh = _open_tick(depth.best_ask_tick, closes)
                if not is_cancelling and now_ns >= open_since + WATCH_NS and fresh > open_tick:
                    hbt.cancel(0, open_id, False)
                    is_cancelling = True
        # Whether an entry begins.
        n = 0
        for lots in owed:
            n += lots > 0
        if open_id == 0 and depth.best_bid > 0 and n < most_entries:
            ready_ns = retry_ns
            if not began and not waiver and clock_ns >= 0:
                ready_ns = max(ready_ns, clock_ns + _cooldown(n, most_entries, wait_ns))
            if now_ns >= ready_ns:
                if not began:
                    owed.append(0)
                    entry, waiver = len(owed) - 1, False
                open_tick = _open_tick(depth.best_ask_tick, closes)
                hbt.submit_buy_order(0, next_id, open_tick * tick, order_lots * lot, GTX, LIMIT, False)
                open_id, open_seen, open_since, is_cancelling = next_id, 0, 0, False
                next_id += 1
        # Not row by row: in the middle of a change of the book it shows levels that never were the touch.
        status = hbt.elapse(STEP_NS)
        if status == 1:
            return fills[:count], refused
        if status:
            raise RuntimeError("hftbacktest reports an error")


@njit
def _open_tick(best_ask_tick, closes):  # type: ignore[no-untyped-def]
    """One tick below the ask; an own close below it is the ask."""
    lowest = best_ask_tick
    for close in closes:
        lowest = min(lowest, close[2])
    return lowest - 1


@njit
def _cooldown(n, most, wait_ns):  # type: ignore[no-untyped-def]
    if 3 * n >= 2 * most:
        return 2 * wait_ns
    if 3 * n >= most:
        return wait_ns
    return wait_ns // 2 if 6 * n >= most else wait_ns // 4


def opinion(asked: argparse.Namespace, queue: str) -> tuple[list[Fill], int]:
    """The fills of one queue model, and how many opens its exchange refused."""
    latency_ns = round(asked.latency_ms * 1_000_000)
    events = events_of(asked.depth, asked.trades, latency_ns)  # must outlive the simulator, which does not keep it
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(latency_ns, latency_ns)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(asked.tick)
        .lot_size(asked.lot)
    )
    asset = asset.risk_adverse_queue_model() if queue == "risk averse" else asset.power_prob_queue_model(3.0)
    hbt = HashMapMarketDepthBacktest([asset])
    try:
        found, refused = play(
            hbt,
            asked.tick,
            asked.lot,
            round(asked.quantity / asked.lot),
            asked.take_profit / 100,
            round(asked.wait_time * S),
            asked.max_orders,
        )
    finally:
        hbt.close()
    return [Fill(int(t), "buy" if side > 0 else "sell", int(p), int(q)) for t, side, p, q in found], int(refused)


# --- beside ours ----------------------------------------------------------------------------------------------------


def ours(trades: Path, tick: float, lot: float) -> list[Fill]:
    """The orders of the bot's own trade CSV that filled: what filled of each, and the moment of its last fill."""
    orders: dict[str, Fill] = {}
    with trades.open(newline="") as file:
        for row in csv.DictReader(file):
            if not row["TradeID"]:
                continue
            time_ns = round(datetime.fromisoformat(row["Timestamp"]).timestamp() * 1_000) * (S // 1_000)
            price, lots = round(float(row["Price"]) / tick), round(float(row["Quantity"]) / lot)
            before = orders.get(row["OrderID"])
            orders[row["OrderID"]] = Fill(time_ns, row["Side"], price, lots + (before.lots if before else 0))
    return list(orders.values())


def in_common(left: list[Fill], right: list[Fill]) -> int:
    """How many fills both have: same side and price, within `SAME_NS`."""
    rest, count = list(right), 0
    for fill in left:
        for other in rest:
            if (other.side, other.price) == (fill.side, fill.price) and abs(other.time_ns - fill.time_ns) <= SAME_NS:
                rest.remove(other)
                count += 1
                break
    return count


def summary(fills: Iterable[Fill]) -> dict[str, object]:
    """Lots are quantity steps, prices ticks: `paid` and `got` are averages over them."""
    told: dict[str, object] = {}
    for side in ("buy", "sell"):
        own = [fill for fill in fills if fill.side == side]
        lots = sum(fill.lots for fill in own)
        told[f"{side}_orders"] = len(own)
        told[f"{side}_lots"] = lots
        told[f"{side}_average_tick"] = round(sum(fill.price * fill.lots for fill in own) / lots, 1) if lots else None
    return told


def side_by_side(left: list[Fill], right: list[Fill], side: str, rows: int) -> Iterable[str]:
    """The first orders of one side, one below the other: seconds since the first fill, ticks, lots."""
    pairs = [[fill for fill in fills if fill.side == side] for fills in (left, right)]
    start = min(fill.time_ns for fills in pairs for fill in fills)
    for ours_, theirs in list(zip_longest(*pairs))[:rows]:
        yield f"  {_told(ours_, start)}   |   {_told(theirs, start)}"


def _told(fill: Fill | None, start_ns: int) -> str:
    return f"{(fill.time_ns - start_ns) / S:8.3f} s {fill.price:>8} {fill.lots:>4}" if fill else " " * 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=Path, required=True, help="parquet of depth changes")
    parser.add_argument("--trades", type=Path, required=True, help="parquet of trades")
    parser.add_argument("--ours", type=Path, required=True, help="the bot's trade CSV of the same settings")
    parser.add_argument("--tick", type=float, required=True)
    parser.add_argument("--lot", type=float, required=True)
    parser.add_argument("--quantity", type=float, required=True)
    parser.add_argument("--take-profit", type=float, required=True, help="percent")
    parser.add_argument("--wait-time", type=float, required=True, help="seconds")
    parser.add_argument("--max-orders", type=int, default=40)
    parser.add_argument("--latency-ms", type=float, default=50, help="each way, and of the market data")
    parser.add_argument("--rows", type=int, default=12, help="how many orders of each side are shown")
    asked = parser.parse_args()
    own = ours(asked.ours, asked.tick, asked.lot)
    print(json.dumps({"ours": summary(own)}))
    for queue in ("risk averse", "power of 3"):
        fills, refused = opinion(asked, queue)
        told = summary(fills) | {"refused_opens": refused, "in_common": in_common(own, fills)}
        print(json.dumps({f"hftbacktest, {queue} queue": told}))
        for side in ("buy", "sell"):
            print(f"{side}s: ours | hftbacktest ({queue})")
            print("\n".join(side_by_side(own, fills, side, asked.rows)))


if __name__ == "__main__":
    main()

"""The official SDK, which nobody here wrote, trades on the twin: markets, tokens, placing, streams, cancelling."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from domain.market import NANOSECONDS
from exchanges.lighter.twin import open_twin
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, quote

ROOT = Path(__file__).resolve().parents[3]
NEEDED = ("lighter", "eth_account", "pydantic", "websockets")


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED), reason="lighter-sdk is not installed whole"
)
async def test_the_official_sdk_trades_on_the_twin() -> None:
    clock = SystemClock()
    market = ScriptedMarket([quote(0, 30000, 30010), quote(3600, 30000, 30010)], rules=RULES, scale=SCALE)
    assert market.start_ns == START_NS
    terms = AccountTerms(balance=Decimal(100_000))
    twin = open_twin(TwinSetup("ETH", market, terms, clock.now_ns() // NANOSECONDS * NANOSECONDS, seed=7))
    running = await start_twin(twin, clock)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.support.lighter_referee",
            cwd=ROOT,
            env={**os.environ, **running.env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    finally:
        await running.close()
    assert process.returncode == 0, errors.decode()
    told = json.loads(output)
    channel = f"account_all_orders:{twin.account}"
    assert told == {
        "check": None,
        "connected": "connected",
        "subscribed": {"type": "subscribed/account_all_orders", "channel": channel, "orders": {}},
        "market": "ETH",
        "placed": [200, None],
        "news": [[77, "open"]],
        "open": [[77, "open", "2999.0"]],
        "account": twin.account,
        "cancelled": [200, None],
        "end": [[77, "canceled"]],
        "sent": 200,
        "later": [[78, "open"]],
    }
    assert [(order.client_id, order.is_live) for order in twin.desk.orders.values()] == [("77", False), ("78", True)]

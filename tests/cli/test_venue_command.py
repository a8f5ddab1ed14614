"""`runbot.py venue`: the one line of JSON, the ledger, and wrong use in one line."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from decimal import Decimal
from fractions import Fraction

import aiohttp
import pytest

from commands.rehearsal import Rehearsal, prepare
from commands.usage import UsageError
from commands.venue import serve_venue
from exchanges.factory import ExchangeFactory
from helpers.clock import SystemClock


def no_seed() -> int:
    return 5


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "NAME"),
        (("bagpack",), "Did you mean backpack?"),
        (("paper",), "there is no twin of paper"),
        (("backpack", "--port", "70000"), "--port 70000"),
        (("backpack", "--port", "x"), "--port x"),
        (("backpack", "--speed", "max"), "real time"),
        (("backpack", "--speed", "0"), "--speed 0"),
        (("backpack", "--seed", "1", "--replay", "x.parquet"), "only one of them"),
        (("backpack", "--market", "tick=1"), "--replay"),
        (("backpack", "--replay", "no-such-file.parquet"), "no-such-file.parquet"),
        (("backpack", "--ticker", "NOPE"), "NOPE"),
        (("backpack", "--colour"), "--colour"),
        (("backpack", "--balance", "-1"), "--balance"),
        (("lighter", "--maker-fee", "0.00001"), "round --maker-fee"),
        (("backpack", "--ticker", "SOLL"), "did you mean SOL?"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        serve_venue(arguments, io.StringIO(), no_seed)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} cannot be used"):
            serve_venue(("backpack", "--port", str(port)), io.StringIO(), no_seed)


async def test_a_twin_announces_itself_and_shows_its_ledger() -> None:
    wanted = Rehearsal("backpack", "SOL", seed=3, speed=Fraction(2), balance=Decimal(500), latency_ns=0)
    clock = SystemClock()
    running = await prepare(wanted, clock, no_seed).serve(clock)
    try:
        told = json.loads(running.announcement())
        assert set(told) == {"exchange", "ticker", "base_url", "ws_url", "env"}
        assert (told["exchange"], told["ticker"]) == ("backpack", "SOL")
        assert told["env"]["BACKPACK_BASE_URL"] == told["base_url"]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{told['base_url']}/_rehearsal/ledger") as response:
                ledger = await response.json()
            async with session.get(f"{told['base_url']}/api/v1/orders") as response:
                assert response.status == 401
        assert {**ledger, "balance": Decimal(ledger["balance"]), "position": Decimal(ledger["position"])} == {
            "orders": [], "fills": [], "position": 0, "balance": 500,
        }  # fmt: skip
    finally:
        await running.close()


async def test_throw_away_keys_come_from_the_seed() -> None:
    clock = SystemClock()
    envs = []
    for seed in (1, 1, 2):
        prepared = prepare(Rehearsal("backpack", "ETH", seed=seed), clock, no_seed)
        envs.append(dict(prepared.twin.env("http://127.0.0.1:1", "ws://127.0.0.1:1")))
        await asyncio.sleep(0)
    assert envs[0] == envs[1] != envs[2]


def test_every_announced_venue_is_known_to_the_factory() -> None:
    assert "backpack" in ExchangeFactory.venues()

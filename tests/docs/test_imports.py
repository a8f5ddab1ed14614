"""The import rule, and proof that its check can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.import_rule import OURS, venue_names, violations

ROOT = Path(__file__).resolve().parents[2]


def tree(root: Path, **files: str) -> Path:
    """A small project: `exchanges__acme__codec="import os"` becomes `exchanges/acme/codec.py`."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return root


def test_the_project_keeps_its_import_rule() -> None:
    assert violations(ROOT) == []


def test_a_venue_is_named_only_where_it_may_be() -> None:
    assert venue_names(ROOT) == []


def test_every_source_folder_has_a_place_in_the_rule() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    sources = {name for name in folders if any((ROOT / name).rglob("*.py"))}
    assert sources <= set(OURS)


@pytest.mark.parametrize(
    "file, source",
    [
        ("domain__orders", "from domain import market\nimport decimal, collections.abc"),
        ("strategies__grid__state", "import numpy\nfrom domain.orders import Purpose\nfrom . import config"),
        ("markets__matching", "from domain import market\nfrom markets.tape import Chunk"),
        ("helpers__journal", "import sqlite3\nfrom domain.events import Record\nfrom helpers.clock import Clock"),
        ("exchanges__base", "import tenacity\nfrom exchanges.errors import Refused"),
        ("exchanges__paper__client", "from markets.venue import SimulatedVenue\nfrom exchanges.paper import world"),
        ("exchanges__acme__client", "from exchanges.acme import codec\nfrom exchanges.transport.http import Http"),
        ("exchanges__acme__twin", "from markets.venue import SimulatedVenue\nfrom domain import market"),
        ("exchanges__acme__codec", "import json\nfrom decimal import Decimal\nfrom domain import events"),
        ("exchanges__acme__signing", "import hashlib, hmac"),
        ("exchanges__factory", "def make():\n    from exchanges.acme import client\n    return client"),
        ("exchanges__factory", "import importlib\ndef make():\n    return importlib.import_module('exchanges.acme')"),
        ("trading_bot", "from strategies.grid import decisions\nfrom exchanges.base import BaseExchangeClient"),
        ("bot__performer", "from bot.recorder import Recorder\nimport exchanges.base, helpers.clock"),
        ("runbot", "import commands.options, trading_bot, exchanges.factory, strategies.grid, markets.tape"),
        ("simulation__world", "from exchanges.acme import client, twin\nfrom exchanges.other import twin as second"),
        ("tests__domain__test_x", "import exchanges.acme.codec, exchanges.other.codec"),
    ],
)
def test_what_the_rule_allows_passes(tmp_path: Path, file: str, source: str) -> None:
    assert violations(tree(tmp_path, **{file: source})) == []


@pytest.mark.parametrize(
    "file, source, said",
    [
        ("domain__market", "import numpy", "domain/market.py:1: domain imports the standard library only, not numpy"),
        ("domain__market", "from helpers import clock", "domain does not import helpers.clock"),
        ("domain__market", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import aiohttp", "not aiohttp"),
        ("strategies__grid__x", "from exchanges.base import OrderInfo", "strategies does not import exchanges.base"),
        ("strategies__grid__x", "import helpers.clock", "strategies does not import helpers.clock"),
        ("strategies__grid__x", "import markets.tape", "strategies does not import markets.tape"),
        ("markets__engine", "import exchanges.base", "markets does not import exchanges.base"),
        ("markets__engine", "import strategies.grid", "markets does not import strategies.grid"),
        ("helpers__journal", "import exchanges.errors", "helpers does not import exchanges.errors"),
        ("helpers__journal", "import trading_bot", "helpers does not import trading_bot"),
        ("exchanges__base", "import strategies.grid", "exchanges does not import strategies.grid"),
        ("exchanges__base", "import markets.tape", "exchanges does not import markets.tape"),
        ("exchanges__base", "from exchanges.acme import client", "does not import the client exchanges.acme.client"),
        ("exchanges__transport__http", "import exchanges.acme", "does not import the client exchanges.acme"),
        ("exchanges__acme__client", "import markets.tape", "exchanges does not import markets.tape"),
        ("exchanges__acme__client", "import exchanges.other.codec", "does not import the client exchanges.other.codec"),
        ("exchanges__acme__client", "from ..other import codec", "does not import the client exchanges.other.codec"),
        ("exchanges__acme__client", "from exchanges.paper import client", "does not import the client exchanges.paper"),
        ("exchanges__paper__client", "import exchanges.acme", "does not import the client exchanges.acme"),
        ("exchanges__factory", "import exchanges.acme", "imports exchanges.acme late, inside a function"),
        ("exchanges__acme__codec", "import asyncio", "a codec or signing is pure and does not import asyncio"),
        ("exchanges__acme__codec", "from time import time", "does not import time.time"),
        ("exchanges__acme__codec", "from exchanges.transport import http", "not import exchanges.transport.http"),
        ("exchanges__acme__codec_private", "import aiohttp", "does not import aiohttp"),
        ("exchanges__acme__signing", "def key():\n    import os", "does not import os"),
        ("exchanges__acme__signing__stark", "import random", "does not import random"),
        ("trading_bot", "import exchanges.factory", "the bot is given its client"),
        ("trading_bot", "from exchanges.paper import client", "the bot is given its client"),
        ("trading_bot", "import exchanges.acme.client", "does not import the client exchanges.acme.client"),
        ("trading_bot", "import commands.options", "trading_bot does not import commands.options"),
        ("trading_bot", "import markets.tape", "trading_bot does not import markets.tape"),
        ("bot__performer", "import exchanges.factory", "the bot is given its client"),
        ("helpers__journal", "import bot.recorder", "helpers does not import bot.recorder"),
        ("runbot", "import tests.support", "runbot does not import tests.support"),
        ("utils__misc", "import os", "'utils' has no place in the import rule"),
    ],
)
def test_what_the_rule_forbids_is_found(tmp_path: Path, file: str, source: str, said: str) -> None:
    found = violations(tree(tmp_path, **{file: source}))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("part", ["codec", "signing", "codec.private"])
def test_a_twin_that_imports_its_clients_codec_or_signing_is_found(tmp_path: Path, part: str) -> None:
    file = "exchanges__acme__" + part.replace(".", "__")
    root = tree(tmp_path, **{file: "", "exchanges__acme__twin": f"from exchanges.acme.{part} import thing"})
    assert violations(root) == [
        f"exchanges/acme/twin.py: a twin never imports its client's exchanges.acme.{part} "
        "(line 1 of exchanges/acme/twin.py)"
    ]


def test_a_twin_that_reaches_the_codec_by_a_detour_is_found(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        exchanges__acme__codec="",
        exchanges__acme__words="from exchanges.acme import codec",
        exchanges__acme__twin__server="from exchanges.acme import words",
    )
    assert violations(root) == [
        "exchanges/acme/twin/server.py: a twin never imports its client's exchanges.acme.codec "
        "(line 1 of exchanges/acme/words.py)"
    ]


def test_a_twins_own_codec_is_its_own(tmp_path: Path) -> None:
    root = tree(tmp_path, exchanges__acme__twin__codec="", exchanges__acme__twin__server="from . import codec")
    assert violations(root) == []


@pytest.mark.parametrize(
    "file, source",
    [
        ("helpers__settings", "URL = 'https://api.bybit.com'"),
        ("trading_bot", "# Paradex needs this"),
        ("commands__flags", "CHOICES = ('paper', 'lighter')"),
        ("exchanges__base", "class LighterQuirk: ..."),
        ("exchanges__acme__client", "GRVT_CHAIN = 1"),
    ],
)
def test_a_venue_named_elsewhere_is_found(tmp_path: Path, file: str, source: str) -> None:
    assert len(venue_names(tree(tmp_path, **{file: source}))) == 1


@pytest.mark.parametrize(
    "file, source",
    [
        ("exchanges__factory", "VENUES = {'bybit': 'exchanges.bybit.client'}"),
        ("exchanges__bybit__client", "NAME = 'bybit'"),
        ("commands__flags", "FLAG = '--aster-boost'"),
        ("helpers__journal", "# an extended and lighter form of the record\nfaster = master = 1"),
        ("tests__test_x", "VENUE = 'paradex'"),
        ("benchmarks__signing", "VENUE = 'paradex'"),
    ],
)
def test_a_venue_named_where_it_may_be_passes(tmp_path: Path, file: str, source: str) -> None:
    assert venue_names(tree(tmp_path, **{file: source})) == []

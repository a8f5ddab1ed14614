"""The twin of Lighter by itself, and what signs for it."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import urlencode

from domain.market import MarketRules
from exchanges.lighter.facts import Switches
from exchanges.lighter.keys import read_credentials
from exchanges.lighter.native import Library, find_library
from exchanges.lighter.signing import CreateOrder, SignedTx, Signer, Transaction
from exchanges.lighter.twin import LighterTwin, open_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest, HttpResponse
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, quote

LIBRARY = Library(find_library())
EXPIRY_MS = START_NS // 1_000_000 + 86_400_000
ORDER = CreateOrder(0, 42, 100, 30005, False, 0, 2, False, EXPIRY_MS)
"""0.1 at 3000.5, post-only."""


def twin_of(switches: Switches | None = None, rules: MarketRules = RULES) -> LighterTwin:
    market = ScriptedMarket([quote(0, 30000, 30010), quote(3600, 30000, 30010)], rules=rules, scale=SCALE)
    return open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), START_NS, seed=3), switches)


def signer_of(twin: LighterTwin, chain_id: int = 304) -> Signer:
    return Signer(LIBRARY, read_credentials(dict(twin.env("", "")).get), chain_id)


def posted(twin: LighterTwin, signed: SignedTx) -> HttpResponse:
    body = urlencode({"tx_type": signed.tx_type, "tx_info": signed.tx_info}).encode()
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    return twin.request(HttpRequest("POST", "/api/v1/sendTx", headers, body))


def sent(twin: LighterTwin, transaction: Transaction, nonce: int | None = None) -> int:
    """The code of the answer."""
    nonce = twin.sequencer.next_nonce if nonce is None else nonce
    return code_of(posted(twin, signer_of(twin).sign(transaction, nonce)))


def code_of(response: HttpResponse) -> int:
    return int(json.loads(response.body)["code"])


def read(twin: LighterTwin, target: str, token: str | None = None) -> HttpResponse:
    headers = () if token is None else (("Authorization", token),)
    return twin.request(HttpRequest("GET", target, headers))


def live_on(twin: LighterTwin, seconds: int) -> list[object]:
    """Everything that went out meanwhile."""
    until_ns, outgoing = twin.now_ns + seconds * 1_000_000_000, list[object]()
    while twin.advance(until_ns) < until_ns or not outgoing:
        found = twin.take_outgoing()
        if not found and twin.now_ns >= until_ns:
            break
        outgoing += found
    return outgoing + list(twin.take_outgoing())

"""Speaking to Paradex's twin directly, without its client: requests signed as the venue wants them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.market import Side
from exchanges.base import OrderRequest
from exchanges.paradex import codec, signing
from exchanges.paradex.twin import ParadexTwin, open_twin
from exchanges.paradex.twin_switches import Switches
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, SendFrame, SendPing
from markets.account import AccountTerms
from tests.support.paradex_session import QUIET, RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket

D = Decimal
SECOND = 1_000_000_000
MARKET = "ETH-USD-PERP"


@dataclass
class Caller:
    """Speaks to a twin directly, signing with the client's signing where not told otherwise."""

    twin: ParadexTwin

    def __post_init__(self) -> None:
        self.signer = signing.Signer(
            signing.StarkKey(self.twin.account.private_key), self.twin.account.address, "PRIVATE_SN_POTC_SEPOLIA"
        )
        self.token = ""

    def login(self, *, late_s: int = 0, life_s: int = 180, account: str | None = None) -> tuple[int, Any]:
        now_s = self.twin.now_ns // SECOND + late_s
        headers = (
            ("PARADEX-STARKNET-ACCOUNT", account or hex(self.signer.account)),
            ("PARADEX-STARKNET-SIGNATURE", self.signer.sign(signing.login_hash(now_s, now_s + life_s))),
            ("PARADEX-TIMESTAMP", str(now_s)),
            ("PARADEX-SIGNATURE-EXPIRATION", str(now_s + life_s)),
        )
        status, answer = read(self.twin.request(HttpRequest("POST", "/v1/auth/0x1", headers)))
        self.token = answer.get("jwt_token", self.token)
        return status, answer

    def send(self, method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
        headers = (("Authorization", f"Bearer {self.token}"),)
        return read(self.twin.request(HttpRequest(method, f"/v1{target}", headers, body)))

    def order(self, change: Callable[[dict[str, Any]], None] = lambda _body: None, **changes: object) -> bytes:
        """A signed order; `change` spoils it after it was signed."""
        now_ms = self.twin.now_ms
        words: dict[str, Any] = {"size": "0.1", "price": "3000.5", "client_id": 1, **changes}
        request = OrderRequest(words["client_id"], Side.BUY, D(words["size"]), D(words["price"]), True, False)
        signed = signing.order_hash(now_ms, MARKET, "BUY", "LIMIT", request.quantity, D(words["price"]))
        body = json.loads(codec.order_body(MARKET, request, self.signer.sign(signed), now_ms))
        change(body)
        return json.dumps(body).encode()


def read(response: HttpResponse) -> tuple[int, Any]:
    return response.status, json.loads(response.body) if response.body else None


def a_twin(switches: Switches | None = None, *, min_notional: Decimal = D(0)) -> ParadexTwin:
    market = ScriptedMarket(QUIET, rules=replace(RULES, min_notional=min_notional), scale=SCALE)
    return open_twin(TwinSetup("ETH", market, AccountTerms(D(100_000)), START_NS, seed=3), switches)


def live(twin: ParadexTwin, seconds: float) -> list[SendFrame | SendPing | CloseSocket]:
    """Let time pass; everything that went out."""
    until_ns = twin.now_ns + round(seconds * SECOND)
    found: list[SendFrame | SendPing | CloseSocket] = list(twin.take_outgoing())
    while twin.now_ns < until_ns:
        twin.advance(until_ns)
        found += twin.take_outgoing()
    return found

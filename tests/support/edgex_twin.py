"""The twin of edgeX by hand: signed requests, sockets, and what comes out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.market import Side
from exchanges.edgex.facts import Switches
from exchanges.edgex.signing import ApiSigner, OrderSigner, SigningTerms, flatten
from exchanges.edgex.twin import EdgexTwin, open_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, SendFrame
from markets.account import AccountTerms
from markets.tape import FundingTerms
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, Tick, quote, sold

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(36000, 30000, 30010)]
TERMS = SigningTerms(
    chain_id=3343,
    verifying_contract=bytes.fromhex("eeb3fb05cca17745cbdf193a9b16537efb68fac8"),
    contract_id=30000002,
    quote_coin_id=1000,
    contract_resolution=10**9,
    coin_resolution=10**6,
    fee_rate=D("0.0005"),
)
ORDERS = "/api/v2/private/order"
ASSET = "/api/v2/private/account/getAccountAsset"
FILLED = [quote(0, 30000, 30010), sold(5, 30005, 40), sold(10, 30005, 60), quote(36000, 30000, 30010)]
"""In two trades 0.1 is sold to whoever bids 3000.5."""


@dataclass
class Bench:
    """A twin in the hands of a test. `now_ns` is wire time."""

    twin: EdgexTwin
    frames: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)

    @property
    def env(self) -> Mapping[str, str]:
        return self.twin.env("http://127.0.0.1", "ws://127.0.0.1")

    @property
    def api(self) -> ApiSigner:
        env = self.env
        return ApiSigner(env["EDGEX_API_KEY"], env["EDGEX_API_SECRET"], env["EDGEX_API_PASSPHRASE"])

    @property
    def account_id(self) -> str:
        return self.env["EDGEX_ACCOUNT_ID"]

    def live(self, seconds: float = 0.0) -> None:
        """Let time pass, and sort out what was said meanwhile."""
        until_ns = self.twin.now_ns + round(seconds * 1e9)
        while True:
            reached_ns = self.twin.advance(until_ns)
            outgoing = self.twin.take_outgoing()
            for item in outgoing:
                if isinstance(item, SendFrame):
                    self.frames.setdefault(item.socket_id, []).append(json.loads(item.frame))
                elif isinstance(item, CloseSocket):
                    self.closed.append(item.socket_id)
            if reached_ns >= until_ns and not outgoing:
                return

    def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        skew_ms: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of a request; private ones are signed. `headers` replaces some (with "" takes away)."""
        whole: dict[str, object] = dict(parameters or {})
        sent: dict[str, str] = {}
        if "/private/" in path:
            whole = {"accountId": self.account_id, **whole}
            sent = dict(self.api.headers(self.twin.now_ms + skew_ms, method, path, whole))
        sent |= headers or {}
        kept = tuple((name, value) for name, value in sent.items() if value)
        if method == "GET":
            target = f"{path}?{flatten(whole)}" if whole else path
            response = self.twin.request(HttpRequest(method, target, kept))
        else:
            response = self.twin.request(HttpRequest(method, path, kept, json.dumps(whole).encode()))
        return self._read(response)

    def _read(self, response: HttpResponse) -> tuple[int, dict[str, Any]]:
        self.live()
        return response.status, json.loads(response.body)

    def order_body(
        self, client_id: str, side: str = "BUY", price: str = "3000.5", size: str = "0.1", **changes: object
    ) -> dict[str, object]:
        """A well-signed order; `changes` are made after it was signed, but for those of the time."""
        env = self.env
        signer = OrderSigner(bytes.fromhex(env["EDGEX_SIGNER_PRIVATE_KEY"]), int(self.account_id))
        expire_ms = int(str(changes.get("expireTime", self.twin.now_ms + 86_400_000)))
        order = signer.sign(TERMS, Side[side], D(price), D(size), client_id, expire_ms)
        return {
            "contractId": "30000002",
            "price": price,
            "size": size,
            "type": "LIMIT",
            "side": side,
            "timeInForce": "POST_ONLY",
            "clientOrderId": client_id,
            "reduceOnly": False,
            "expireTime": str(expire_ms),
            "l2ExpireTime": str(order.l2_expire_ms),
            "l2Nonce": str(order.nonce),
            "l2Signature": order.signature,
            "l2Value": format(order.value, "f"),
            "l2Size": size,
            "l2LimitFee": str(order.limit_fee),
            **changes,
        }

    def place(self, client_id: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        return self.request("POST", f"{ORDERS}/createOrder", self.order_body(client_id, **changes))

    def open_private(self) -> int:
        """A logged-in socket."""
        named = {"accountId": self.account_id, "timestamp": str(self.twin.now_ms)}
        headers = self.api.headers(self.twin.now_ms, "GET", "/api/v1/private/ws", named)
        socket = self.twin.open_socket(HttpRequest("GET", f"/api/v1/private/ws?{flatten(named)}", headers))
        assert isinstance(socket, int)
        self.live()
        return socket

    def open_public(self, *channels: str) -> int:
        socket = self.twin.open_socket(HttpRequest("GET", "/api/v1/public/ws?timestamp=1"))
        assert isinstance(socket, int)
        for channel in channels:
            self.twin.socket_frame(socket, json.dumps({"type": "subscribe", "channel": channel}))
        self.live()
        return socket

    def orders_told(self, socket: int) -> list[tuple[str, str, str, str]]:
        """(status, cumMatchSize, cumFillSize, cancelReason) of every order the private socket told of."""
        rows = [
            row
            for frame in self.frames.get(socket, [])
            if frame["type"] == "trade-event" and frame["content"]["event"] != "Snapshot"
            for row in frame["content"]["data"].get("order", [])
        ]
        return [(row["status"], row["cumMatchSize"], row["cumFillSize"], row["cancelReason"]) for row in rows]


def bench(
    ticks: Sequence[Tick] = QUIET,
    switches: Switches | None = None,
    *,
    terms: AccountTerms | None = None,
    funding: FundingTerms | None = None,
) -> Bench:
    """A twin at the first moment of a script."""
    market = ScriptedMarket(ticks, rules=RULES, scale=SCALE, funding=funding or FundingTerms())
    setup = TwinSetup("ETH", market, terms or AccountTerms(D(100_000)), START_NS, seed=7)
    made = Bench(open_twin(setup, switches))
    made.live()
    return made


def code_of(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["code"]


def held(switches: Switches | None = None) -> Bench:
    """A long position of 0.1."""
    made = bench(FILLED, switches)
    made.place("a")
    made.live(11)
    return made

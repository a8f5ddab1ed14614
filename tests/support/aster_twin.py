"""The twin of Aster by itself, and somebody who signs requests to it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from domain.market import MarketRules
from exchanges.aster.facts import Switches
from exchanges.aster.signing import AgentSigner
from exchanges.aster.twin import AsterTwin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import SendFrame, SendPing
from markets.account import AccountTerms
from markets.tape import FundingTerms
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, Tick, at, quote

FORM = ("Content-Type", "application/x-www-form-urlencoded")
QUIET = [quote(0, 30000, 30010), quote(90_000, 30000, 30010)]
OPEN = {
    "symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.1", "price": "3000.5",
    "newClientOrderId": "1000",
}  # fmt: skip


class Desk:
    """A twin, and somebody who signs requests to it."""

    def __init__(self, ticks: list[Tick] | None = None, switches: Switches | None = None, **options: Any) -> None:
        rules: MarketRules = options.pop("rules", RULES)
        market = ScriptedMarket(
            ticks or QUIET, rules=rules, scale=SCALE, funding=options.pop("funding", FundingTerms())
        )
        setup = TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), START_NS, seed=7)
        self.twin = AsterTwin(setup, switches, **options)
        self.twin.advance(START_NS + 1)
        env = self.twin.env("", "")
        self.signer = AgentSigner(env["ASTER_USER"], env["ASTER_SIGNER"], env["ASTER_SIGNER_PRIVATE_KEY"], 1666)
        self.frames: list[dict[str, Any]] = []
        self.others: list[object] = []
        self.answers_pings = True
        self._nonce = 0

    def ask(self, method: str, name: str, **parameters: str) -> Any:
        return self.body(self.send(method, name, self.signed(**parameters)))

    def ask_with(self, nonce: int) -> Any:
        return self.body(self.send("POST", "noop", self.signer.signed_text({}, nonce)))

    def signed(self, **parameters: str) -> str:
        self._nonce = max(self._nonce + 1, self.twin.now_ns // 1_000)
        return self.signer.signed_text(parameters, self._nonce)

    def send(self, method: str, name: str, text: str) -> HttpResponse:
        path = f"/fapi/v3/{name}"
        if method == "POST":
            return self.twin.request(HttpRequest(method, path, (FORM,), text.encode()))
        return self.twin.request(HttpRequest(method, f"{path}?{text}"))

    @staticmethod
    def body(response: HttpResponse) -> Any:
        return json.loads(response.body)

    def listen(self) -> int:
        key = self.ask("POST", "listenKey")["listenKey"]
        socket = self.twin.open_socket(HttpRequest("GET", f"/ws/{key}"))
        assert isinstance(socket, int)
        return socket

    def go_to(self, seconds: float) -> list[dict[str, Any]]:
        """What was said until then."""
        before = len(self.frames)
        while self.twin.advance(at(seconds)) < at(seconds) or self.hear():
            self.hear()
        return self.frames[before:]

    def hear(self) -> bool:
        outgoing = self.twin.take_outgoing()
        for item in outgoing:
            if isinstance(item, SendFrame):
                self.frames.append(json.loads(item.frame))
            else:
                self.others.append(item)
            if isinstance(item, SendPing) and self.answers_pings:
                self.twin.socket_pong(item.socket_id)
        return bool(outgoing)


def told(frames: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Execution, state and filled total of each order message."""
    return [(f["o"]["x"], f["o"]["X"], f["o"]["z"]) for f in frames if f.get("e") == "ORDER_TRADE_UPDATE"]

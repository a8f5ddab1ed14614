"""Telegram and Lark on loopback: servers that answer as those services do, with faults on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Fault:
    """One answer instead of the usual one. `status` 0: never answer."""

    status: int
    body: dict[str, Any] | str = ""
    headers: dict[str, str] = field(default_factory=dict)


HANG = Fault(0)
HTML_503 = Fault(503, "<html>503 Service Unavailable</html>")


class FakeService:
    """Takes messages at one path; `faults` are used up first, one per request."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.faults: deque[Fault] = deque()
        self.requests: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.base_url = ""
        self._news = asyncio.Condition()
        self._hung = asyncio.Event()

    def answer(self, payload: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """The service's usual answer, and the text it takes."""
        raise NotImplementedError

    def unknown(self) -> web.Response:
        """The answer to a wrong token."""
        raise NotImplementedError

    async def took(self, count: int) -> list[str]:
        """The first texts that arrived, once there are `count`."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.texts) >= count)
        return self.texts

    async def was_asked(self, count: int) -> None:
        """Returns once `count` requests came, answered or not."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)

    async def _serve(self, request: web.Request) -> web.Response:
        if request.path != self.path:
            return self.unknown()
        payload = await request.json()
        async with self._news:
            self.requests.append(payload)
            self._news.notify_all()
        if self.faults:
            return await self._fail(self.faults.popleft())
        body, text = self.answer(payload)
        if text is not None:
            async with self._news:
                self.texts.append(text)
                self._news.notify_all()
        return web.json_response(body)

    async def _fail(self, fault: Fault) -> web.Response:
        if fault.status == 0:
            await self._hung.wait()
        if isinstance(fault.body, str):
            return web.Response(status=fault.status or 500, text=fault.body, headers=fault.headers)
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        try:
            yield
        finally:
            self._hung.set()
            await runner.cleanup()


class FakeTelegram(FakeService):
    def __init__(self, token: str, chat_id: str) -> None:
        super().__init__(f"/bot{token}/sendMessage")
        self._chat_id = chat_id

    def answer(self, payload: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        if payload["chat_id"] != self._chat_id:
            return {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}, None
        return {"ok": True, "result": {"message_id": len(self.texts) + 1}}, payload["text"]

    def unknown(self) -> web.Response:
        return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)

    @staticmethod
    def flooded(retry_after_s: int) -> Fault:
        words = f"Too Many Requests: retry after {retry_after_s}"
        body = {"ok": False, "error_code": 429, "description": words, "parameters": {"retry_after": retry_after_s}}
        return Fault(429, body)


class FakeLark(FakeService):
    """`secret`: signatures are verified, with a clock that stands at `now_s`."""

    def __init__(self, token: str, secret: str | None = None, now_s: int = 1_700_000_000) -> None:
        super().__init__(f"/open-apis/bot/v2/hook/{token}")
        self._secret = secret
        self._now_s = now_s

    def answer(self, payload: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        if self._secret is not None and not self._is_signed(payload, self._secret):
            words = "sign match fail or timestamp is not within one hour from current time"
            return {"code": 19021, "msg": words, "data": {}}, None
        if payload["msg_type"] != "text":
            return {"code": 9499, "msg": "Bad Request", "data": {}}, None
        return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}, (
            payload["content"]["text"]
        )

    def _is_signed(self, payload: dict[str, Any], secret: str) -> bool:
        timestamp = str(payload.get("timestamp", "0"))
        expected = hmac.new(f"{timestamp}\n{secret}".encode(), digestmod=hashlib.sha256).digest()
        is_recent = abs(int(timestamp) - self._now_s) <= 3600
        return is_recent and base64.b64decode(str(payload.get("sign", ""))) == expected

    def unknown(self) -> web.Response:
        body = {"code": 19001, "data": {}, "msg": "param invalid: incoming webhook access token invalid"}
        return web.json_response(body, status=400)

    @staticmethod
    def flooded(reset_s: int) -> Fault:
        body = {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]", "data": {}}
        return Fault(200, body, {"x-ogw-ratelimit-reset": str(reset_s)})

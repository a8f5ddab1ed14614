"""The Telegram messenger against a local server that answers as the Bot API does."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from helpers.messenger import Undelivered, open_session, seconds_of
from helpers.secret import Secret
from helpers.telegram_bot import TelegramBot
from tests.support.fake_messengers import HANG, HTML_503, FakeTelegram, Fault

TOKEN = "123456789:AAcanaryTELEGRAMtokenAAAAAAAAAAAAAAA"


@asynccontextmanager
async def telegram(
    *faults: Fault, token: str = TOKEN, chat_id: str = "42", timeout_s: float = 20
) -> AsyncIterator[tuple[FakeTelegram, TelegramBot]]:
    service = FakeTelegram(TOKEN, "42")
    service.faults.extend(faults)
    async with service.running(), open_session(timeout_s) as session:
        yield service, TelegramBot(session, Secret(token), chat_id, service.base_url)


async def refusal(bot: TelegramBot, text: str = "hello") -> tuple[str, bool, float | None]:
    """Reason, retry and wait of a failed send, which must not lead to the token in any way a traceback shows."""
    with pytest.raises(Undelivered) as refused:
        await bot.send(text)
    problem = refused.value
    assert "canary" not in "".join(traceback.format_exception(problem))
    assert (problem.__cause__, problem.__context__) == (None, None)
    return problem.reason, problem.retry, problem.retry_after_s


async def test_a_message_is_sent_plain_to_the_chat() -> None:
    async with telegram() as (service, bot):
        await bot.send("position 0.1 <b>&_*[x](y)\n平仓")
        assert service.requests == [
            {
                "chat_id": "42",
                "text": "position 0.1 <b>&_*[x](y)\n平仓",
                "link_preview_options": {"is_disabled": True},
            }
        ]


@pytest.mark.parametrize(
    "text, taken",
    [("x" * 5000, "x" * 4096), ("😀" * 3000, "😀" * 2048), ("x" + "😀" * 3000, "x" + "😀" * 2047), ("\udcff!", "?!")],
)
async def test_a_long_text_is_cut_to_the_limit_in_utf16_units(text: str, taken: str) -> None:
    async with telegram() as (service, bot):
        await bot.send(text)
        assert service.texts == [taken]


@pytest.mark.parametrize(
    "fault, expected",
    [
        (FakeTelegram.flooded(35), ("Too Many Requests: retry after 35", True, 35.0)),
        (Fault(429, "slow down", {"Retry-After": "7"}), ("HTTP status 429", True, 7.0)),
        (Fault(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": "soon"}}), (
            "HTTP status 429", True, None
        )),
        (HTML_503, ("HTTP status 503", True, None)),
        (Fault(502, {"ok": False, "error_code": 502, "description": "Bad Gateway"}), ("Bad Gateway", True, None)),
        (Fault(200, "<html>a proxy's page</html>"), ("HTTP status 200", True, None)),
        (Fault(200, "[" * 100_000), ("HTTP status 200", True, None)),
        (Fault(302, "", {"Location": "http://127.0.0.1:1/"}), ("HTTP status 302", False, None)),
        (Fault(200, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}), (
            "Bad Request: chat not found; check TELEGRAM_CHAT_ID, and write to the bot first", False, None
        )),
        (Fault(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}), (
            "Forbidden: bot was blocked by the user; unblock the bot, or add it to the chat again", False, None
        )),
        (Fault(400, {
            "ok": False,
            "error_code": 400,
            "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": {"migrate_to_chat_id": -1001234567890},
        }), (
            "Bad Request: group chat was upgraded to a supergroup chat; set TELEGRAM_CHAT_ID=-1001234567890",
            False,
            None,
        )),
        (Fault(400, {"ok": False, "error_code": 400, "description": "\x1b[2J\n" + "x" * 300}), (
            r"\x1b[2J\n" + "x" * 191 + " ... (109 more characters); check TELEGRAM_CHAT_ID, and write to the bot first",
            False,
            None,
        )),
        (Fault(418, {"ok": False}), ("HTTP status 418", False, None)),
    ],
)
async def test_each_refusal_says_whether_and_when_to_try_again(
    fault: Fault, expected: tuple[str, bool, float | None]
) -> None:
    async with telegram(fault) as (_, bot):
        assert await refusal(bot) == expected


async def test_a_wrong_token_and_a_wrong_chat_are_told_apart() -> None:
    async with telegram(token="987654321:BBcanary") as (_, bot):
        assert await refusal(bot) == ("Unauthorized; check TELEGRAM_BOT_TOKEN", False, None)
    async with telegram(chat_id="43") as (_, bot):
        reason = "Bad Request: chat not found; check TELEGRAM_CHAT_ID, and write to the bot first"
        assert await refusal(bot) == (reason, False, None)


async def test_a_service_that_hangs_is_left_after_the_timeout() -> None:
    async with telegram(HANG, timeout_s=0.05) as (_, bot):
        assert await refusal(bot) == ("it did not answer in time", True, None)


async def test_a_refused_connection_is_worth_a_retry() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with open_session(20) as session:
            bot = TelegramBot(session, Secret(TOKEN), "42", f"http://127.0.0.1:{port}")
            reason, retry, wait_s = await refusal(bot)
    assert (reason.partition(":")[0], retry, wait_s) == ("no connection", True, None)


async def test_a_connection_that_breaks_is_worth_a_retry() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, open_session(20) as session:
        base_url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]  # noqa: UP031
        reason, retry, _ = await refusal(TelegramBot(session, Secret(TOKEN), "42", base_url))
    assert (reason.startswith("the connection broke ("), retry) == (True, True)


@pytest.mark.parametrize(
    "base_url, reason",
    [
        ("https://127.0.0.1:{}", "no secure connection to it is possible"),
        ("http://no-such-name.invalid", "its host name cannot be resolved"),
        ("http://\u2603..invalid", "the connection broke"),
    ],
)
async def test_other_ways_not_to_connect_do_not_show_the_token(base_url: str, reason: str) -> None:
    async with telegram() as (service, _), open_session(20) as session:
        bot = TelegramBot(session, Secret(TOKEN), "42", base_url.format(service.base_url.rpartition(":")[2]))
        found, retry, _ = await refusal(bot)
        assert (found.startswith(reason), retry) == (True, True)


async def test_a_name_is_resolved_as_well_as_an_address() -> None:
    async with telegram() as (service, _), open_session(20) as session:
        base_url = service.base_url.replace("127.0.0.1", "localhost")
        await TelegramBot(session, Secret(TOKEN), "42", base_url).send("hello")
        assert service.texts == ["hello"]


async def test_the_token_is_in_no_log_line_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with telegram(HTML_503, HANG, timeout_s=0.05) as (_, bot):
        await refusal(bot)
        await refusal(bot)
        shown = f"{bot!r} {vars(bot)!r}"
    records = [record for record in caplog.records if not record.name.startswith("aiohttp.server")]
    assert "canary" not in shown + repr(records) + "".join(record.getMessage() for record in records)


@pytest.mark.parametrize(
    "value, seconds",
    [(3, 3.0), (0.5, 0.5), ("7", 7.0), (True, None), (None, None), ("x", None), (-1, None), ("nan", None),
     ("inf", None), (10**400, None), ([1], None)],
)
def test_only_a_sensible_number_counts_as_seconds(value: Any, seconds: float | None) -> None:
    assert seconds_of(value) == seconds

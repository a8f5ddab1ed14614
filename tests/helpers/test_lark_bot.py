"""The Lark messenger against a local server that answers as a custom bot's webhook does."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from helpers.lark_bot import LarkBot, signature
from helpers.messenger import Undelivered, open_session
from helpers.secret import Secret
from tests.support.fake_messengers import HANG, HTML_503, FakeLark, Fault

TOKEN = "cafe0000-1111-2222-3333-canaryLARKkey"
SECRET = Secret("canary-sign-secret")
NOW_S = 1_700_000_000


@asynccontextmanager
async def lark(
    *faults: Fault, token: str = TOKEN, verifies: bool = False, secret: Secret | None = None, now_s: float = NOW_S,
    timeout_s: float = 20,
) -> AsyncIterator[tuple[FakeLark, LarkBot]]:
    service = FakeLark(TOKEN, SECRET.reveal() if verifies else None, NOW_S)
    service.faults.extend(faults)
    async with service.running(), open_session(timeout_s) as session:
        yield service, LarkBot(session, Secret(token), secret, service.base_url, lambda: now_s)


async def refusal(bot: LarkBot) -> tuple[str, bool, float | None]:
    with pytest.raises(Undelivered) as refused:
        await bot.send("hello")
    problem = refused.value
    assert "canary" not in "".join(traceback.format_exception(problem))
    assert (problem.__cause__, problem.__context__) == (None, None)
    return problem.reason, problem.retry, problem.retry_after_s


async def test_a_message_is_a_text_in_the_webhooks_form() -> None:
    async with lark() as (service, bot):
        await bot.send("position 0.1\n平仓")
        assert service.requests == [{"msg_type": "text", "content": {"text": "position 0.1\n平仓"}}]


async def test_a_bot_that_verifies_signatures_takes_a_signed_message() -> None:
    async with lark(verifies=True, secret=SECRET, now_s=NOW_S + 0.9) as (service, bot):
        await bot.send("hello")
        assert service.requests == [
            {
                "msg_type": "text",
                "content": {"text": "hello"},
                "timestamp": "1700000000",
                "sign": signature("1700000000", SECRET),
            }
        ]
        assert service.texts == ["hello"]


def test_the_signature_is_the_one_openssl_makes() -> None:
    # Made with: openssl dgst -sha256 -hmac "$(printf '1599360473\ndemo')" -binary </dev/null | base64
    assert signature("1599360473", Secret("demo")) == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="


@pytest.mark.parametrize("secret, now_s", [(None, NOW_S), (Secret("canary-other"), NOW_S), (SECRET, NOW_S + 3700)])
async def test_a_wrong_signature_or_clock_is_told_as_such(secret: Secret | None, now_s: float) -> None:
    async with lark(verifies=True, secret=secret, now_s=now_s) as (_, bot):
        words = "sign match fail or timestamp is not within one hour from current time (code 19021)"
        assert await refusal(bot) == (f"{words}; check LARK_SIGN_SECRET and this machine's clock", False, None)


async def test_a_wrong_token_is_told_as_such() -> None:
    async with lark(token="canary-other") as (_, bot):
        words = "param invalid: incoming webhook access token invalid (code 19001)"
        assert await refusal(bot) == (f"{words}; check LARK_TOKEN", False, None)


@pytest.mark.parametrize("body", [{"code": 0, "msg": "success"}, {"StatusCode": 0, "StatusMessage": "success"}])
async def test_both_forms_of_success_count(body: dict[str, object]) -> None:
    async with lark(Fault(200, body)) as (_, bot):
        await bot.send("hello")


@pytest.mark.parametrize(
    "fault, expected",
    [
        (FakeLark.flooded(12), ("frequency limited psm[lark.oapi.app_platform_runtime] (code 11232)", True, 12.0)),
        (Fault(200, {"code": 9499, "msg": "too many request"}), ("too many request (code 9499)", True, None)),
        (Fault(400, {"code": 9499, "msg": "Bad Request"}), ("Bad Request (code 9499)", False, None)),
        (Fault(429, "", {"x-ogw-ratelimit-reset": "3"}), ("HTTP status 429", True, 3.0)),
        (Fault(429, "", {"Retry-After": "4"}), ("HTTP status 429", True, 4.0)),
        (HTML_503, ("HTTP status 503", True, None)),
        (Fault(200, {"code": 2200, "msg": "internal error"}), ("internal error (code 2200)", True, None)),
        (Fault(200, "<html>"), ("HTTP status 200", True, None)),
        (Fault(200, {"code": "0"}), ("HTTP status 200", False, None)),
        (Fault(200, {"code": False}), ("HTTP status 200", False, None)),
        (Fault(200, {"msg": "success"}), ("success", False, None)),
        (Fault(200, {"code": 19024, "msg": "Key Words Not Found"}), (
            "Key Words Not Found (code 19024); the bot demands a keyword: use signature verification instead",
            False,
            None,
        )),
    ],
)
async def test_an_answer_of_200_is_believed_only_with_code_0(
    fault: Fault, expected: tuple[str, bool, float | None]
) -> None:
    async with lark(fault) as (_, bot):
        assert await refusal(bot) == expected


async def test_a_service_that_hangs_is_left_after_the_timeout() -> None:
    async with lark(HANG, timeout_s=0.05) as (_, bot):
        assert await refusal(bot) == ("it did not answer in time", True, None)


@pytest.mark.parametrize(
    "text, taken",
    [
        ('refused <at user_id="all">x</at> < AT id=1>', 'refused (at user_id="all">x(/at> ( AT id=1>'),
        ("a < b <attention>", "a < b <attention>"),
        ("平" * 6000, "平" * 5000),
    ],
)
async def test_a_venues_words_call_nobody_and_a_long_text_is_cut(text: str, taken: str) -> None:
    async with lark() as (service, bot):
        await bot.send(text)
        assert service.texts == [taken]


async def test_printing_the_bot_shows_no_secret() -> None:
    async with lark(secret=SECRET) as (_, bot):
        assert "canary" not in f"{bot!r} {vars(bot)!r}"

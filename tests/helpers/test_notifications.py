"""The notifier in its thread: never in the way, drained within a bound, one service not in the other's way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

from helpers.clock import VirtualTimeLoop
from helpers.lark_bot import LarkBot
from helpers.messenger import Undelivered
from helpers.notifications import Kind, MessengerMaker, Notifier, Pace, notifier_for
from helpers.redaction import Redactor
from helpers.secret import Secret
from helpers.settings import load_settings
from helpers.telegram_bot import TelegramBot
from tests.support.fake_messengers import HANG, HTML_503, FakeLark, FakeTelegram

TELEGRAM_TOKEN = "123456789:AAcanaryTELEGRAMtokenAAAAAAAAAAAAAAA"
LARK_TOKEN = "cafe0000-1111-2222-3333-canaryLARKkey"
SOON = Pace(waiting=10, tries=3, first_pause_s=0.001, longest_pause_s=0.001, gap_s=0)
ROOT = Path(__file__).resolve().parents[2]


def notifier_to(
    telegram: FakeTelegram | None,
    lark: FakeLark | None = None,
    *,
    troubles: list[str] | None = None,
    pace: Pace = SOON,
    timeout_s: float = 20,
) -> Notifier:
    makers: list[MessengerMaker] = []
    if telegram is not None:
        telegram_url = telegram.base_url
        makers.append(lambda session: TelegramBot(session, Secret(TELEGRAM_TOKEN), "42", telegram_url))
    if lark is not None:
        lark_url = lark.base_url
        makers.append(lambda session: LarkBot(session, Secret(LARK_TOKEN), None, lark_url))
    said: list[str] = [] if troubles is None else troubles
    redactor = Redactor([Secret(TELEGRAM_TOKEN), Secret(LARK_TOKEN)])
    return Notifier(makers, redactor, label="paper ETH", on_trouble=said.append, pace=pace, timeout_s=timeout_s)


async def closed(notifier: Notifier, timeout_s: float = 20) -> int:
    """Close it in another thread: the fake services live on this loop."""
    return await asyncio.to_thread(notifier.close, timeout_s)


async def test_a_message_reaches_every_service_with_the_label() -> None:
    telegram, lark = FakeTelegram(TELEGRAM_TOKEN, "42"), FakeLark(LARK_TOKEN)
    async with telegram.running(), lark.running():
        notifier = notifier_to(telegram, lark)
        notifier.post(Kind.START, "posted before the start")
        notifier.start()
        notifier.post(Kind.STOP, "posted after it")
        assert await closed(notifier) == 0
    expected = ["[paper ETH] posted before the start", "[paper ETH] posted after it"]
    assert (telegram.texts, lark.texts, notifier.sent) == (expected, expected, 4)


async def test_what_came_in_between_is_tried_again_until_it_is_taken() -> None:
    telegram = FakeTelegram(TELEGRAM_TOKEN, "42")
    telegram.faults.extend([HTML_503, FakeTelegram.flooded(0)])
    troubles: list[str] = []
    async with telegram.running():
        notifier = notifier_to(telegram, troubles=troubles)
        notifier.start()
        notifier.post(Kind.HALT, "halted")
        assert await telegram.took(1) == ["[paper ETH] halted"]
        assert await closed(notifier) == 0
    assert troubles == [
        "Telegram does not take notifications: HTTP status 503",
        "Telegram takes notifications again; 0 were given up so far",
    ]


async def test_a_service_that_hangs_delays_neither_the_other_nor_the_end() -> None:
    telegram, lark = FakeTelegram(TELEGRAM_TOKEN, "42"), FakeLark(LARK_TOKEN)
    telegram.faults.append(HANG)
    async with telegram.running(), lark.running():
        notifier = notifier_to(telegram, lark, timeout_s=600)
        notifier.start()
        notifier.post(Kind.MISMATCH, "one")
        await telegram.was_asked(1)
        notifier.post(Kind.HALT, "two")
        assert await lark.took(2) == ["[paper ETH] one", "[paper ETH] two"]
        assert await closed(notifier, 0.05) == 2
        assert await closed(notifier, 0.05) == 2
    assert [thread.name for thread in threading.enumerate() if thread.name == "notifier"] == []


async def test_a_service_that_is_not_there_costs_a_bounded_number_of_tries() -> None:
    telegram = FakeTelegram(TELEGRAM_TOKEN, "42")
    async with telegram.running():
        pass
    troubles: list[str] = []
    notifier = notifier_to(telegram, troubles=troubles)
    notifier.start()
    notifier.post(Kind.START, "started")
    assert await closed(notifier) == 1
    assert [text.partition(": ")[0] for text in troubles] == ["Telegram does not take notifications"]


async def test_secrets_are_masked_and_control_characters_escaped_on_the_way() -> None:
    telegram = FakeTelegram(TELEGRAM_TOKEN, "42")
    async with telegram.running():
        notifier = notifier_to(telegram)
        notifier.start()
        notifier.post(Kind.ERROR, f"POST /bot{TELEGRAM_TOKEN}/x\nfailed\x1b[2J " + "x" * 5000)
        (text,) = await telegram.took(1)
        await closed(notifier)
    assert text.startswith("[paper ETH] POST /bot[redacted]/x\nfailed\\x1b[2J xxx")
    assert text.endswith(" more characters)")
    assert len(text) < 3100


async def test_more_than_can_wait_is_dropped_and_counted() -> None:
    telegram = FakeTelegram(TELEGRAM_TOKEN, "42")
    async with telegram.running():
        notifier = notifier_to(telegram)
        for number in range(25):
            notifier.post(Kind.ERROR, f"error {number}")
        notifier.start()
        assert await closed(notifier) == 15
    assert telegram.texts == [f"[paper ETH] error {number}" for number in range(10)]


async def test_a_message_after_the_end_is_dropped_and_counted() -> None:
    telegram = FakeTelegram(TELEGRAM_TOKEN, "42")
    async with telegram.running():
        notifier = notifier_to(telegram)
        notifier.start()
        assert await closed(notifier) == 0
        notifier.post(Kind.STOP, "too late")
    assert (telegram.texts, notifier.dropped) == ([], 1)


def test_a_notifier_that_was_never_started_closes_at_once() -> None:
    notifier = notifier_to(FakeTelegram(TELEGRAM_TOKEN, "42"))
    notifier.post(Kind.START, "started")
    assert notifier.close(20) == 1


class BrokenMessenger:
    name = "Broken"

    async def send(self, text: str) -> None:
        raise RuntimeError(f"a bug, with {TELEGRAM_TOKEN}")


async def test_a_bug_in_one_messenger_ends_that_one_only() -> None:
    lark = FakeLark(LARK_TOKEN)
    troubles: list[str] = []
    async with lark.running():
        lark_url = lark.base_url
        makers: list[MessengerMaker] = [
            lambda _: BrokenMessenger(),
            lambda session: LarkBot(session, Secret(LARK_TOKEN), None, lark_url),
        ]
        notifier = Notifier(makers, Redactor(), on_trouble=troubles.append, pace=SOON)
        notifier.start()
        notifier.post(Kind.START, "one")
        await lark.took(1)
        notifier.post(Kind.STOP, "two")
        assert await lark.took(2) == ["one", "two"]
        assert await closed(notifier) == 2
    assert troubles == ["notifications to one service ended: RuntimeError"]


def test_a_notifier_that_cannot_begin_says_so_and_stays_out_of_the_way() -> None:
    def maker(_: object) -> TelegramBot:
        raise Undelivered("no", retry=False)

    troubles: list[str] = []
    notifier = Notifier([maker], Redactor(), on_trouble=troubles.append)
    notifier.start()
    notifier.post(Kind.START, "one")
    assert notifier.close(20) == 1
    assert troubles == ["notifications ended: Undelivered"]


def test_trading_in_virtual_time_does_not_wait_for_real_services() -> None:
    """A virtual day passes while the service hangs, in one go, and each post returns at once."""

    async def trade(notifier: Notifier) -> float:
        for hour in range(24):
            notifier.post(Kind.ERROR, f"hour {hour}")
            await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    async def serve(ready: threading.Event, telegram: FakeTelegram, over: asyncio.Event) -> None:
        async with telegram.running():
            ready.set()
            await over.wait()

    telegram, ready = FakeTelegram(TELEGRAM_TOKEN, "42"), threading.Event()
    telegram.faults.extend([HANG] * 30)
    services = asyncio.new_event_loop()
    over = asyncio.Event()
    thread = threading.Thread(target=lambda: services.run_until_complete(serve(ready, telegram, over)))
    thread.start()
    assert ready.wait(20)
    notifier = notifier_to(telegram, timeout_s=600)
    notifier.start()
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(0)) as runner:
        assert runner.run(trade(notifier)) == 24 * 3600
    # Whatever of the 24 was still on its way is given up, none was taken.
    assert notifier.close(0.01) == 24
    services.call_soon_threadsafe(over.set)
    thread.join(20)
    services.close()


async def test_the_configured_services_are_the_ones_that_are_told(tmp_path: Path) -> None:
    telegram, lark = FakeTelegram(TELEGRAM_TOKEN, "42"), FakeLark(LARK_TOKEN)
    async with telegram.running(), lark.running():
        environment = {
            "TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN,
            "TELEGRAM_CHAT_ID": "42",
            "TELEGRAM_BASE_URL": telegram.base_url,
            "LARK_TOKEN": LARK_TOKEN,
            "LARK_BASE_URL": lark.base_url,
        }
        settings = load_settings(tmp_path / ".env", environment, must_exist=False)
        notifier = notifier_for(settings, Redactor(settings.secrets()), label="paper ETH")
        notifier.start()
        notifier.post(Kind.START, "started")
        assert await closed(notifier) == 0
    assert (telegram.texts, lark.texts) == (["[paper ETH] started"], ["[paper ETH] started"])


def test_without_keys_nothing_is_imported_started_or_counted() -> None:
    code = """
import sys, threading, pathlib
from helpers.settings import load_settings
from helpers.redaction import Redactor
from helpers.notifications import Kind, notifier_for
notifier = notifier_for(load_settings(pathlib.Path("no such file"), {}, must_exist=False), Redactor())
notifier.start()
notifier.post(Kind.START, "started")
print(notifier.close(20), notifier.dropped, threading.active_count(), "aiohttp" in sys.modules, "dotenv" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "0 0 1 False False\n"

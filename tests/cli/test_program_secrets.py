"""Keys: where they go (the messengers), and where they must never be."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.fake_messengers import HANG, FakeLark, FakeTelegram
from tests.support.program import LIMIT_S, RUNBOT, Program

ASKED = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.02", "--wait-time", "20", "--seed", "7")
TOKEN = "987654321:canary-TelegramToken_0123456789abc"
LARK = "canary-lark-webhook-0123456789"
SIGNING = "canary+lark/signing=0123456789"
VENUE = "canary-venue-key-deadbeefcafe0123"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def with_keys(program: Program, telegram_url: str, lark_url: str) -> None:
    keys = program.file(".env")
    keys.write_text(
        f"TELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=42\nTELEGRAM_BASE_URL={telegram_url}\n"
        f"LARK_TOKEN={LARK}\nLARK_SIGN_SECRET={SIGNING}\nLARK_BASE_URL={lark_url}\n"
        f"SOME_VENUE_API_KEY={VENUE}\n"
    )
    keys.chmod(0o600)


def forms_of(secret: str) -> set[bytes]:
    """A secret as it may be written by accident: plain, in an address, in base64, in hexadecimal, and its beginning."""
    raw = secret.encode()
    encoded = base64.b64encode(raw).rstrip(b"=")
    return {raw, quote(secret, safe="").encode(), encoded, raw.hex().encode(), raw[:18]}


def leaks(program: Program, *said: str) -> list[str]:
    """Every place but the env file in which a canary sings."""
    texts = {f"output {number}": text.encode() for number, text in enumerate(said)}
    for path in program.folder.rglob("*"):
        if path.is_file() and path.name != ".env":
            texts[str(path)] = path.read_bytes()
    assert len(texts) >= 5 + len(said), texts.keys()
    forms = set().union(*(forms_of(secret) for secret in (TOKEN, LARK, SIGNING, VENUE)))
    return [place for place, text in texts.items() if any(form in text for form in forms)]


@asynccontextmanager
async def messengers(lark_token: str = LARK) -> AsyncIterator[tuple[FakeTelegram, FakeLark]]:
    tg, lk = FakeTelegram(TOKEN, "42"), FakeLark(lark_token, SIGNING, now_s=int(time.time()))
    async with tg.running(), lk.running():
        yield tg, lk


async def ended(program: Program, *flags: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RUNBOT), *flags, cwd=program.folder, env=program.environment, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_start_and_stop_reach_the_messengers_and_no_key_is_anywhere(program: Program) -> None:
    async with messengers() as (tg, lk):
        with_keys(program, tg.base_url, lk.base_url)
        status, out, err = await ended(program, *ASKED, "--speed", "50", "--for", "1m", "--json", "out.json")
        assert (status, err) == (0, "")
        for service in (tg, lk):
            first, *_, last = service.texts
            assert first.startswith("[paper BTC] ")
            assert "buy 0.01, take-profit 0.02 %" in first
            assert "the session's time is up" in last
    assert leaks(program, out, err) == []


async def test_a_messenger_that_hangs_or_refuses_delays_the_end_by_seconds_only(program: Program) -> None:
    async with messengers("another-token") as (tg, lk):
        tg.faults.extend([HANG] * 10)
        with_keys(program, tg.base_url, lk.base_url)
        async with asyncio.timeout(40):
            status, out, err = await ended(program, *ASKED, "--speed", "50", "--for", "30s")
        assert (status, err) == (0, "")
        assert lk.texts == []
    assert leaks(program, out, err) == []


async def test_a_session_at_full_speed_sends_nothing(program: Program) -> None:
    async with messengers() as (tg, lk):
        with_keys(program, tg.base_url, lk.base_url)
        status, out, err = await ended(program, *ASKED, "--speed", "max", "--for", "10m")
        assert (status, err, tg.requests, lk.requests) == (0, "", [], [])
    assert leaks(program, out, err) == []


def test_a_refused_key_is_not_shown(program: Program) -> None:
    with_keys(program, "http://127.0.0.1:9", "http://127.0.0.1:9")
    keys = program.file(".env")
    for wrong in (f"TELEGRAM_BOT_TOKEN={VENUE}!", f"LARK_TOKEN=https://x.example/hook/{LARK}", f"TIMEZONE={VENUE}"):
        keys.write_text(f"{keys.read_text()}{wrong}\n")
        refused = program.run(*ASKED, "--speed", "max", "--for", "1m").error
        shown = refused.replace(f"TIMEZONE '{VENUE}'", "")  # a time zone is no secret
        assert not any(form.decode() in shown for secret in (TOKEN, LARK, VENUE) for form in forms_of(secret))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_key_of_the_env_file_is_in_the_environment_or_the_arguments(program: Program) -> None:
    keys = program.file(".env")
    keys.write_text(f"SOME_VENUE_API_KEY={VENUE}\nSOME_VENUE_API_SECRET={SIGNING}\nUNUSED_BOT_TOKEN={TOKEN}\n")
    keys.chmod(0o600)
    with program.started(*ASKED, "--speed", "50") as running:
        running.line_with("open buy")
        place = Path("/proc", str(running.process.pid))
        seen = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
        running.signal(signal.SIGINT)
        assert running.end().status == 0
    assert program.environment["PATH"].encode() in seen
    assert not any(form in seen for secret in (TOKEN, SIGNING, VENUE) for form in forms_of(secret))


def test_reading_settings_puts_nothing_into_the_environment_of_children(program: Program) -> None:
    """What a child process would inherit, asked of one, after the settings were read."""
    with_keys(program, "http://127.0.0.1:9", "http://127.0.0.1:9")
    from helpers.settings import load_settings

    before = dict(os.environ)
    settings = load_settings(program.file(".env"), {}, must_exist=True)
    assert settings.raw("SOME_VENUE_API_KEY") == VENUE
    assert dict(os.environ) == before


def test_the_files_of_a_session_are_its_owner_s_alone(program: Program) -> None:
    assert program.run(*ASKED, "--speed", "max", "--for", "1m").status == 0
    modes = {name: program.file(name).stat().st_mode & 0o077 for name in program.names() if "." in name}
    assert {name for name, mode in modes.items() if mode and not name.endswith("ledger.sqlite")} == set()

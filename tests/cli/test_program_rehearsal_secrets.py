"""Throw-away keys are guarded like real ones: nothing of them is in any file, message or line of a session."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import time
from pathlib import Path
from urllib.parse import quote

from exchanges.factory import ExchangeFactory
from tests.support.fake_messengers import FakeLark, FakeTelegram
from tests.support.program import Ended, Program
from tests.support.twin_program import ASKED, VENUES, Served, each_venue, served

TOKEN = "987654321:canary-TelegramToken_0123456789abc"
LARK = "canary-lark-webhook-0123456789"
SIGNING = "canary+lark/signing=0123456789"
SHOWN_OF_A_KEY = 8
"""So many characters of a key, from its beginning, would already be a leak."""


def in_address(text: str) -> str:
    return quote(text, safe="")


def forms_of(secret: str) -> set[bytes]:
    """A secret as it may be written by accident: whole, its beginning, in hexadecimal, in base64, in an address."""
    plain = secret.removeprefix("0x")
    texts = {secret, plain}
    raws = {text.encode() for text in texts}
    with contextlib.suppress(ValueError):
        raws.add(bytes.fromhex(plain))
    with contextlib.suppress(ValueError):
        raws.add(base64.b64decode(plain, validate=True))
    for raw in raws:
        texts |= {raw.hex(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    texts |= {change(text) for text in list(texts) for change in (str.lower, str.upper, in_address)}
    beginnings = {text[:SHOWN_OF_A_KEY] for text in texts if len(text) >= SHOWN_OF_A_KEY}
    return {text.encode() for text in beginnings | {text[:-1] for text in texts if len(text) > SHOWN_OF_A_KEY}}


def secrets_of(venue: str, twin: Served) -> list[str]:
    names = [key.name for key in ExchangeFactory.load_venue(venue).KEYS if key.is_secret]
    found = [twin.env[name] for name in names if name in twin.env]
    assert found, venue
    return found


def places_with(secrets: list[str], folder: Path, *said: str) -> list[str]:
    """Every file and text in which a form of a secret stands."""
    texts = {f"text {number}": text.encode() for number, text in enumerate(said)}
    texts |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(texts) >= len(said) + 3, sorted(texts)
    forms = set(itertools.chain.from_iterable(map(forms_of, secrets)))
    return sorted(place for place, text in texts.items() if any(form in text for form in forms))


def traded(folder: Path, venue: str, messengers: dict[str, str]) -> tuple[list[str], Ended]:
    """A session on a twin, and one that finds nobody there; where something of a key was found, and the first's end."""
    folder.mkdir()
    with served(folder, venue) as twin:
        program = Program(folder, {**twin.env, **messengers})
        ended = program.run("--exchange", venue, *ASKED, "--for", "12s", "--json", "out.json")
        elsewhere = {f"{venue.upper()}_BASE_URL": "http://127.0.0.1:9"}
        gone = program.run("--exchange", venue, *ASKED, "--for", "1s", environment=elsewhere)
        secrets = [*secrets_of(venue, twin), TOKEN, SIGNING, LARK]
    assert gone.status == 2, gone
    return places_with(secrets, folder, ended.out, ended.err, gone.out, gone.err), ended


async def test_nothing_of_a_key_is_anywhere(tmp_path: Path) -> None:
    telegram, lark = FakeTelegram(TOKEN, "42"), FakeLark(LARK, SIGNING, now_s=int(time.time()))
    async with telegram.running(), lark.running():
        messengers = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_CHAT_ID": "42",
            "TELEGRAM_BASE_URL": telegram.base_url,
            "LARK_TOKEN": LARK,
            "LARK_SIGN_SECRET": SIGNING,
            "LARK_BASE_URL": lark.base_url,
        }
        found = await asyncio.to_thread(each_venue, lambda venue: traded(tmp_path / venue, venue, messengers))
    assert {venue: ended.status for venue, (_, ended) in found.items()} == dict.fromkeys(VENUES, 0)
    assert {venue: places for venue, (places, _) in found.items() if places} == {}
    assert len(telegram.texts) >= 2 * len(VENUES)


def test_a_search_for_keys_would_find_one(tmp_path: Path) -> None:
    """The referee of the test above."""
    secret = "0x" + "1f2e3d4c5b6a7988" * 4
    hidden = {
        "plain": secret,
        "bare": secret[2:],
        "beginning": secret[:12],
        "upper": secret[2:].upper(),
        "base64": base64.b64encode(bytes.fromhex(secret[2:])).decode(),
        "base64-of-text": base64.b64encode(secret.encode()).decode(),
        "hex-of-text": secret.encode().hex(),
        "url": quote("+/" + secret, safe=""),
    }
    for name, text in hidden.items():
        (tmp_path / name).write_text(f"before {text} after")
    (tmp_path / "innocent").write_text("before 0x1f2e after")
    assert places_with([secret], tmp_path) == sorted(hidden)

"""The activity log and what it masks: hostile words, known secrets in any dress, and a disk that fails."""

from __future__ import annotations

import base64
import logging
import os
import re
from pathlib import Path
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import NANOSECONDS
from helpers.clock import VirtualClock
from helpers.env_file import SettingsError
from helpers.logger import ActivityLog, Level, RedactingFormatter, capture_logging, file_stem, open_private
from helpers.redaction import Redactor, printable
from helpers.secret import MASK, Secret

CANARY = "123456789:AAcanary-TOKEN_/+with?odd=characters"
HEX_KEY = "0x" + "c0ffee00" * 8
START_NS = 1_723_089_600 * NANOSECONDS
SHANGHAI = ZoneInfo("Asia/Shanghai")

needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def log_at(path: Path, clock: VirtualClock, max_bytes: int = 10_000_000, backups: int = 5) -> ActivityLog:
    return ActivityLog(path, clock, SHANGHAI, Redactor([Secret(CANARY)]), max_bytes=max_bytes, backups=backups)


def test_a_line_has_time_with_offset_level_and_text(tmp_path: Path) -> None:
    clock = VirtualClock(START_NS + 1_234_567)
    log = log_at(tmp_path / "logs" / "paper_ETH_activity.log", clock)
    log.line(Level.INFO, "open placed at 2400.1")
    clock.move_to(START_NS + 3600 * NANOSECONDS)
    log.line(Level.WARNING, "waits")
    log.close()
    assert (tmp_path / "logs" / "paper_ETH_activity.log").read_text() == (
        "2024-08-08 12:00:00.001+08:00 INFO    open placed at 2400.1\n"
        "2024-08-08 13:00:00.000+08:00 WARNING waits\n"
    )


def test_the_same_virtual_session_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        log = log_at(tmp_path / name, VirtualClock(START_NS))
        for number in range(100):
            log.line(Level.INFO, f"line {number}")
        log.close()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_second_session_appends(tmp_path: Path) -> None:
    for text in ("first", "second"):
        log = log_at(tmp_path / "log", VirtualClock(START_NS))
        log.line(Level.INFO, text)
        log.close()
        log.close()
        log.line(Level.INFO, "after the end")
    assert [line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()] == ["first", "second"]


def test_a_venues_words_can_forge_no_line_and_command_no_terminal(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", VirtualClock(START_NS))
    log.line(Level.ERROR, "refused: \x1b[2Jx\r\n2024 INFO all is well\x00\x9b31m\u202egnp\u2028\udcff")
    log.close()
    assert (tmp_path / "log").read_text() == (
        "2024-08-08 12:00:00.000+08:00 ERROR   refused: "
        r"\x1b[2Jx\r\n2024 INFO all is well\x00\x9b31m\u202egnp\u2028\udcff" + "\n"
    )


def test_a_long_text_is_cut_with_a_note() -> None:
    assert printable("x" * 30, 10) == "xxxxxxxxxx ... (20 more characters)"
    assert printable("a\nb\x07", keep_newlines=True) == "a\nb\\x07"


@given(st.text())
def test_printable_text_stays_printable_and_plain_text_stays_itself(text: str) -> None:
    shown = printable(text, 10**6)
    assert printable(shown, 10**6) == shown
    assert "\n" not in shown
    assert shown.encode().decode() == shown
    if text.isprintable():
        assert shown == text


def test_a_cut_leaves_no_head_of_a_secret_behind(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", VirtualClock(START_NS))
    log.line(Level.INFO, "x" * (4000 - 12) + CANARY)
    log.close()
    assert "1234" not in (tmp_path / "log").read_text()[60:]


def test_the_file_rotates_and_keeps_so_many(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = log_at(path, VirtualClock(START_NS), max_bytes=100, backups=2)
    for number in range(10):
        log.line(Level.INFO, f"line number {number}")
    log.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    ends = {each.name: re.findall(r"number (\d)", each.read_text()) for each in tmp_path.iterdir()}
    assert ends == {"log": ["9"], "log.1": ["8"], "log.2": ["7"]} or ends == {
        "log": ["8", "9"],
        "log.1": ["6", "7"],
        "log.2": ["4", "5"],
    }
    assert all(each.stat().st_size <= 120 for each in tmp_path.iterdir())


def test_without_backups_the_file_starts_anew(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", VirtualClock(START_NS), max_bytes=60, backups=0)
    for number in range(3):
        log.line(Level.INFO, f"line number {number}")
    log.close()
    assert [(each.name, each.read_text()[-2]) for each in tmp_path.iterdir()] == [("log", "2")]


@pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
def test_only_the_owner_may_read_the_log(tmp_path: Path) -> None:
    log_at(tmp_path / "log", VirtualClock(START_NS)).close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    path = tmp_path / "logs" / "paper_ETH_activity.log"
    with pytest.raises(SettingsError) as refused:
        log_at(path, VirtualClock(START_NS))
    assert re.fullmatch(
        rf"cannot write the activity log {re.escape(str(path))}: [^\n]+; name another folder with --log-dir",
        str(refused.value),
    )


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told apart here")
def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(SettingsError):
        log_at(tmp_path / "log", VirtualClock(START_NS))
    assert not (tmp_path / "victim").exists()


class FailingDisk:
    """Opens the real file, or a device that is always full while `full`."""

    def __init__(self) -> None:
        self.full = False
        self.opened = 0

    def __call__(self, path: Path) -> int:
        self.opened += 1
        return os.open("/dev/full", os.O_WRONLY) if self.full else open_private(path)


def works(log: ActivityLog) -> bool:
    return log.trouble is None


def log_on(disk: FailingDisk, path: Path, clock: VirtualClock) -> ActivityLog:
    return ActivityLog(path, clock, SHANGHAI, Redactor(), opener=disk)


@needs_full_device
def test_a_full_disk_costs_no_line_once_there_is_room_again(tmp_path: Path) -> None:
    disk, clock = FailingDisk(), VirtualClock(START_NS)
    disk.full = True
    log = log_on(disk, tmp_path / "log", clock)
    log.line(Level.INFO, "one")
    assert log.trouble == f"the activity log {tmp_path / 'log'} cannot be written: No space left on device"
    disk.full = False
    log.line(Level.INFO, "two, too soon for another try")
    assert (works(log), disk.opened) == (False, 1)
    clock.move_to(START_NS + 5 * NANOSECONDS)
    log.line(Level.INFO, "three")
    assert (works(log), disk.opened) == (True, 2)
    log.close()
    assert [line.split()[3] for line in (tmp_path / "log").read_text().splitlines()] == ["one", "two,", "three"]


@needs_full_device
def test_lines_lost_to_a_long_outage_are_counted(tmp_path: Path) -> None:
    disk = FailingDisk()
    disk.full = True
    log = log_on(disk, tmp_path / "log", VirtualClock(START_NS))
    for number in range(1005):
        log.line(Level.INFO, f"line {number}")
    disk.full = False
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].split(maxsplit=3)[3].startswith("5 lines before this one were lost: the activity log ")
    assert [line.split()[-1] for line in lines[1:]] == [str(number) for number in range(5, 1005)]


@needs_full_device
def test_a_disk_that_stays_full_ends_quietly(tmp_path: Path) -> None:
    disk = FailingDisk()
    disk.full = True
    log = log_on(disk, tmp_path / "log", VirtualClock(START_NS))
    log.line(Level.INFO, "one")
    log.close()
    assert log.trouble is not None


def test_rotation_that_fails_is_trouble_and_is_tried_again(tmp_path: Path) -> None:
    clock = VirtualClock(START_NS)
    log = log_at(tmp_path / "log", clock, max_bytes=60, backups=1)
    log.line(Level.INFO, "one")
    (tmp_path / "log.1" / "in the way").mkdir(parents=True)
    log.line(Level.INFO, "two two two")
    assert not works(log)
    (tmp_path / "log.1" / "in the way").rmdir()
    (tmp_path / "log.1").rmdir()
    clock.move_to(START_NS + 5 * NANOSECONDS)
    log.line(Level.INFO, "three three")
    log.close()
    assert works(log)
    assert (tmp_path / "log").read_text().endswith("three three\n")


def test_file_stems_of_different_bots_differ() -> None:
    assert file_stem("paper", "ETH") == "paper_ETH"
    assert file_stem("edgex", "1000PEPE", "main_2") == "edgex_1000PEPE_main_2"


@pytest.mark.parametrize("ticker", ["", "A/B", "..", "A_B", "A\nB", "A" * 65])
def test_a_ticker_that_cannot_be_in_a_file_name_is_refused(ticker: str) -> None:
    with pytest.raises(SettingsError, match="cannot be in a file name"):
        file_stem("paper", ticker)


def test_an_account_that_cannot_be_in_a_file_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be in a file name"):
        file_stem("paper", "ETH", "../x")


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        raw.hex(),
        raw.hex().upper(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        re.sub("%..", lambda match: match.group().lower(), quote(secret, safe="")),
        repr(secret)[1:-1],
    ]


@pytest.mark.parametrize("form", forms(CANARY))
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    assert Redactor([Secret(CANARY)])(f"POST /x?k={form}&y=1").replace(MASK, "") in (
        "POST /x?k=&y=1",
        # The last base64 character depends on what follows, and tells nothing.
        f"POST /x?k={form[-1]}&y=1",
    )


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_secret_inside_longer_base64_is_masked(offset: int) -> None:
    text = base64.b64encode(b"u" * offset + CANARY.encode() + b":pass").decode()
    masked = Redactor([Secret(CANARY)])(text)
    assert MASK in masked
    assert len(masked.replace(MASK, "")) < 16


@pytest.mark.parametrize("length", range(8, len(CANARY)))
def test_the_head_of_a_secret_is_masked_too(length: int) -> None:
    assert Redactor([Secret(CANARY)])(f"key {CANARY[:length]}...") == f"key {MASK}..."


def test_other_encodings_of_a_hexadecimal_key_are_masked() -> None:
    key = bytes.fromhex(HEX_KEY[2:])
    redact = Redactor([Secret(HEX_KEY)])
    for form in (HEX_KEY, HEX_KEY[2:].upper(), str(int(HEX_KEY, 16)), base64.b64encode(key).decode().rstrip("=")[:-1]):
        assert redact(f"<{form}>") == f"<{MASK}>"


def test_the_bytes_of_a_base64_key_are_masked() -> None:
    key = bytes(range(100, 132))
    assert Redactor([Secret(base64.b64encode(key).decode())])(f"<{key.hex()}>") == f"<{MASK}>"


def test_overlapping_secrets_leave_nothing_between_them() -> None:
    redact = Redactor([Secret("abcdefghXYZ"), Secret("efghijklmnop")])
    assert redact("<abcdefghijklmnop> <abcdefghXYZefghijklmnop>") == f"<{MASK}> <{MASK}>"


def test_text_without_a_secret_stays_as_it_is() -> None:
    redact = Redactor([Secret(CANARY)])
    assert redact("price 2400.1, order 12345") == "price 2400.1, order 12345"
    assert Redactor()("anything") == "anything"


LETTERS = "abcXYZ01:/+-_ "


@given(
    st.lists(st.text(LETTERS, min_size=8, max_size=20), min_size=1, max_size=3),
    st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=5),
    st.data(),
)
def test_no_secret_survives_among_any_words(secrets: list[str], words: list[str], data: st.DataObject) -> None:
    redact = Redactor(Secret(secret) for secret in secrets)
    every_form = st.sampled_from([form for secret in secrets for form in forms(secret)])
    text = "".join(part for word in words for part in (word, data.draw(every_form)))
    # What follows base64 decides its last character, which is not the secret's.
    hidden = [form[:-1] for secret in secrets for form in forms(secret)]
    assert not [form for piece in redact(text).split(MASK) for form in hidden if form in piece]


def test_what_libraries_log_is_masked_with_its_traceback(tmp_path: Path) -> None:
    redactor = Redactor([Secret(CANARY)])
    log = ActivityLog(tmp_path / "log", VirtualClock(START_NS), SHANGHAI, redactor)
    before = list(logging.getLogger().handlers)
    undo = capture_logging(log, redactor)
    library = logging.getLogger("some.library")
    try:
        raise RuntimeError(f"no connection to https://host/bot{CANARY}/x")
    except RuntimeError:
        library.exception("request of %s failed", {"token": CANARY})
    library.warning("%d is not a number", "x")
    library.info("below the threshold")
    undo()
    log.close()
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.startswith("2024-08-08 12:00:00.000+08:00 ERROR   some.library: request of {'token': '[redacted]'}")
    assert first.endswith(r"RuntimeError: no connection to https://host/bot[redacted]/x")
    assert second.endswith("WARNING some.library: a line that cannot be formatted")
    assert "canary" not in first
    assert logging.getLogger().handlers == before


def test_the_formatter_masks_for_any_handler() -> None:
    record = logging.LogRecord("aiohttp", logging.ERROR, "f", 1, "url %s\n", (f"/bot{CANARY}",), None)
    assert RedactingFormatter(Redactor([Secret(CANARY)])).format(record) == r"aiohttp: url /bot[redacted]\n"

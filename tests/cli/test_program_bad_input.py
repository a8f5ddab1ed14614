"""Every mistake a person can make on the command line or around it: one line that says what to do, status 2."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.program import Program

BTC = ("--ticker", "BTC", "--quantity", "0.01")
SHORT = ("--seed", "7", "--speed", "max", "--for", "1m")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.mark.parametrize(
    "flags, advice",
    [
        (("--exchange", "bitmax"), "use paper"),
        (("--exchange", "grvt"), "use paper"),
        (("--ticker", "BTCC"), "did you mean BTC"),
        (("--ticker", "../x"), "give the base asset"),
        (("--tiker", "BTC"), "Did you mean --ticker"),
        (("backtset",), "Did you mean backtest"),
        (("--quantity", "0"), "must be above 0"),
        (("--quantity", "-0.1"), "must be above 0"),
        (("--quantity", "NaN"), "write it like 0.1"),
        (("--quantity", "1e-9"), "give 0.001 or more"),
        (("--quantity", "0.1.2"), "write it like 0.1"),
        (("--quantity", "1e30"), "the limit is"),
        (("--quantity", "100000000"), "give less, or more --balance"),
        (("--quantity", "0.0005"), "give 0.001 or more"),
        (("--quantity", "0.0105"), "give 0.01 or 0.011"),
        (("--take-profit", "0"), "above 0"),
        (("--take-profit", "0.0001"), "give 0.000167 or more"),
        (("--max-orders", "0"), "from 1 to"),
        (("--stop-price", "60000", "--pause-price", "61000"), "give a stop price above the pause price"),
        (("--direction", "sell", "--stop-price", "61000", "--pause-price", "60000"), "give a stop price below"),
        (("--env-file", "keys.env"), "cp env_example.txt keys.env"),
        (("--json", "no/such/folder/out.json"), "create it"),
        (("--replay", "none.parquet"), "check the path given to --replay"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(program: Program, flags: tuple[str, ...], advice: str) -> None:
    asked = flags if "--" not in flags[0] else (*BTC, *(SHORT if "--replay" not in flags else ()), *flags)
    assert advice in program.run(*asked).error
    assert program.names() == set()


def test_full_speed_without_an_end_is_refused(program: Program) -> None:
    assert "add --for" in program.run(*BTC, "--speed", "max").error
    assert program.names() == set()


def test_a_take_profit_under_the_fees_is_stated_with_its_cost_and_traded(program: Program) -> None:
    ended = program.run(*BTC, *SHORT, "--take-profit", "0.05", "--maker-fee", "0.03")
    assert (ended.status, ended.err) == (0, "")
    (warning,) = [line for line in ended.out.splitlines() if line.startswith("warning: ")]
    assert warning == (
        "warning: --take-profit 0.05 does not earn the round-trip fee of 0.06 % (maker 0.03 % twice): "
        "each round trip costs about 0.0601 in quote currency (0.01 % of 600)"
    )


@pytest.mark.parametrize("flag", ["--state-dir", "--log-dir"])
@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_made(
    program: Program, flag: str, place: str
) -> None:
    """A file in the folder's place: refused to the administrator too, whom file modes do not stop."""
    program.file("taken").write_text("mine")
    assert "choose another" in program.run(*BTC, *SHORT, flag, place).error
    assert program.names() == {"taken"}
    assert program.file("taken").read_text() == "mine"


@pytest.mark.parametrize("name", ["paper_BTC_activity.log", "paper_BTC_orders.csv"])
def test_a_log_file_that_cannot_be_written_is_refused_and_mars_no_later_start(program: Program, name: str) -> None:
    program.file("logs", name).mkdir(parents=True)
    program.file("logs", name, "mine").touch()
    assert name in program.run(*BTC, *SHORT).error
    assert program.run(*BTC, *SHORT, "--seed", "8", "--log-dir", "other").status == 0


def test_a_mistake_leaves_an_ended_session_where_it_was(program: Program) -> None:
    assert program.run(*BTC, *SHORT).status == 0
    before = program.names()
    for flags in (("--quantity", "0.0005"), ("--take-profit", "0.0001"), ("--balance", "1")):
        assert program.run(*BTC, *SHORT, *flags).error
    assert program.run(*BTC, "--speed", "max", "--replay", "none.csv", "--fresh").error
    assert program.names() == before


# --- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, advice",
    [
        ("TIMEZONE=Mars/Olympus\n", "use an IANA name"),
        ("TIMEZONE=Europe/Berlim\n", "did you mean Europe/Berlin"),
        ('TELEGRAM_BOT_TOKEN="123:abc\n"\nTELEGRAM_CHAT_ID=1\n', "write it without"),
        ("TELEGRAM_BOT_TOKEN=123:abc\n", "TELEGRAM_CHAT_ID is not set"),
        ("TELEGRAM_BASE_URL=https://example.org\n", "must be https://api.telegram.org"),
        ("what is this\n", "keys.env"),
    ],
)
def test_a_wrong_setting_is_one_line(program: Program, text: str, advice: str) -> None:
    keys = program.file("keys.env")
    keys.write_text(text)
    keys.chmod(0o600)
    assert advice in program.run(*BTC, *SHORT, "--env-file", "keys.env").error
    assert program.names() == {"keys.env"}


def test_a_token_with_a_stray_line_break_in_the_environment_is_one_line(program: Program) -> None:
    around = {"TELEGRAM_BOT_TOKEN": "123:abc\n", "TELEGRAM_CHAT_ID": "1"}
    assert "TELEGRAM_BOT_TOKEN in the environment" in program.run(*BTC, *SHORT, environment=around).error


def test_keys_that_others_can_read_are_refused(program: Program) -> None:
    keys = program.file(".env")
    keys.write_text("TELEGRAM_BOT_TOKEN=123:abc\nTELEGRAM_CHAT_ID=1\n")
    keys.chmod(0o644)
    assert "chmod 600 .env" in program.run(*BTC, *SHORT).error
    keys.write_text("TELEGRAM_BOT_TOKEN=\nTIMEZONE=UTC\n")
    ended = program.run(*BTC, *SHORT)
    assert (ended.status, ended.out.count("note: every user of this machine can read .env")) == (0, 1)


def test_an_env_file_that_is_a_folder_is_refused(program: Program) -> None:
    program.file("keys.env").mkdir()
    assert "name a file" in program.run(*BTC, *SHORT, "--env-file", "keys.env").error


# --- the account ----------------------------------------------------------------------------------------------------


def test_a_second_process_on_the_same_account_is_refused_and_harms_nothing(program: Program) -> None:
    with program.started(*BTC, "--seed", "7", "--speed", "1", "--json", "out.json") as first:
        first.line_with("session started")
        refused = program.run(*BTC, *SHORT).error
        assert f"process {first.process.pid} is already trading this account and ticker" in refused
        assert "stop it first" in refused
        assert "already trading" in program.run(*BTC, *SHORT, "--fresh").error
        first.signal(signal.SIGINT)
        assert first.end().status == 0
    assert program.report()["reason"] == "stopped by Ctrl-C"


def test_an_account_of_another_name_is_another_account(program: Program) -> None:
    with program.started(*BTC, "--seed", "7", "--speed", "1") as first:
        first.line_with("session started")
        assert program.run(*BTC, *SHORT, environment={"ACCOUNT_NAME": "second"}).status == 0


def test_a_damaged_account_is_refused_with_a_way_out(program: Program) -> None:
    program.file("state").mkdir()
    ledger = program.file("state", "paper_BTC.ledger.sqlite")
    ledger.write_bytes(b"not a database" * 100)
    assert "--fresh" in program.run(*BTC, *SHORT).error
    assert program.run(*BTC, *SHORT, "--fresh").status == 0
    assert program.file("state", "archive", "0001_paper_BTC.ledger.sqlite").read_bytes() == b"not a database" * 100

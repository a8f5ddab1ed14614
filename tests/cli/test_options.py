"""The command line: what is understood, and the one line that answers what is not."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.flags import COMMANDS, FLAGS
from commands.options import CommandRequest, Exchanges, RunOptions, UsageError, build_parser, parse
from domain.market import MarketRules, Side
from domain.stop import StopMode

ROOT = Path(__file__).parents[2]
KNOWN = Exchanges(ready=("paper", "somewhere"), later=("elsewhere",))


def options(*argv: str) -> RunOptions:
    parsed = parse(argv, KNOWN)
    assert isinstance(parsed, RunOptions)
    return parsed


def complaint(*argv: str) -> str:
    """The one line that answers `argv`, which must be refused without a word on either stream."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(UsageError) as caught:
        parse(argv, KNOWN)
    assert out.getvalue() + err.getvalue() == ""
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message


def help_text() -> str:
    """The help with its line breaks taken out."""
    return " ".join(build_parser(KNOWN).format_help().split())


def test_without_flags_every_value_is_the_documented_default() -> None:
    assert options() == RunOptions(
        exchange="paper",
        ticker="ETH",
        quantity=Decimal("0.1"),
        take_profit=Decimal("0.02"),
        direction=Side.BUY,
        max_orders=40,
        wait_time=Decimal(450),
        grid_step=Decimal(-100),
        stop_price=Decimal(-1),
        pause_price=Decimal(-1),
        boost=False,
        on_stop=StopMode.KEEP,
        for_ns=None,
        env_file=Path(".env"),
        seed=None,
        replay=(),
        market=None,
        speed=Decimal(1),
        maker_fee_rate=Decimal(0),
        taker_fee_rate=Decimal("0.0005"),
        latency_ns=50_000_000,
        balance=Decimal(10_000),
        leverage=Decimal(10),
        fresh=False,
        rehearse=False,
        live=False,
        allow_withdraw_key=False,
        report_file=None,
        report_on_stdout=False,
        state_dir=Path("state"),
        log_dir=Path("logs"),
        given=frozenset(),
    )


def test_every_flag_of_a_run_is_understood(tmp_path: Path) -> None:
    report = tmp_path / "out.json"
    text = (
        "--exchange paper --ticker btc --quantity 0.01 --take-profit 0.05 --direction SELL --max-orders 7 "
        "--wait-time 60 --grid-step 0.5 --stop-price 50000 --pause-price 51000.5 --boost --on-stop flatten --for 24h "
        "--env-file bot.env --replay a.parquet,b.parquet --market tick=0.1,step=0.001,min=0.001 --speed max "
        f"--maker-fee -0.01 --taker-fee 0.04 --latency-ms 12.5 --balance 500 --leverage 3 --fresh "
        f"--json {report} --state-dir {tmp_path}/s --log-dir {tmp_path}/l"
    )
    assert options(*text.split()) == RunOptions(
        exchange="paper",
        ticker="BTC",
        quantity=Decimal("0.01"),
        take_profit=Decimal("0.05"),
        direction=Side.SELL,
        max_orders=7,
        wait_time=Decimal(60),
        grid_step=Decimal("0.5"),
        stop_price=Decimal(50_000),
        pause_price=Decimal("51000.5"),
        boost=True,
        on_stop=StopMode.FLATTEN,
        for_ns=24 * 3_600 * 1_000_000_000,
        env_file=Path("bot.env"),
        seed=None,
        replay=(Path("a.parquet"), Path("b.parquet")),
        market="tick=0.1,step=0.001,min=0.001",
        speed=None,
        maker_fee_rate=Decimal("-0.0001"),
        taker_fee_rate=Decimal("0.0004"),
        latency_ns=12_500_000,
        balance=Decimal(500),
        leverage=Decimal(3),
        fresh=True,
        rehearse=False,
        live=False,
        allow_withdraw_key=False,
        report_file=report,
        report_on_stdout=False,
        state_dir=tmp_path / "s",
        log_dir=tmp_path / "l",
        given=frozenset(word[2:] for word in text.split() if word.startswith("--")),
    )
    assert list(tmp_path.iterdir()) == []


def test_a_given_default_is_known_to_be_given() -> None:
    assert options("--ticker", "ETH").given == {"ticker"}
    assert options("--ticker", "ETH").was_given("ticker")
    assert not options("--ticker", "ETH").was_given("seed")
    with pytest.raises(KeyError):
        options().was_given("sead")


def test_aster_boost_is_boost() -> None:
    assert options("--aster-boost").boost
    assert options("--aster-boost").given == {"boost"}


@pytest.mark.parametrize("argv", [("--stop-price", "-1"), ("--stop-price=-1",), ("--stop-price", "-1e0")])
def test_negative_values_follow_their_flag(argv: tuple[str, ...]) -> None:
    assert options(*argv).stop_price == Decimal(-1)


def test_grid_step_of_minus_100_is_a_value() -> None:
    assert options("--grid-step", "-100").grid_step == Decimal(-100)


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("10m", 600), ("6h", 21_600), ("2d", 172_800), ("0.5h", 1_800)]
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert options("--for", text).for_ns == seconds * 1_000_000_000


def test_the_report_on_standard_output_has_no_file() -> None:
    parsed = options("--json", "-")
    assert (parsed.report_file, parsed.report_on_stdout) == (None, True)


def test_an_exponent_is_written_out() -> None:
    assert str(options("--balance", "1e6").balance) == "1000000"
    assert options("--quantity", "1e-9").quantity == Decimal("0.000000001")


def test_the_strategy_gets_the_options_and_the_rules_of_the_market() -> None:
    rules = MarketRules("ETH", "ETH-PERP", Decimal("0.01"), Decimal("0.001"), Decimal("0.01"))
    config = options("--boost", "--max-orders", "3").trading_config(rules)
    assert (config.contract_id, config.tick_size, config.max_orders) == ("ETH-PERP", Decimal("0.01"), 3)
    assert (config.ticker, config.quantity, config.wait_time) == ("ETH", Decimal("0.1"), Decimal(450))
    assert (config.exchange, config.boost_mode, config.close_side) == ("paper", True, Side.SELL)


@pytest.mark.parametrize(
    "argv, message",
    [
        (("--quantity", "0"), "--quantity 0 must be above 0"),
        (("--quantity", "-0.1"), "--quantity -0.1 must be above 0"),
        (("--quantity", "NaN"), "--quantity NaN is not a finite number; write it like 0.1"),
        (("--quantity", "-Infinity"), "--quantity -Infinity is not a finite number; write it like 0.1"),
        (("--quantity", "0.1.2"), "--quantity 0.1.2 is not a number; write it like 0.1"),
        (("--quantity", "1,5"), "--quantity 1,5 is not a number; write it like 0.1"),
        (("--quantity", "1_000"), "--quantity 1_000 is not a number; write it like 0.1"),
        (("--quantity", "\u0661"), "--quantity '\\u0661' is not a number; write it like 0.1"),
        (("--quantity", ""), "--quantity (empty) has no value; give a number"),
        (("--quantity", "1 "), "--quantity '1 ' is not a number; write it like 0.1"),
        (("--quantity", "1e13"), "--quantity 1e13 is absurdly large; the limit is 1000000000000"),
        (("--quantity", "1e-19"), "--quantity 1e-19 has more than 18 decimals; give fewer"),
        (("--quantity", "1e9999999"), "--quantity 1e9999999 is not a number; write it like 0.1"),
        (("--quantity", "9" * 99), f"--quantity {'9' * 37}... is not a number; write it like 0.1"),
        (("--quantity",), "--quantity needs a value: --quantity Q; see --help"),
        (("--take-profit", "0"), "--take-profit 0 leaves no profit; give a percentage above 0, like 0.02"),
        (("--take-profit", "100"), "--take-profit 100 is absurdly large; give a percentage below 100, like 0.02"),
        (("--direction", "long"), "--direction long is unknown; give buy or sell"),
        (("--on-stop", "sell"), "--on-stop sell is unknown; give keep, cancel or flatten"),
        (("--max-orders", "0"), "--max-orders 0 is out of range; give a whole number from 1 to 10000"),
        (("--max-orders", "1.5"), "--max-orders 1.5 is not a whole number; give one from 1 to 10000"),
        (("--max-orders", "99999999"), "--max-orders 99999999 is out of range; give a whole number from 1 to 10000"),
        (("--wait-time", "-5"), "--wait-time -5 is out of range; give a number from 0 to 31536000"),
        (("--grid-step", "-100.1"), "--grid-step -100.1 is out of range; give a percentage, or -100 for no grid step"),
        (("--stop-price", "0"), "--stop-price 0 is not a price; give one above 0, or -1 for off"),
        (("--pause-price", "-2"), "--pause-price -2 is not a price; give one above 0, or -1 for off"),
        (("--speed", "0"), "--speed 0 is out of range; give a number above 0 and up to 1000000, or max"),
        (("--speed", "fast"), "--speed fast is not a speed; give a number above 0, or max"),
        (("--speed", "max"), "--speed max would never end; add --for, like --for 24h, or --replay"),
        (("--for", "10"), "--for 10 is not a duration; write it like 90s, 10m, 6h or 2d"),
        (("--for", "h"), "--for h is not a duration; write it like 90s, 10m, 6h or 2d"),
        (("--for", "0s"), "--for 0s is no time at all; give a duration above 0, like 10m"),
        (("--for", "-1s"), "--for -1s is no time at all; give a duration above 0, like 10m"),
        (("--for", "9999d"), "--for 9999d is absurdly long; the limit is 3650d"),
        (("--seed", "-1"), "--seed -1 is out of range; give a whole number from 0 to 18446744073709551615"),
        (("--seed", "x"), "--seed x is not a whole number; give one from 0 to 18446744073709551615"),
        (("--maker-fee", "100"), "--maker-fee 100 is not a fee; give percent of the traded value, like 0.05"),
        (("--latency-ms", "-1"), "--latency-ms -1 is out of range; give milliseconds from 0 to 5000"),
        (("--latency-ms", "5001"), "--latency-ms 5001 is out of range; give milliseconds from 0 to 5000"),
        (("--balance", "0"), "--balance 0 must be above 0"),
        (("--leverage", "0.5"), "--leverage 0.5 is out of range; give a number from 1 to 500"),
        (("--leverage", "501"), "--leverage 501 is out of range; give a number from 1 to 500"),
        (("--ticker", "../x"), "--ticker ../x is not a ticker; give the base asset as letters and digits, like ETH"),
        (("--ticker", "A\nB"), "--ticker 'A\\nB' is not a ticker; give the base asset as letters and digits, like ETH"),
        (("--replay", "a,,b"), "--replay a,,b names an empty file; write FILE or FILE,FILE without blanks"),
        (("--replay", "a,a"), "--replay a,a names a file twice; name each once"),
        (("--env-file", ""), "--env-file (empty) is not a path"),
        (("--boost=1",), "--boost takes no value; leave out what follows the ="),
    ],
)
def test_a_bad_value_is_answered_with_what_to_write(argv: tuple[str, ...], message: str) -> None:
    assert complaint(*argv) == message


@pytest.mark.parametrize(
    "argv, message",
    [
        (
            ("--stop-price", "100", "--pause-price", "100"),
            "--pause-price 100 can never act: buying, the bot has already stopped at --stop-price 100; "
            "give a stop price above the pause price",
        ),
        (
            ("--direction", "sell", "--stop-price", "101", "--pause-price", "100"),
            "--pause-price 100 can never act: selling, the bot has already stopped at --stop-price 101; "
            "give a stop price below the pause price",
        ),
        (
            ("--seed", "7", "--replay", "x.parquet"),
            "--seed makes a generated market and --replay a recorded one; give only one of them",
        ),
        (("--market", "tick=1"), "--market describes a recording; give it with --replay, or leave it out"),
        (
            ("--exchange", "somewhere", "--fresh"),
            "--fresh works on paper and with --rehearse only; leave it out to trade for real",
        ),
        (
            ("--exchange", "somewhere", "--speed", "max", "--for", "1h"),
            "--speed works on paper and with --rehearse only; leave it out to trade for real",
        ),
    ],
)
def test_flags_that_contradict_each_other_are_refused(argv: tuple[str, ...], message: str) -> None:
    assert complaint(*argv) == message


def test_stop_beyond_pause_is_accepted_in_both_directions() -> None:
    assert options("--stop-price", "101", "--pause-price", "100").stop_price == Decimal(101)
    assert options("--direction", "sell", "--stop-price", "99", "--pause-price", "100").stop_price == Decimal(99)


@pytest.mark.parametrize(
    "argv, message",
    [
        (("--quantty", "1"), "unknown flag --quantty; see --help. Did you mean --quantity?"),
        (("--quant", "1"), "unknown flag --quant; see --help. Did you mean --quantity?"),
        (("--take_profit=1",), "unknown flag --take_profit; see --help. Did you mean --take-profit?"),
        (("-ticker", "BTC"), "unknown flag -ticker; see --help. Did you mean --ticker?"),
        (
            ("\u2014seed", "7"),
            "unknown argument '\\u2014seed'; flags begin with two plain hyphens. Did you mean --seed?",
        ),
        (
            ("--fresh", "\u2013seed", "7"),
            "unknown argument '\\u2013seed'; flags begin with two plain hyphens. Did you mean --seed?",
        ),
        (("--zzz",), "unknown flag --zzz; see --help."),
        (("--fresh", "7"), "unexpected argument 7; every value follows its flag, see --help"),
        (("--fresh", "venue"), "the command venue must come first: runbot.py venue ..."),
        (("--exchange", "papr"), "--exchange papr is an unknown exchange; use paper or somewhere. Did you mean paper?"),
        (("venu",), "unknown command venu; see --help. Did you mean venue?"),
        (("",), "unknown command (empty); see --help."),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(argv: tuple[str, ...], message: str) -> None:
    assert complaint(*argv) == message


@pytest.mark.parametrize("flag", [flag.option for flag in FLAGS.values() if flag.is_later])
def test_a_flag_of_a_later_version_is_refused_by_name(flag: str) -> None:
    assert complaint(flag) == f"{flag} is not in this version yet; leave it out and trade on --exchange paper"


def test_an_exchange_of_a_later_version_is_refused_by_name() -> None:
    expected = "--exchange Elsewhere is not in this version yet; use paper or somewhere"
    assert complaint("--exchange", "Elsewhere") == expected


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.is_later])
def test_a_command_of_a_later_version_is_refused_by_name(name: str) -> None:
    assert complaint(name, "--help") == f"the command {name} is not in this version yet; see --help for what is"


def test_a_command_of_this_version_keeps_its_arguments_unread() -> None:
    requests = [parse((command.name, "--any", "1"), KNOWN) for command in COMMANDS if not command.is_later]
    assert all(isinstance(request, CommandRequest) and request.arguments == ("--any", "1") for request in requests)


def test_a_report_has_a_place_before_the_run_begins(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "out.json"
    assert "does not exist; create it" in complaint("--json", str(missing))
    assert complaint("--json", str(tmp_path)).endswith("is a folder; name a file in it")


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    assert complaint("--state-dir", str(file)).endswith("is not a folder; choose another")
    assert complaint("--log-dir", str(file / "deeper")).endswith("is not a folder; choose another")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="file modes do not bind this user")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "cannot be written" in complaint("--json", str(closed / "out.json"))
    assert "cannot be written" in complaint("--state-dir", str(closed / "state"))


def test_help_has_every_flag_its_default_and_every_command() -> None:
    text = help_text()
    for flag in FLAGS.values():
        assert flag.help.split(":")[0] in text
        assert flag.option in text
        assert flag.default is None or f"(default: {flag.default})" in text
    assert all(f"{command.name} {command.help}" in text for command in COMMANDS)
    assert "NOT a stop-loss" in text
    assert "--aster-boost" in text
    assert "not in this version yet: elsewhere" in text


def test_help_goes_to_standard_output_and_ends_well() -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as caught:
        parse(["--help"], KNOWN)
    assert caught.value.code == 0
    assert out.getvalue().startswith("usage: runbot.py")


def test_the_options_import_nothing_heavy() -> None:
    program = "import sys, commands.options; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"aiohttp", "rich", "tenacity", "asyncio", "pyarrow", "sqlite3", "ssl"} & set(run.stdout.split())


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(sorted(f"--{name}" for name in FLAGS))), max_size=5))
def test_any_words_give_options_a_request_or_one_clear_line(argv: list[str]) -> None:
    line = "usage"
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            parse(argv, KNOWN)
        except SystemExit as done:
            line = "helped" if done.code == 0 else ""
        except UsageError as error:
            line = str(error)
    assert line
    assert line.isprintable()


@given(st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e11"), allow_nan=False, places=18))
def test_a_quantity_keeps_every_digit(quantity: Decimal) -> None:
    assert options("--quantity", format(quantity, "f")).quantity == quantity

"""Settings: where they come from, which are refused and in which words, and that no secret is ever in those words."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.secret import Secret
from helpers.settings import KEYS, Settings, SettingsError, load_settings

TELEGRAM_TOKEN = "123456789:AAcanaryTELEGRAMtokenAAAAAAAAAAAAAAA"
LARK_TOKEN = "cafe0000-1111-2222-3333-canaryLARKkey"
ROOT = Path(__file__).resolve().parents[2]

posix_only = pytest.mark.skipif(os.name != "posix", reason="files have no modes here")


def env_file(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / ".env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refusal(path: Path, environment: dict[str, str] | None = None, *, must_exist: bool = True) -> str:
    """The one line in which the settings are refused."""
    with pytest.raises(SettingsError) as refused:
        load_settings(path, environment or {}, must_exist=must_exist)
    line = str(refused.value)
    assert "\n" not in line
    assert "canary" not in line
    return line


def from_environment(folder: Path, **environment: str) -> Settings:
    return load_settings(folder / ".env", environment, must_exist=False)


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    assert from_environment(tmp_path) == Settings(
        account_name="",
        timezone=ZoneInfo("Asia/Shanghai"),
        telegram_token=None,
        telegram_chat_id=None,
        telegram_base_url="https://api.telegram.org",
        lark_token=None,
        lark_secret=None,
        lark_base_url="https://open.larksuite.com",
    )


def test_the_file_sets_every_key(tmp_path: Path) -> None:
    text = f"""
        ACCOUNT_NAME=main-1  # the first
        export TIMEZONE="Europe/Berlin"
        TELEGRAM_BOT_TOKEN={TELEGRAM_TOKEN}
        TELEGRAM_CHAT_ID=-1001234567890
        TELEGRAM_BASE_URL=http://127.0.0.1:8081/
        LARK_TOKEN={LARK_TOKEN}
        LARK_SIGN_SECRET='canary secret'
        LARK_BASE_URL=https://open.feishu.cn
    """
    found = load_settings(env_file(tmp_path, text), {}, must_exist=True)
    assert (found.account_name, found.timezone) == ("main-1", ZoneInfo("Europe/Berlin"))
    assert (found.telegram_token, found.telegram_chat_id) == (Secret(TELEGRAM_TOKEN), "-1001234567890")
    assert (found.lark_token, found.lark_secret) == (Secret(LARK_TOKEN), Secret("canary secret"))
    assert (found.telegram_base_url, found.lark_base_url) == ("http://127.0.0.1:8081", "https://open.feishu.cn")
    assert "canary" not in repr(found)


def test_the_environment_wins_over_the_file_and_an_empty_variable_does_not(tmp_path: Path) -> None:
    path = env_file(tmp_path, "ACCOUNT_NAME=filed\nTIMEZONE=UTC\n")
    found = load_settings(path, {"ACCOUNT_NAME": "given", "TIMEZONE": ""}, must_exist=True)
    assert (found.account_name, found.timezone) == ("given", ZoneInfo("UTC"))


def test_the_file_does_not_leak_into_the_environment(tmp_path: Path) -> None:
    before = dict(os.environ)
    load_settings(env_file(tmp_path, f"LARK_TOKEN={LARK_TOKEN}"), os.environ, must_exist=True)
    assert dict(os.environ) == before


def test_dollar_names_are_not_expanded(tmp_path: Path) -> None:
    path = env_file(tmp_path, "VENUE_SECRET_KEY=a$HOME${HOME}b")
    found = load_settings(path, {"HOME": "/home/x"}, must_exist=True)
    assert found.raw("VENUE_SECRET_KEY") == "a$HOME${HOME}b"


def test_other_keys_are_kept_as_written_for_a_venue_to_read(tmp_path: Path) -> None:
    found = load_settings(env_file(tmp_path, "VENUE_KEY=abc\nEMPTY="), {}, must_exist=True)
    assert (found.raw("VENUE_KEY"), found.secret("VENUE_KEY")) == ("abc", Secret("abc"))
    assert (found.raw("EMPTY"), found.secret("ABSENT")) == (None, None)


def test_everything_that_may_be_a_key_is_to_be_masked(tmp_path: Path) -> None:
    path = env_file(tmp_path, f"LARK_TOKEN={LARK_TOKEN}\nVENUE_SEED=canary-of-the-file\nINDEX=12\nTIMEZONE=Asia/Tokyo")
    environment = {"OTHER_API_KEY": "canary-of-the-environment", "PWD": "/a/long/path", "SHORT_KEY": "7"}
    found = load_settings(path, environment, must_exist=True)
    assert {secret.reveal() for secret in found.secrets()} == {
        LARK_TOKEN,
        "canary-of-the-file",
        "canary-of-the-environment",
    }


def test_a_missing_file_matters_only_where_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "keys.env"
    assert refusal(path) == (
        f"env file {path} does not exist; make it: cp env_example.txt {path} && chmod 600 {path}"
    )
    assert load_settings(path, {}, must_exist=False).account_name == ""


@posix_only
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660, 0o777])
def test_a_file_with_keys_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = env_file(tmp_path, f"LARK_TOKEN={LARK_TOKEN}", mode)
    assert f"run: chmod 600 {path}" in refusal(path)
    path.chmod(0o600)
    assert load_settings(path, {}, must_exist=True).lark_token == Secret(LARK_TOKEN)


@posix_only
def test_a_file_without_keys_may_be_read_by_all_but_not_changed_by_all(tmp_path: Path) -> None:
    path = env_file(tmp_path, "TIMEZONE=UTC\nLARK_TOKEN=\n", 0o664)
    found = load_settings(path, {}, must_exist=True)
    assert (found.timezone, found.notes) == (
        ZoneInfo("UTC"),
        (f"every user of this machine can read {path}; it holds no key now; run: chmod 600 {path}",),
    )
    path.chmod(0o660)
    assert load_settings(path, {}, must_exist=True).notes == ()
    path.chmod(0o666)
    assert refusal(path) == f"env file {path} can be changed by every user of this machine; run: chmod 600 {path}"


def test_where_files_have_no_modes_a_note_says_so(tmp_path: Path) -> None:
    path = env_file(tmp_path, f"LARK_TOKEN={LARK_TOKEN}", 0o644)
    found = load_settings(path, {}, must_exist=True, posix=False)
    assert found.notes == (
        f"file modes are not checked on this system: keep {path} where only you can read it",
    )


def test_a_folder_is_not_an_env_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, must_exist=False) == f"env file {tmp_path} is a folder; name a file"


@posix_only
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(path) == f"env file {path} is not a regular file; name one"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = env_file(tmp_path, "A=b", 0o000)
    assert refusal(path).startswith(f"cannot read env file {path}: Permission denied; ")


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    path = env_file(tmp_path, "A=b") / "more"
    assert refusal(path) == (
        f"cannot read env file {path}: Not a directory; make it readable for the user who runs the bot"
    )


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = env_file(tmp_path, b"TIMEZONE=UTC\nACCOUNT_NAME=\xff\xfe\n")
    assert refusal(path) == f"env file {path}, line 2: not UTF-8 text; save it as UTF-8"
    path = env_file(tmp_path, b"A=b\x00c")
    assert refusal(path) == f"env file {path} is not a text file; save it as UTF-8"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = env_file(tmp_path, b"#" * (1 << 20) + b"#")
    assert refusal(path).endswith("is it the right file?")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = env_file(tmp_path, b"\xef\xbb\xbfTIMEZONE=UTC\r\nACCOUNT_NAME=a\r\n")
    assert load_settings(path, {}, must_exist=True).account_name == "a"


@pytest.mark.parametrize(
    "text",
    ["TIMEZONE=UTC\n\nLARK_TOKEN canary\n", "TIMEZONE=UTC\n\nLARK_TOKEN='canary\n", "TIMEZONE=UTC\n\n=canary\n"],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number_alone(tmp_path: Path, text: str) -> None:
    path = env_file(tmp_path, text)
    assert refusal(path) == f"env file {path}, line 3: cannot be read; write NAME=value, comments after #"


def test_a_name_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    path = env_file(tmp_path, "LARK_TOKEN=canary1\n# new\nLARK_TOKEN=canary2\n")
    assert refusal(path) == f"env file {path}, line 3: this name is set a second time; keep one of the two"


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "LARK_TOKEN", "LARK_SIGN_SECRET", "TELEGRAM_CHAT_ID"])
@pytest.mark.parametrize("damage", ["{}\n", " {}", "{}\r", "{}\t"])
def test_a_stray_line_break_or_space_around_a_value_is_named(tmp_path: Path, name: str, damage: str) -> None:
    line = refusal(tmp_path / ".env", {name: damage.format("canary")}, must_exist=False)
    assert line == f"{name} in the environment begins or ends with a space or a line break; write it without"


@pytest.mark.parametrize("damage", ["can\nary", "can\x00ary", "can\x1bary", "can\u202eary", "can\udcffary"])
def test_a_control_character_inside_a_value_is_named(tmp_path: Path, damage: str) -> None:
    line = refusal(tmp_path / ".env", {"LARK_TOKEN": damage}, must_exist=False)
    assert line == (
        "LARK_TOKEN in the environment holds a line break or a control character; copy it again, on one line"
    )


def test_a_quoted_line_break_in_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = env_file(tmp_path, 'LARK_TOKEN="canary\n"\n')
    assert refusal(path) == f"LARK_TOKEN in {path} begins or ends with a space or a line break; write it without"


@pytest.mark.parametrize(
    "wrong, advice",
    [
        ("Asia/Shanghia", "did you mean Asia/Shanghai?"),
        ("%%%%", "use an IANA name such as Asia/Shanghai, Europe/Berlin or UTC"),
        ("/etc/passwd", "use an IANA name such as Asia/Shanghai, Europe/Berlin or UTC"),
        ("../../etc", "use an IANA name such as Asia/Shanghai, Europe/Berlin or UTC"),
    ],
)
def test_an_unknown_time_zone_is_refused(tmp_path: Path, wrong: str, advice: str) -> None:
    line = refusal(tmp_path / ".env", {"TIMEZONE": wrong}, must_exist=False)
    assert line == f"TIMEZONE {wrong!r} is not a known time zone; {advice}"


def test_a_folder_of_the_time_zone_database_is_no_time_zone(tmp_path: Path) -> None:
    assert "is not a known time zone" in refusal(tmp_path / ".env", {"TIMEZONE": "America"}, must_exist=False)


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "ä", "x" * 65])
def test_an_account_name_that_cannot_be_in_a_file_name_is_refused(tmp_path: Path, name: str) -> None:
    line = refusal(tmp_path / ".env", {"ACCOUNT_NAME": name}, must_exist=False)
    assert line == "ACCOUNT_NAME becomes part of file names; use at most 64 of letters, digits, - and _"


@pytest.mark.parametrize(
    "environment, word",
    [
        ({"TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN}, "TELEGRAM_CHAT_ID is not set"),
        ({"TELEGRAM_CHAT_ID": "1"}, "TELEGRAM_BOT_TOKEN is not set"),
        ({"TELEGRAM_BOT_TOKEN": "canary", "TELEGRAM_CHAT_ID": "1"}, "TELEGRAM_BOT_TOKEN is not a bot token"),
        ({"TELEGRAM_BOT_TOKEN": f"bot{TELEGRAM_TOKEN}", "TELEGRAM_CHAT_ID": "1"}, "TELEGRAM_BOT_TOKEN is not"),
        ({"TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN, "TELEGRAM_CHAT_ID": "me"}, "TELEGRAM_CHAT_ID must be a number"),
        ({"LARK_SIGN_SECRET": "canary"}, "LARK_TOKEN is not"),
        ({"LARK_TOKEN": f"https://open.larksuite.com/open-apis/bot/v2/hook/{LARK_TOKEN}"}, "what follows /hook/"),
    ],
)
def test_half_or_misplaced_messenger_keys_are_refused(tmp_path: Path, environment: dict[str, str], word: str) -> None:
    assert word in refusal(tmp_path / ".env", environment, must_exist=False)


@pytest.mark.parametrize("name", ["TELEGRAM_BASE_URL", "LARK_BASE_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://api.telegram.org",
        "http://open.larksuite.com",
        "https://api.telegram.org.canary.example",
        "https://canary.example",
        "https://127.0.0.1.canary.example",
        "https://api.telegram.org@canary.example",
        "https://user:canary@127.0.0.1",
        "https://127.0.0.1/path",
        "https://127.0.0.1?query",
        "https://127.0.0.1:port",
        "https://10.0.0.1",
        "https://0.0.0.0",
        "htps://127.0.0.1",
        "ftp://127.0.0.1",
        "api.telegram.org",
        "https://api.telegram.org:8443",
        "https://[::1",
        "https://",
    ],
)
def test_a_base_address_that_would_carry_the_token_elsewhere_is_refused(tmp_path: Path, name: str, url: str) -> None:
    assert refusal(tmp_path / ".env", {name: url}, must_exist=False).startswith(f"{name} must be https://")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "http://localhost:1", "http://[::1]:8081", "https://127.9.9.9"]
)
def test_a_base_address_may_be_on_this_machine(tmp_path: Path, url: str) -> None:
    found = from_environment(tmp_path, TELEGRAM_BASE_URL=url, LARK_BASE_URL=f"{url}/")
    assert (found.telegram_base_url, found.lark_base_url) == (url, url)


def test_a_near_miss_of_a_name_is_pointed_out(tmp_path: Path) -> None:
    path = env_file(tmp_path, "TELEGRAM_BOT_TOKN=canary\nEDGEX_API_KEY=canary\n")
    assert load_settings(path, {}, must_exist=True).notes == (
        f"{path} sets TELEGRAM_BOT_TOKN, which is not read: did you mean TELEGRAM_BOT_TOKEN?",
    )


def test_the_example_names_every_key_with_its_description() -> None:
    lines = (ROOT / "env_example.txt").read_text(encoding="utf-8").splitlines()
    expected = [line for key in KEYS for line in ("", f"# {key.description}", f"{key.name}={key.default}")][1:]
    assert lines[3 : 3 + len(expected)] == expected


def test_the_example_is_a_valid_env_file(tmp_path: Path) -> None:
    path = env_file(tmp_path, (ROOT / "env_example.txt").read_bytes())
    found = load_settings(path, {}, must_exist=True)
    assert (found.telegram_token, found.lark_token, found.notes) == (None, None, ())


@given(st.text(min_size=1))
def test_a_secret_shows_in_no_form_of_printing(value: str) -> None:
    secret = Secret(value)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert {text.replace("Secret", "").strip("[]() ") for text in shown} == {"redacted"}
    assert secret.reveal() == value


def test_a_secret_cannot_be_changed_pickled_or_empty() -> None:
    secret = Secret("canary")
    with pytest.raises(AttributeError):
        secret.value = "x"
    with pytest.raises(AttributeError):
        secret._Secret__value = "x"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    with pytest.raises(ValueError, match="cannot be empty"):
        Secret("")


def test_secrets_compare_by_value_and_copies_are_the_same() -> None:
    secret = Secret("canary")
    assert (secret == Secret("canary"), secret == Secret("other"), secret == "canary") == (True, False, False)
    assert len({secret, Secret("canary")}) == 1
    assert copy.deepcopy(secret) is copy.copy(secret) is secret

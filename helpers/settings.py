"""Settings that do not belong on a command line: keys, the account's name, the time zone.

They come from an env file and from the process environment, which the caller passes in. Where both name a key, the
environment wins, as users of containers and service managers expect; an empty value counts as not set, in both places.
Nothing is ever written to the environment, so child processes inherit no key from the file.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from helpers.env_file import EnvFile, SettingsError, read_env_file
from helpers.redaction import printable
from helpers.secret import Secret

__all__ = ["KEYS", "Key", "Settings", "SettingsError", "load_settings"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key that is read. `public`: its value may be shown, and needs no private file."""

    name: str
    description: str
    default: str = ""
    public: bool = False


KEYS: tuple[Key, ...] = (
    Key("ACCOUNT_NAME", "a name for this account, used in file names: letters, digits, - and _", public=True),
    Key("TIMEZONE", "the time zone of logs and of the trade file, an IANA name", "Asia/Shanghai", public=True),
    Key("TELEGRAM_BOT_TOKEN", "token of your Telegram bot: docs/telegram-bot-setup.md"),
    Key("TELEGRAM_CHAT_ID", "the chat the Telegram bot writes to: a number, or @channelname"),
    Key("TELEGRAM_BASE_URL", "where the Telegram API is", "https://api.telegram.org", public=True),
    Key("LARK_TOKEN", "webhook key of your Lark or Feishu bot: docs/lark-bot-setup.md"),
    Key("LARK_SIGN_SECRET", "signature secret of that bot, if signature verification is on"),
    Key("LARK_BASE_URL", "where Lark is; for Feishu https://open.feishu.cn", "https://open.larksuite.com", public=True),
)
"""Every key that is read, in the order of `env_example.txt`."""

_NAMES = frozenset(key.name for key in KEYS)
_PUBLIC = frozenset(key.name for key in KEYS if key.public)
_DEFAULTS = {key.name: key.default for key in KEYS}
_SECRET_NAME = re.compile(r"_(TOKEN|SECRET|KEY|PASSPHRASE|PASSWORD)\Z")
_SHORTEST_UNKNOWN_SECRET = 8
_TELEGRAM_HOSTS = ("api.telegram.org",)
_LARK_HOSTS = ("open.larksuite.com", "open.feishu.cn")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the env file and the environment say, checked. `notes`: one line each, to be shown at start."""

    account_name: str
    timezone: zoneinfo.ZoneInfo
    telegram_token: Secret | None
    telegram_chat_id: str | None
    telegram_base_url: str
    lark_token: Secret | None
    lark_secret: Secret | None
    lark_base_url: str
    notes: tuple[str, ...] = ()
    values: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    """Every value that is set, in the file or in the environment."""
    from_file: frozenset[str] = field(default=frozenset(), repr=False)
    """The names whose value is the env file's."""

    def raw(self, name: str) -> str | None:
        """The value of any key, as written; None when it is not set. For the keys of a venue."""
        value = self.values.get(name)
        return None if value is None else value.reveal()

    def secret(self, name: str) -> Secret | None:
        """As `raw`, masked."""
        return self.values.get(name)

    def secrets(self) -> tuple[Secret, ...]:
        """Everything to keep out of logs: the tokens above, whatever else the env file sets (unless it is short), and
        the variables of the environment whose names end like a key's."""
        known = [found for found in (self.telegram_token, self.lark_token, self.lark_secret) if found is not None]
        for name, value in self.values.items():
            hidden = name not in _NAMES and (name in self.from_file or _SECRET_NAME.search(name) is not None)
            if hidden and len(value.reveal()) >= _SHORTEST_UNKNOWN_SECRET:
                known.append(value)
        return tuple(known)


def load_settings(
    env_file: Path, environment: Mapping[str, str], *, must_exist: bool, posix: bool = os.name == "posix"
) -> Settings:
    """Read and check all settings.

    `must_exist`: the user named the file, or the venue needs its keys; otherwise a missing file is as good as an empty
    one. `posix`: whether files have modes here that can be checked. Raises `SettingsError`.
    """
    file = read_env_file(env_file, harmless=_PUBLIC, posix=posix)
    if file is None and must_exist:
        raise SettingsError(
            f"env file {env_file} does not exist; make it: cp env_example.txt {env_file} && chmod 600 {env_file}"
        )
    file = file or EnvFile({})
    filed = {name: value for name, value in file.values.items() if value}
    given = {name: value for name, value in environment.items() if value}
    values = filed | given
    for name in _NAMES & values.keys():
        _check_text(name, values[name], env_file if name not in given else None)
    telegram_token, telegram_chat_id = _telegram(values)
    lark_token, lark_secret = _lark(values)
    return Settings(
        account_name=_account_name(values),
        timezone=_timezone(_value(values, "TIMEZONE")),
        telegram_token=telegram_token,
        telegram_chat_id=telegram_chat_id,
        telegram_base_url=_base_url(values, "TELEGRAM_BASE_URL", _TELEGRAM_HOSTS),
        lark_token=lark_token,
        lark_secret=lark_secret,
        lark_base_url=_base_url(values, "LARK_BASE_URL", _LARK_HOSTS),
        notes=_notes(env_file, file, values, posix),
        values={name: Secret(value) for name, value in values.items()},
        from_file=frozenset(filed.keys() - given.keys()),
    )


def _value(values: Mapping[str, str], name: str) -> str:
    return values.get(name, _DEFAULTS[name])


def _notes(env_file: Path, file: EnvFile, values: Mapping[str, str], posix: bool) -> tuple[str, ...]:
    filed = {name for name, value in file.values.items() if value}
    notes = []
    if filed and not posix:
        notes.append(f"file modes are not checked on this system: keep {env_file} where only you can read it")
    if file.is_readable_by_all:
        notes.append(f"every user of this machine can read {env_file}; it holds no key now; run: chmod 600 {env_file}")
    unset = sorted(_NAMES - values.keys())
    for name in filed - _NAMES:
        if near := difflib.get_close_matches(name, unset, n=1, cutoff=0.9):
            notes.append(f"{env_file} sets {printable(name, 60)}, which is not read: did you mean {near[0]}?")
    return tuple(sorted(notes))


def _check_text(name: str, value: str, env_file: Path | None) -> None:
    where = "in the environment" if env_file is None else f"in {env_file}"
    if value != value.strip():
        raise SettingsError(f"{name} {where} begins or ends with a space or a line break; write it without")
    if printable(value, len(value)) != value:
        raise SettingsError(f"{name} {where} holds a line break or a control character; copy it again, on one line")


def _account_name(values: Mapping[str, str]) -> str:
    name = _value(values, "ACCOUNT_NAME")
    if re.fullmatch(r"[A-Za-z0-9_-]{0,64}", name) is None:
        raise SettingsError("ACCOUNT_NAME becomes part of file names; use at most 64 of letters, digits, - and _")
    return name


def _timezone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    # A name can also be malformed, or that of a folder or of an unreadable file in the database.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
    advice = f"did you mean {near[0]}?" if near else "use an IANA name such as Asia/Shanghai, Europe/Berlin or UTC"
    raise SettingsError(f"TIMEZONE {printable(name, 60)!r} is not a known time zone; {advice}")


def _telegram(values: Mapping[str, str]) -> tuple[Secret | None, str | None]:
    token, chat_id = _value(values, "TELEGRAM_BOT_TOKEN"), _value(values, "TELEGRAM_CHAT_ID")
    if not token and not chat_id:
        return None, None
    if not token or not chat_id:
        absent = "TELEGRAM_CHAT_ID" if token else "TELEGRAM_BOT_TOKEN"
        raise SettingsError(f"Telegram needs both keys, and {absent} is not set; set it, or empty the other")
    if re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", token) is None:
        raise SettingsError("TELEGRAM_BOT_TOKEN is not a bot token; @BotFather gives one like 123456789:ABC")
    if re.fullmatch(r"-?[0-9]+|@[A-Za-z0-9_]+", chat_id) is None:
        raise SettingsError("TELEGRAM_CHAT_ID must be a number such as 12345678 or -1001234567890, or @channelname")
    return Secret(token), chat_id


def _lark(values: Mapping[str, str]) -> tuple[Secret | None, Secret | None]:
    token, secret = _value(values, "LARK_TOKEN"), _value(values, "LARK_SIGN_SECRET")
    if secret and not token:
        raise SettingsError("LARK_SIGN_SECRET is set and LARK_TOKEN is not; set LARK_TOKEN too, or empty both")
    if token and re.fullmatch(r"[A-Za-z0-9_-]+", token) is None:
        raise SettingsError("LARK_TOKEN must be the last part of the webhook address alone, what follows /hook/")
    return Secret(token) if token else None, Secret(secret) if secret else None


def _base_url(values: Mapping[str, str], name: str, official: tuple[str, ...]) -> str:
    """A checked base address without a slash at its end: an official host over https, or this machine."""
    expected = f"{name} must be {' or '.join(f'https://{host}' for host in official)}, or an address on this machine"
    try:
        url = urlsplit(_value(values, name))
        host, port = url.hostname or "", url.port
    except ValueError:
        raise SettingsError(f"{expected}; this is no address") from None
    if url.username or url.password or url.query or url.fragment or url.path not in ("", "/"):
        raise SettingsError(f"{expected}; leave out path, user and query")
    if not _is_loopback(host) and (host not in official or port not in (None, 443)):
        raise SettingsError(expected)
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(host)):
        raise SettingsError(f"{expected}; only https leaves this machine")
    return f"{url.scheme}://{url.netloc}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Keys, addresses and accounts that are wrong: one line that says what to do, exit status 2, and no key in it."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from commands.options import Exchanges, RunOptions, parse
from commands.rehearsal import Rehearsal, prepare
from commands.session import Surroundings, run
from commands.usage import UsageError
from exchanges.factory import ExchangeFactory
from helpers.clock import SystemClock
from tests.support.program import Program
from tests.support.twin_program import VENUES, Served, served

ASKED = ("--ticker", "ETH", "--for", "1s")
Env = dict[str, str]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Served]]:
    """One twin of each venue, for all tests here: none of them gets as far as an order."""
    folder = tmp_path_factory.mktemp("twins")
    with ExitStack() as held:
        yield {venue: held.enter_context(served(folder, venue)) for venue in VENUES}


def secrets_of(env: Mapping[str, str]) -> list[str]:
    secret = {key.name for venue in VENUES for key in ExchangeFactory.load_venue(venue).KEYS if key.is_secret}
    return [value for name, value in env.items() if name in secret]


def never(*_asked: object) -> NoReturn:
    raise AssertionError("asked for what a refused start has no use for")


def refusal(folder: Path, venue: str, env: Mapping[str, str], *flags: str) -> str:
    """The one line with which a start ends; it shows nothing of a key, neither of the right nor of the wrong one.

    The program without its process, which would take most of the time.
    """
    places = ("--state-dir", str(folder / "state"), "--log-dir", str(folder / "logs"))
    options = parse(["--exchange", venue, *ASKED, *places, *flags], Exchanges(ExchangeFactory.names()))
    assert isinstance(options, RunOptions)
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings(env, out, err, time.time_ns, time.monotonic, never, never, is_attended=False)
    with pytest.raises(UsageError) as refused:
        run(options, around)
    said = str(refused.value)
    assert said.isprintable(), said
    assert_silent(env, said, out.getvalue(), err.getvalue(), *(path.read_text("latin-1") for path in files(folder)))
    return said


def refusal_of_process(folder: Path, venue: str, env: Mapping[str, str], *flags: str) -> str:
    """The same of a real process."""
    ended = Program(folder, env).run("--exchange", venue, *ASKED, *flags)
    assert_silent(env, ended.out, ended.err)
    return ended.error


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".py"]


def assert_silent(env: Mapping[str, str], *texts: str) -> None:
    """Nothing of any key, neither its beginning nor its end, is in any of the texts."""
    for secret in secrets_of(env):
        if len(secret) < 8:  # An account's number in the place of a key.
            continue
        assert not any(part in text for part in (secret[:8], secret[-8:]) for text in texts), texts


def changed(twin: Served, **values: str | None) -> Env:
    """The twin's variables, with some of them changed or, where None, left out."""
    return {name: value for name, value in {**twin.env, **values}.items() if value is not None}


REQUIRED = {
    "edgex": (
        "EDGEX_ACCOUNT_ID", "EDGEX_API_KEY", "EDGEX_API_SECRET", "EDGEX_API_PASSPHRASE", "EDGEX_SIGNER_PRIVATE_KEY",
    ),
    "backpack": ("BACKPACK_PUBLIC_KEY", "BACKPACK_SECRET_KEY"),
    "paradex": ("PARADEX_L1_ADDRESS", "PARADEX_L2_PRIVATE_KEY"),
    "aster": ("ASTER_USER", "ASTER_SIGNER", "ASTER_SIGNER_PRIVATE_KEY"),
    "lighter": ("API_KEY_PRIVATE_KEY", "LIGHTER_ACCOUNT_INDEX", "LIGHTER_API_KEY_INDEX"),
}  # fmt: skip
SIGNING_KEY = {
    "edgex": "EDGEX_SIGNER_PRIVATE_KEY",
    "backpack": "BACKPACK_SECRET_KEY",
    "paradex": "PARADEX_L2_PRIVATE_KEY",
    "aster": "ASTER_SIGNER_PRIVATE_KEY",
    "lighter": "API_KEY_PRIVATE_KEY",
}
"""The variable that holds what orders are signed with."""


def names_a_key(venue: str, said: str) -> bool:
    """Whether the line says where to look; a key may be right in itself, and only the exchange does not know it."""
    return any(name in said for name in (*REQUIRED[venue], f"{venue.upper()}_ keys"))


@pytest.mark.parametrize("venue, missing", [(venue, name) for venue in VENUES for name in REQUIRED[venue]])
def test_a_missing_key_is_named(tmp_path: Path, twins: Mapping[str, Served], venue: str, missing: str) -> None:
    assert missing in refusal(tmp_path, venue, changed(twins[venue], **{missing: None}))


SPOILED: dict[str, Callable[[str], str]] = {
    "truncated": lambda key: key[:-6],
    "backwards": lambda key: key[::-1],
    "not ASCII": lambda key: key[:10] + "é" + key[11:],
    "in brackets": lambda key: f"<{key}>",
    "beyond the curve": lambda key: "ff" * (len(key) // 2),
    "zero": lambda _key: "0" * 64,
    "endless": lambda _key: "a" * 5_000,
}
TAKEN_AT_FIRST = {("edgex", "backwards"), ("edgex", "paradex"), ("edgex", "aster")}
"""64 hexadecimal digits are a key of edgeX's curve too, and no read of edgeX tells whose: the first order does."""


@pytest.mark.parametrize(
    "venue, how", [(venue, how) for venue in VENUES for how in SPOILED if (venue, how) not in TAKEN_AT_FIRST]
)
def test_a_spoiled_signing_key_is_refused(tmp_path: Path, twins: Mapping[str, Served], venue: str, how: str) -> None:
    name = SIGNING_KEY[venue]
    said = refusal(tmp_path, venue, changed(twins[venue], **{name: SPOILED[how](twins[venue].env[name])}))
    assert names_a_key(venue, said)


@pytest.mark.parametrize(
    "venue, other",
    [(one, two) for one in VENUES for two in VENUES if one != two and (one, two) not in TAKEN_AT_FIRST],
)
def test_a_key_of_another_venue_is_refused(tmp_path: Path, twins: Mapping[str, Served], venue: str, other: str) -> None:
    key = twins[other].env[SIGNING_KEY[other]]
    assert SIGNING_KEY[venue] in refusal(tmp_path, venue, changed(twins[venue], **{SIGNING_KEY[venue]: key}))


def test_a_key_that_only_the_first_order_can_prove_wrong_halts_and_is_named(
    tmp_path: Path, twins: Mapping[str, Served]
) -> None:
    name = SIGNING_KEY["edgex"]
    env = changed(twins["edgex"], **{name: twins["aster"].env[SIGNING_KEY["aster"]]})
    ended = Program(tmp_path, env).run("--exchange", "edgex", "--ticker", "ETH", "--for", "30s")
    assert_silent(env, ended.out, ended.err)
    assert ended.status == 1
    assert name in ended.out.splitlines()[-1]
    assert "the exchange checks the signer key with the first order" in ended.out + ended.err
    assert twins["edgex"].ledger()["orders"] == []


@pytest.mark.parametrize(
    "venue, one, two",
    [
        ("edgex", "EDGEX_API_KEY", "EDGEX_SIGNER_PRIVATE_KEY"),
        ("edgex", "EDGEX_ACCOUNT_ID", "EDGEX_API_KEY"),
        ("backpack", "BACKPACK_PUBLIC_KEY", "BACKPACK_SECRET_KEY"),
        ("paradex", "PARADEX_L1_ADDRESS", "PARADEX_L2_PRIVATE_KEY"),
        ("aster", "ASTER_USER", "ASTER_SIGNER"),
        ("aster", "ASTER_SIGNER", "ASTER_SIGNER_PRIVATE_KEY"),
        ("lighter", "LIGHTER_ACCOUNT_INDEX", "LIGHTER_API_KEY_INDEX"),
        ("lighter", "API_KEY_PRIVATE_KEY", "LIGHTER_ACCOUNT_INDEX"),
    ],
)
def test_swapped_values_are_noticed(
    tmp_path: Path, twins: Mapping[str, Served], venue: str, one: str, two: str
) -> None:
    env = twins[venue].env
    said = refusal(tmp_path, venue, changed(twins[venue], **{one: env[two], two: env[one]}))
    assert one in said or two in said
    assert all(env[name][:8] not in said for name in (one, two) if name in SIGNING_KEY.values())


@pytest.mark.parametrize("venue", VENUES)
def test_a_key_that_the_exchange_does_not_know_is_refused(
    tmp_path: Path, twins: Mapping[str, Served], venue: str
) -> None:
    """In itself it is right: a key of the same venue from another account."""
    stranger = prepare(Rehearsal(venue, "ETH", seed=8), SystemClock(), never).twin
    keys = {name: stranger.env("http://127.0.0.1:1", "ws://127.0.0.1:1")[name] for name in REQUIRED[venue]}
    assert names_a_key(venue, refusal(tmp_path, venue, changed(twins[venue], **keys)))


@pytest.mark.parametrize(
    "venue, name, wrong",
    [
        ("edgex", "EDGEX_ACCOUNT_ID", "4242"),
        ("edgex", "EDGEX_ACCOUNT_ID", "-1"),
        ("lighter", "LIGHTER_ACCOUNT_INDEX", "999999"),
        ("lighter", "LIGHTER_ACCOUNT_INDEX", "0x12"),
        ("lighter", "LIGHTER_API_KEY_INDEX", "77"),
        ("lighter", "LIGHTER_API_KEY_INDEX", "1"),
    ],
)
def test_a_wrong_account_or_key_number_is_named(
    tmp_path: Path, twins: Mapping[str, Served], venue: str, name: str, wrong: str
) -> None:
    assert name in refusal(tmp_path, venue, changed(twins[venue], **{name: wrong}))


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "address, words",
    [
        ("http://api.example.com", "https"),
        ("https://api.example.com", "_EXTRA_HOST"),
        ("htps://127.0.0.1", "://"),
        ("127.0.0.1:80", "://"),
        ("https://user:word@127.0.0.1", "user"),
    ],
)
def test_an_address_that_must_not_receive_keys_is_refused(
    tmp_path: Path, twins: Mapping[str, Served], venue: str, address: str, words: str
) -> None:
    said = refusal(tmp_path, venue, changed(twins[venue], **{f"{venue.upper()}_BASE_URL": address}))
    assert f"{venue.upper()}_BASE_URL" in said
    assert words in said


@pytest.mark.parametrize("venue", VENUES)
def test_nobody_at_the_address_is_one_line(tmp_path: Path, twins: Mapping[str, Served], venue: str) -> None:
    prefix = venue.upper()
    gone = {f"{prefix}_BASE_URL": "http://127.0.0.1:9", f"{prefix}_WS_URL": "ws://127.0.0.1:9"}
    assert refusal(tmp_path, venue, changed(twins[venue], **gone)) != ""


@pytest.mark.parametrize("venue", VENUES)
def test_a_ticker_that_is_not_listed_is_answered_with_what_comes_near(
    tmp_path: Path, twins: Mapping[str, Served], venue: str
) -> None:
    said = refusal(tmp_path, venue, twins[venue].env, "--ticker", "ETHH")
    assert "ETHH" in said
    assert "ETH" in said.replace("ETHH", "")


@pytest.mark.parametrize("venue", VENUES)
def test_without_any_key_the_way_out_is_said(tmp_path: Path, venue: str) -> None:
    assert names_a_key(venue, refusal_of_process(tmp_path, venue, {}))


def test_only_old_edgex_keys_are_answered_with_where_new_ones_come_from(tmp_path: Path) -> None:
    key = f"{random.Random(1).getrandbits(250):064x}"
    said = refusal(tmp_path, "edgex", {"EDGEX_ACCOUNT_ID": "12345", "EDGEX_STARK_PRIVATE_KEY": key})
    assert "V2" in said
    assert "EDGEX_SIGNER_PRIVATE_KEY" in said


def test_a_signer_that_is_not_installed_is_answered_with_the_command(
    tmp_path: Path, twins: Mapping[str, Served]
) -> None:
    """An interpreter that finds everything but that package."""
    hidden = tmp_path / "without" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text(
        "import sys\n\n\nclass Hide:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'lighter':\n            raise ModuleNotFoundError(name, name=name)\n\n\n"
        "import importlib.util\nfound = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'lighter' else found(name, package)\n"
    )
    said = refusal_of_process(tmp_path, "lighter", {**twins["lighter"].env, "PYTHONPATH": str(hidden.parent)})
    assert "pip install" in said
    assert "lighter" in said


def test_a_library_that_is_not_installed_stops_its_venue_alone(tmp_path: Path, twins: Mapping[str, Served]) -> None:
    broken = tmp_path / "broken" / "fast_stark_crypto"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ModuleNotFoundError('no', name='fast_stark_crypto')\n")
    without = {"PYTHONPATH": str(broken.parent)}
    assert "pip install" in refusal_of_process(tmp_path, "paradex", {**twins["paradex"].env, **without})
    env = {**twins["backpack"].env, **without}
    assert Program(tmp_path, env).run("--exchange", "backpack", *ASKED).status == 0


@pytest.mark.parametrize("venue", VENUES)
def test_a_live_start_without_keys_names_no_other_venue_s(tmp_path: Path, venue: str) -> None:
    said = refusal_of_process(tmp_path, venue, {}, "--live")
    others = {key.name for other in VENUES if other != venue for key in ExchangeFactory.load_venue(other).KEYS}
    assert [name for name in others if name in said.split()] == []


@pytest.mark.parametrize("venue", VENUES)
def test_a_live_start_that_nobody_can_agree_to_ends_before_the_exchange_is_asked(
    tmp_path: Path, twins: Mapping[str, Served], venue: str
) -> None:
    """With the exchange's own addresses, and keys that are right in themselves."""
    addresses = {f"{venue.upper()}_{kind}_URL": None for kind in ("BASE", "WS")}
    assert "--live" in refusal(tmp_path, venue, changed(twins[venue], **addresses))

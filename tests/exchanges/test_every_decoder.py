"""Every decoder of every venue, fed messages with one place spoilt: what is read is true, or there is a typed error."""

from __future__ import annotations

import ast
import copy
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.paradex.codec_sbe import decode_frame
from tests.exchanges.paradex.test_paradex_sbe import FRAMES as SBE_FRAMES
from tests.support.decoders import DECODERS, Decoder
from tests.support.decoders.liberties import LIBERTIES, liberty
from tests.support.wire_spoiling import MISSING, TOKENS, Place, at_place, changes, is_finite, places, told, written

ROOT = Path(__file__).resolve().parents[2]
LONGEST_ERROR = 400
BARE_NUMBER = "backpack: time"
"""A number that is cut is another number; HTTP tells how long it is."""
HOSTILE = "\x1b[31m\r\n" + "x" * 1_000
MANGLED = 100
ALPHABET = '"\\{}[],:0123456789.eE+-tfn\x00\x1b\n \u0663\ufeff'
WRITABLE = sorted(set(TOKENS) - {"nan", "infinity", "too many nines", "too deep", "too large", "too small"})
"""Tokens that a JSON writer could have given."""
WRITTEN_BY_A_VENUE = frozenset(
    {"bytes", "str | bytes", "object", "Fields", "list[Fields]", "Envelope", "QuoteEvent", "TradeEvent"}
)
Change = tuple[str, str, list[tuple[object, object]]]
"""Place, token, and the leaves of the reading that are different by it."""


def spoilings(decoder: Decoder) -> Iterator[tuple[Place, str]]:
    """Each place with each token that cannot be true there. That a list is empty can be."""
    for place in places(decoder.whole):
        whole = at_place(decoder.whole, place)
        if place and isinstance(place[-1], str):
            yield place, MISSING
        for token in TOKENS:
            is_flag = isinstance(whole, bool) and token in ("true", "false")
            is_empty = isinstance(whole, list) and token == "list"
            if not is_flag and not is_empty:
                yield place, token


def outcome(decoder: Decoder, text: str) -> object:
    """What is read, or None for an error of the kinds that this decoder names; its words are safe to show."""
    try:
        reading, refused = told(decoder.read(text)), ""
    except decoder.errors as error:
        reading, refused = None, str(error)
    assert is_finite(reading)
    assert refused.isprintable()
    assert len(refused) <= LONGEST_ERROR
    return reading


def printable(text: str) -> str:
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.split()).lower()


def says(after: object, token: str) -> bool:
    """Whether a changed leaf is just the text that was sent, or an id that holds it: text may be any."""
    if not token.startswith('"') or not isinstance(after, str):
        return False
    return printable(json.loads(token)) in printable(after)


@cache
def changed(name: str) -> list[Change]:
    decoder, found = DECODERS[name], []
    whole = outcome(decoder, json.dumps(decoder.whole))
    for place, token in spoilings(decoder):
        raw = TOKENS.get(token, MISSING)
        now = outcome(decoder, written(decoder.whole, place, raw))
        differs = [] if now is None else [change for change in changes(whole, now) if not says(change[1], raw)]
        if differs:
            found.append((".".join(key for key in place if isinstance(key, str)), token, differs))
    return found


@pytest.mark.parametrize("name", DECODERS)
def test_a_spoilt_place_is_an_error_or_changes_nothing_but_its_own_text(name: str) -> None:
    made_up = [change for change in changed(name) if liberty(name, change[0], change[1]) is None]
    assert made_up == []


def test_every_liberty_is_one_that_some_decoder_takes() -> None:
    taken = {liberty(name, place, token) for name in DECODERS for place, token, _ in changed(name)}
    assert [row for number, row in enumerate(LIBERTIES) if number not in taken] == []


@pytest.mark.parametrize("name", [name for name in DECODERS if name != BARE_NUMBER])
def test_a_message_cut_anywhere_is_an_error(name: str) -> None:
    decoder = DECODERS[name]
    text = json.dumps(decoder.whole)
    read = [text[:length] for length in range(len(text)) if outcome(decoder, text[:length]) is not None]
    assert read == []


@pytest.mark.parametrize("name", DECODERS)
def test_a_name_that_comes_twice_means_what_it_says_last(name: str) -> None:
    decoder = DECODERS[name]
    whole = outcome(decoder, json.dumps(decoder.whole))
    for place in places(decoder.whole):
        if place and isinstance(place[-1], str):
            right = json.dumps(at_place(decoder.whole, place))
            for wrong in ("null", '"NaN"', "[]", "0"):
                assert outcome(decoder, written(decoder.whole, place, right, before=wrong)) == whole
                alone = outcome(decoder, written(decoder.whole, place, wrong))
                assert outcome(decoder, written(decoder.whole, place, right, after=wrong)) == alone


@pytest.mark.parametrize("name", DECODERS)
def test_a_field_under_a_hostile_name_is_as_good_as_missing(name: str) -> None:
    decoder = DECODERS[name]
    for place in places(decoder.whole):
        if place and isinstance(place[-1], str):
            spoilt = copy.deepcopy(decoder.whole)
            holder = at_place(spoilt, place[:-1])
            holder[HOSTILE] = holder.pop(place[-1])
            now = outcome(decoder, json.dumps(spoilt))
            if not place[-1].isdigit():
                assert now == outcome(decoder, written(decoder.whole, place, MISSING))
                continue
            # Names that are data, as those of markets are, are read; the error beside them may quote them.
            holder[HOSTILE] = "NaN"
            outcome(decoder, json.dumps(spoilt))


@pytest.mark.parametrize("name", DECODERS)
def test_bytes_changed_lost_or_added_are_read_or_an_error(name: str) -> None:
    decoder = DECODERS[name]
    chance = Random(name)
    text = json.dumps(decoder.whole)
    for _ in range(MANGLED):
        at, length = chance.randrange(len(text)), chance.choice([0, 1, 1, 1, 5])
        added = "".join(chance.choice(ALPHABET) for _ in range(chance.choice([0, 1, 1, 3])))
        outcome(decoder, text[:at] + added + text[at + length :])


@given(name=st.sampled_from(sorted(DECODERS)), data=st.data())
def test_several_places_spoilt_at_once_are_read_or_an_error(name: str, data: st.DataObject) -> None:
    decoder = DECODERS[name]
    spoilt = decoder.whole
    for _ in range(data.draw(st.integers(2, 4))):
        place = data.draw(st.sampled_from(list(places(spoilt))))
        text = written(spoilt, place, TOKENS[data.draw(st.sampled_from(WRITABLE))])
        outcome(decoder, text)
        spoilt = json.loads(text)


# --- none is left out -----------------------------------------------------------------------------------------------


def decoders_of(root: Path) -> set[tuple[str, str]]:
    """File and name of each public function of a venue's codecs that takes what a venue wrote."""
    found = set()
    for path in sorted(root.glob("exchanges/*/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name.startswith("twin") or "exchanges.decoding" not in imported(tree):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                taken = {ast.unparse(each.annotation) for each in arguments if each.annotation}
                if node.name.startswith("decode_") or taken & WRITTEN_BY_A_VENUE:
                    found.add((str(path), node.name))
    return found


def imported(tree: ast.Module) -> set[str]:
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def called_while_reading() -> set[tuple[str, str]]:
    """File and name of each function that runs while every whole message is read."""
    called = set()

    def saw(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            called.add((frame.f_code.co_filename, frame.f_code.co_name))

    sys.setprofile(saw)
    try:
        for decoder in DECODERS.values():
            outcome(decoder, json.dumps(decoder.whole))
        for binary in SBE_FRAMES.values():
            decode_frame(binary)
    finally:
        sys.setprofile(None)
    return called


def test_no_decoder_is_left_out() -> None:
    """A new one needs a message in `tests/support/decoders`."""
    assert decoders_of(ROOT) - called_while_reading() == set()


def test_a_decoder_that_is_not_in_the_catalogue_would_be_missed(tmp_path: Path) -> None:
    codec = tmp_path / "exchanges/acme/codec_new.py"
    codec.parent.mkdir(parents=True)
    codec.write_text(
        "from exchanges.decoding import Fields\n"
        "def decode_price(row: Fields) -> Decimal: ...\n"
        "def of_body(body: bytes, symbol: str) -> Decimal: ...\n"
        "def decode_text(text: str) -> Decimal: ...\n"
        "def words(price: Decimal) -> str: ...\n"
        "def _inner(row: Fields) -> Decimal: ...\n",
        encoding="utf-8",
    )
    assert {name for _, name in decoders_of(tmp_path)} == {"decode_price", "of_body", "decode_text"}
    assert len({path for path, _ in decoders_of(ROOT)}) > 10

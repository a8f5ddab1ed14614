from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import JOURNALED, Fill, JournalBegan, Liquidity, OrderIntended, Part, QuoteMoved, Record
from domain.market import Quote, Side
from domain.orders import Purpose
from helpers.record_codec import RecordError, decode_record, encode_record
from tests.support.records import any_record

D = Decimal

FILL = Fill(1, 7, "o-1", "t-1", Side.BUY, D("60000.10"), D("1E-2"), D("-0.012"), Liquidity.MAKER, 5)
FILL_TEXT = (
    '{"kind":"Fill","at_ns":1,"client_id":7,"order_id":"o-1","trade_id":"t-1","side":"buy","price":"60000.10",'
    '"quantity":"0.01","fee":"-0.012","liquidity":"maker","venue_ns":5,"forced":false}'
)


def test_a_fill_is_this_line() -> None:
    assert encode_record(FILL) == FILL_TEXT
    assert decode_record(FILL_TEXT) == FILL


def test_parts_and_absent_values_are_written_out() -> None:
    intent = OrderIntended(1, 2, Purpose.EXIT, Side.SELL, None, D(3), parts=(Part(4, D("1.5")), Part(5, D("1.5"))))
    assert encode_record(intent) == (
        '{"kind":"OrderIntended","at_ns":1,"client_id":2,"purpose":"exit","side":"sell","price":null,"quantity":"3",'
        '"entry_id":null,"parts":[{"entry_id":4,"quantity":"1.5"},{"entry_id":5,"quantity":"1.5"}],"adopted":false}'
    )


@pytest.mark.parametrize("kind", JOURNALED, ids=lambda kind: kind.__name__)
def test_every_journaled_type_comes_back_digit_for_digit(kind: type[Record]) -> None:
    @given(any_record(kind))
    def comes_back(record: Record) -> None:
        text = encode_record(record)
        again = decode_record(text)
        assert type(again) is type(record)
        assert (again, repr(again)) == (record, repr(record))
        assert text.isascii()
        assert text.isprintable()

    comes_back()


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "not a JSON record"),
        ("[]", "not a JSON object that begins with its kind"),
        ("{}", "not a JSON object that begins with its kind"),
        ('{"at_ns":1,"kind":"ClockSet"}', "not a JSON object that begins with its kind"),
        ('{"kind":"Nothing"}', "unknown kind of record 'Nothing'"),
        ('{"kind":["Fill"]}', "unknown kind"),
        ('{"kind":"ClockSet"}', "exactly the fields at_ns"),
        ('{"kind":"ClockSet","at_ns":1,"more":2}', "exactly the fields at_ns"),
        ('{"kind":"ClockSet","at_ns":1,"at_ns":1}', "exactly the fields at_ns"),
        ('{"kind":"ClockSet","at_ns":1.0}', "whole numbers"),
        ('{"kind":"ClockSet","at_ns":true}', "'True' is not a whole number"),
        ('{"kind":"ClockSet","at_ns":null}', "'None' is not a whole number"),
        ('{"kind":"ClockSet","at_ns":NaN}', "NaN"),
        ('{"kind":"ClockSet","at_ns":1}x', "not a JSON record"),
        (FILL_TEXT.replace('"60000.10"', "60000.10"), "whole numbers"),
        (FILL_TEXT.replace('"60000.10"', '"NaN"'), "not a decimal number"),
        (FILL_TEXT.replace('"60000.10"', '"Infinity"'), "not a decimal number"),
        (FILL_TEXT.replace('"60000.10"', '"1_0"'), "not a decimal number"),
        (FILL_TEXT.replace('"60000.10"', '" 1"'), "not a decimal number"),
        (FILL_TEXT.replace('"60000.10"', '"1E+9999999"'), "not a decimal number"),
        (FILL_TEXT.replace('"buy"', '"hold"'), "'hold' is not a Side"),
        (FILL_TEXT.replace("false", "0"), "neither true nor false"),
        (FILL_TEXT.replace('"o-1"', "1"), "not a text"),
        ("[" * 100_000, "not a JSON record"),
        ('{"kind":"ClockSet","at_ns":' + "9" * 5_000 + "}", "not a JSON record"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(RecordError, match=complaint) as caught:
        decode_record(text)
    assert "\n" not in str(caught.value)


def test_parts_that_are_no_list_are_refused() -> None:
    intent = encode_record(OrderIntended(1, 2, Purpose.OPEN, Side.BUY, D(1), D(3)))
    for parts in ("{}", "null", '"x"', "[1]", '[{"entry_id":1}]'):
        with pytest.raises(RecordError):
            decode_record(intent.replace('"parts":[]', f'"parts":{parts}'))


def test_a_market_that_cannot_be_is_refused() -> None:
    rules = {
        "kind": "RulesChanged",
        "at_ns": 1,
        "rules": {
            "ticker": "BTC",
            "contract_id": "c",
            "tick_size": "0",
            "quantity_step": "1",
            "min_quantity": "1",
            "min_notional": "0",
            "maker_fee_rate": "0",
            "taker_fee_rate": "0",
        },
    }
    with pytest.raises(RecordError, match="tick_size of BTC must be a positive number"):
        decode_record(json.dumps(rules))


@pytest.mark.parametrize(
    "record",
    [
        JournalBegan(1, 1, D("NaN"), ""),
        JournalBegan(1, 1, D("-Infinity"), ""),
        JournalBegan(1, 1, D("1E+9999999"), ""),
        JournalBegan(1, True, D(0), ""),
        JournalBegan(1, 1, 0.5, ""),  # type: ignore[arg-type]
        JournalBegan(1, 1, D(0), None),  # type: ignore[arg-type]
        QuoteMoved(1, Quote(D(1), D(1), D(2), D(1), 1)),
    ],
)
def test_what_must_not_be_written_is_refused(record: Record) -> None:
    with pytest.raises(RecordError):
        encode_record(record)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)).map(json.dumps))
def test_any_text_is_a_record_or_a_record_error(text: str) -> None:
    with pytest.raises(RecordError):
        decode_record(text)


@given(st.integers(0, len(FILL_TEXT) - 1), st.characters())
def test_a_changed_character_never_raises_anything_else(place: int, char: str) -> None:
    changed = FILL_TEXT[:place] + char + FILL_TEXT[place + 1 :]
    try:
        record = decode_record(changed)
    except RecordError:
        return
    assert isinstance(record, Fill)

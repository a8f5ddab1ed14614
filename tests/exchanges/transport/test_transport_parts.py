"""The small parts: addresses, the venue's clock, the touch, decoding."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import QuoteMoved, VenueEvent
from domain.market import NANOSECONDS, PriceBand, Quote, Side
from exchanges.decoding import DecodeError, parse_fields, parse_json, plain_decimal, wire_decimal
from exchanges.errors import Misconfigured
from exchanges.transport.endpoints import endpoint
from exchanges.transport.messages import Handshake, HttpRequest, HttpResponse
from exchanges.transport.server_clock import ServerClock
from exchanges.transport.touch import Touch
from helpers.clock import VirtualClock

D = Decimal
OFFICIAL = ("api.venue.example",)
START_NS = 1_700_000_000 * NANOSECONDS


def resolved(url: str | None, extra: str | None = None, default: str = "https://api.venue.example") -> str:
    values = {"V_BASE_URL": url, "V_EXTRA_HOST": extra}
    return endpoint("V_BASE_URL", default, OFFICIAL, values.get, "V_EXTRA_HOST")


@pytest.mark.parametrize(
    "url, extra, expected",
    [
        (None, None, "https://api.venue.example"),
        ("https://api.venue.example/", None, "https://api.venue.example"),
        ("https://API.venue.example:443/v1/", None, "https://API.venue.example:443/v1"),
        ("http://127.0.0.1:8080", None, "http://127.0.0.1:8080"),
        ("http://localhost:8080/v1", None, "http://localhost:8080/v1"),
        ("http://[::1]:8080", None, "http://[::1]:8080"),
        ("https://mine.example", "mine.example", "https://mine.example"),
    ],
)
def test_an_address_that_is_allowed(url: str | None, extra: str | None, expected: str) -> None:
    assert resolved(url, extra) == expected


@pytest.mark.parametrize(
    "url, extra",
    [
        ("http://api.venue.example", None),
        ("htps://api.venue.example", None),
        ("wss://api.venue.example", None),
        ("https://api.venue.example.evil.example", None),
        ("https://evil.example/api.venue.example", None),
        ("https://api.venue.example@evil.example", None),
        ("https://user:pass@api.venue.example", None),
        ("https://api.venue.example:8443", None),
        ("https://mine.example", "other.example"),
        ("http://mine.example", "mine.example"),
        ("https://api.venue.example?x=1", None),
        ("https://", None),
        ("api.venue.example", None),
        ("https://[::1", None),
        ("http://10.0.0.1", None),
    ],
)
def test_an_address_that_is_refused_in_one_line_naming_the_variable(url: str, extra: str | None) -> None:
    with pytest.raises(Misconfigured) as refused:
        resolved(url, extra)
    text = str(refused.value)
    assert "V_BASE_URL" in text
    assert "\n" not in text
    assert "pass" not in text


def test_a_stream_address_is_wss_or_on_this_machine() -> None:
    default = "wss://api.venue.example/ws"
    assert resolved(None, default=default) == default
    assert resolved("ws://127.0.0.1:1", default=default) == "ws://127.0.0.1:1"
    for url in ("ws://api.venue.example", "https://api.venue.example"):
        with pytest.raises(Misconfigured, match="wss://"):
            resolved(url, default=default)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=2, max_size=20), st.integers())
def test_the_venues_time_is_within_the_doubt_of_the_best_sample(offset: int, ways: list[int], seed: int) -> None:
    clock, chance = VirtualClock(START_NS), Random(seed)
    server = ServerClock(clock)
    for way in ways:
        sent_ns = clock.now_ns()
        there = chance.randint(0, way)
        told_ms = (sent_ns + there + offset) // 1_000_000
        clock.move_to(sent_ns + way)
        server.sample(sent_ns, clock.now_ns(), told_ms * 1_000_000)
    assert abs(server.offset_ns - offset) <= min(ways[-8:]) // 2 + 1_500_000


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = VirtualClock(START_NS)
    server = ServerClock(clock)
    for offset_s in (0, 0, -120):
        sent_ns = clock.now_ns()
        clock.move_to(sent_ns + 50_000_000)
        server.sample(sent_ns, clock.now_ns(), sent_ns + 25_000_000 + offset_s * NANOSECONDS)
    assert round(server.offset_ns / NANOSECONDS) == -120


async def test_the_touch_wakes_once_at_the_first_quote_outside_and_ages_unless_confirmed() -> None:
    clock = VirtualClock(START_NS)
    told: list[VenueEvent] = []
    touch = Touch(clock, told.append)
    assert touch.quote() is None
    touch.update(D(10), D(1), D(11), D(2))
    assert touch.quote() == Quote(D(10), D(1), D(11), D(2), START_NS)
    touch.watch(PriceBand(Side.SELL, low=D("10.5"), high=D(12)))
    await asyncio.sleep(0)
    touch.update(D(10), D(1), D("11.5"), D(2))
    assert told == []
    clock.move_to(START_NS + 5)
    touch.update(D(10), D(1), D(12), D(2))
    touch.update(D(10), D(1), D(13), D(2))
    assert told == [QuoteMoved(START_NS + 5, Quote(D(10), D(1), D(12), D(2), START_NS + 5))]
    clock.move_to(START_NS + 9)
    quote = touch.quote()
    assert quote is not None
    assert quote.as_of_ns == START_NS + 5
    touch.confirm()
    quote = touch.quote()
    assert quote is not None
    assert quote.as_of_ns == START_NS + 9
    touch.clear()
    touch.confirm()
    assert touch.quote() is None


async def test_a_quote_already_outside_is_told_as_soon_as_it_is_watched() -> None:
    told: list[VenueEvent] = []
    touch = Touch(VirtualClock(START_NS), told.append)
    touch.update(D(10), D(1), D(11), D(2))
    touch.watch(PriceBand(Side.BUY, low=D(10)))
    assert told == []
    await asyncio.sleep(0)
    assert told == [QuoteMoved(START_NS, Quote(D(10), D(1), D(11), D(2), START_NS))]


def test_messages_do_not_show_what_may_be_secret() -> None:
    secret = "hunter2-hunter2"
    headers = (("X-Key", secret),)
    shown = [
        HttpRequest("GET", f"/x?listenKey={secret}", headers, secret.encode()),
        HttpResponse(200, headers, secret.encode()),
        Handshake(f"wss://x/{secret}", headers),
    ]
    assert secret not in repr(shown)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_a_number_goes_to_the_wire_and_back_unchanged_and_plain(value: Decimal) -> None:
    text = wire_decimal(value)
    assert "e" not in text.lower()
    assert plain_decimal(text, "x") == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[NaN]", "{", "", "[" * 100_000, '{"a":1}{', "1" * 5000])
def test_what_is_no_json_is_an_error_of_one_line(text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        parse_json(text)
    assert "\n" not in str(refused.value)


def test_a_number_with_a_fraction_keeps_its_digits() -> None:
    fields = parse_fields('{"a":0.1000000000000000055511151231257827,"b":12,"c":"3.40","d":1e3}', "x")
    assert str(fields.decimal("a")) == "0.1000000000000000055511151231257827"
    assert (fields.decimal("b"), str(fields.decimal("c"))) == (D(12), "3.40")
    with pytest.raises(DecodeError, match=r"x\.d"):
        fields.decimal("d")
    with pytest.raises(DecodeError, match=r"x\.a"):
        fields.text("a")

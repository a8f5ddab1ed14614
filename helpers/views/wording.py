"""Figures, times and foreign text as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from decimal import Decimal, localcontext

from domain.market import NANOSECONDS

_LONGEST_FOREIGN = 200


def safe(text: str) -> str:
    """Text of foreign origin on one line: what a terminal could obey, or could not print, is escaped."""
    cut = text if len(text) <= _LONGEST_FOREIGN else text[: _LONGEST_FOREIGN - 3] + "..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)


def plain(value: Decimal) -> str:
    """Without exponent or trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals(value: Decimal) -> int:
    """How many decimals `plain` shows."""
    return len(plain(value).partition(".")[2])


def money(value: Decimal, places: int = 4) -> str:
    """Rounded to `places` for reading, thousands apart."""
    with localcontext() as context:
        context.prec = 60
        rounded = value.quantize(Decimal(1).scaleb(-places))
        return f"{rounded if rounded else abs(rounded):,}"


def signed(value: Decimal, places: int = 4) -> str:
    """As `money`, with a plus where it is one."""
    text = money(value, places)
    return text if text.startswith("-") or not text.strip("0.,") else f"+{text}"


def span(ns: int) -> str:
    """A length of time in its two largest units: `7s`, `3m 12s`, `5h 02m`, `2d 07h`."""
    seconds = max(0, ns) // NANOSECONDS
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86_400:
        return f"{seconds // 3_600}h {seconds % 3_600 // 60:02}m"
    return f"{seconds // 86_400}d {seconds % 86_400 // 3_600:02}h"


def span_left(ns: int) -> str:
    """As `span`, rounded up: a countdown that shows 1s has not ended."""
    return span(ns + NANOSECONDS - 1)


def clock_time(at_ns: int, tz: tzinfo) -> str:
    """HH:MM:SS in `tz`."""
    return _moment(at_ns, tz).strftime("%H:%M:%S")


def date_time(at_ns: int, tz: tzinfo) -> str:
    """Date, time and offset in `tz`."""
    text = _moment(at_ns, tz).strftime("%Y-%m-%d %H:%M:%S %z")
    return f"{text[:-2]}:{text[-2:]}"


def _moment(at_ns: int, tz: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ns // NANOSECONDS, UTC).astimezone(tz)

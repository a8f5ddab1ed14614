"""Moments as people write and read them: UTC, to the second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from domain.market import NANOSECONDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_OR_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def utc_text(at_ns: int) -> str:
    """`2024-08-08 23:54:15` for nanoseconds since the epoch; what is below a second is left out."""
    return (_EPOCH + timedelta(seconds=at_ns // NANOSECONDS)).strftime("%Y-%m-%d %H:%M:%S")


def parse_utc(text: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 day or moment, UTC where it names no zone.

    Raises `ValueError` whose message goes on from the text.
    """
    if not _DAY_OR_MOMENT.fullmatch(text):
        raise ValueError("is no day or moment; write it like 2024-08-08 or 2024-08-08T23:55 (UTC)")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("is not in the calendar; write it like 2024-08-08 or 2024-08-08T23:55 (UTC)") from None
    since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    return (since // timedelta(microseconds=1)) * 1_000

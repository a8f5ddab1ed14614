"""S16: whether a text shows a secret, its beginning, or either in hex, base64 or URL form."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_PREFIX = 10
"""Even the first ten characters of a key have been enough to do harm."""


class Canaries:
    def __init__(self, secrets: tuple[str, ...]) -> None:
        forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE) if forms else None

    def shows_in(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None


def _forms(secret: str) -> Iterator[str]:
    """Every form is searched by its beginning: who shows the whole shows the beginning too."""
    if len(secret) < 8:
        raise ValueError("a canary of fewer than eight characters would be found by chance")
    start = secret[:_PREFIX]
    yield start
    yield from (quote(start, safe=""), quote_plus(start))
    raw = start.encode()
    yield raw.hex()
    yield from _base64_forms(raw)
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{16,}", secret):
        digits = secret.removeprefix("0x")[: 2 * _PREFIX // 2]
        yield digits
        yield from _base64_forms(bytes.fromhex(digits))


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The characters that `raw` alone decides, wherever in a longer text it begins."""
    for offset in range(3):
        first = -(-8 * offset // 6)
        last = 8 * (offset + len(raw)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(offset) + raw + bytes(3)).decode()[first:last]

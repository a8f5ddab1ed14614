"""Text that is safe to show: secrets masked, control characters made visible.

Everything that leaves the process in words (log lines, notifications, error lines) goes through a `Redactor` and then
through `printable`. In that order, and cut to length last: a cut made first could leave the head of a secret behind.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from helpers.secret import MASK, Secret

_SHORTEST = 4
"""A shorter secret would mask ordinary words."""
_HEAD = 8
"""This many characters of a secret's head count as the secret."""
_LONGEST_NUMBER = 1_024
"""Digits. What is longer is no key, and has no decimal form worth looking for."""

# C0, DEL and C1 (terminal commands), marks that reorder or hide text, line separators, and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


class Redactor:
    """Masks known secrets in text, also when only their head or an encoding of them appears.

    Known forms: the value, its hexadecimal, base64 (at every alignment inside longer data, both alphabets) and URL
    forms, its JSON and repr escapes; for hexadecimal and base64 values also the other encodings of the bytes they stand
    for, and a hexadecimal key's decimal number.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: dict[str, set[str]] = {}
        self._heads: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        """Know more secrets from now on. Shorter than 4 characters: not masked."""
        for secret in secrets:
            for form in _forms_of(secret.reveal()):
                if len(form) >= _SHORTEST:
                    self._forms.setdefault(form[:_HEAD], set()).add(form)
        if self._forms:
            longest_first = sorted(self._forms, key=lambda head: (-len(head), head))
            self._heads = re.compile("|".join(re.escape(head) for head in longest_first))

    def __call__(self, text: str) -> str:
        parts: list[str] = []
        at = 0
        for begin, end in self._found(text):
            parts += (text[at:begin], MASK)
            at = end
        return "".join((*parts, text[at:])) if parts else text

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans to mask, in order, overlapping and touching ones merged."""
        if self._heads is None:
            return
        begin = end = -1
        match = self._heads.search(text)
        while match is not None:
            start = match.start()
            stop = start + max(_shared_length(form, text, start) for form in self._forms[match.group()])
            if start > end:
                if end > begin:
                    yield begin, end
                begin, end = start, stop
            end = max(end, stop)
            # One further, not past the match: a second secret may begin inside the first.
            match = self._heads.search(text, start + 1)
        if end > begin:
            yield begin, end


def printable(text: str, limit: int = 4000, *, keep_newlines: bool = False) -> str:
    """`text` with every character escaped that could command a terminal, forge a line or hide a word, at most `limit`
    characters and a note of how many were cut."""

    def escaped(match: re.Match[str]) -> str:
        character = match.group()
        if keep_newlines and character == "\n":
            return character
        code = ord(character)
        plain = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        return _NAMED.get(character, plain)

    whole = _UNSAFE.sub(escaped, text)
    if len(whole) <= limit:
        return whole
    return f"{whole[:limit]} ... ({len(whole) - limit} more characters)"


def _shared_length(form: str, text: str, start: int) -> int:
    """How many characters of `form` stand in `text` from `start` on."""
    for length, (wanted, found) in enumerate(zip(form, text[start : start + len(form)], strict=False)):
        if wanted != found:
            return length
    return min(len(form), len(text) - start)


def _forms_of(value: str) -> Iterator[str]:
    yield value
    yield from (json.dumps(value)[1:-1], repr(value)[1:-1])
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    yield from _encodings_of(value.encode(errors="surrogatepass"))
    # A Telegram token is `<bot id>:<key>`: the key alone is as good as the whole.
    yield from (part for part in value.split(":") if ":" in value and len(part) > 2 * _HEAD)
    digits = value.removeprefix("0x").removeprefix("0X")
    if len(digits) >= 2 * _HEAD and re.fullmatch("[0-9a-fA-F]+", digits):
        for number in (digits, digits.lstrip("0")):  # Whoever writes a number leaves its leading zeros out.
            yield from (number, number.lower(), number.upper())
        if len(digits) <= _LONGEST_NUMBER:
            yield str(int(digits, 16))
        yield from _encodings_of(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))
    elif len(value) >= 2 * _HEAD:
        try:
            yield from _encodings_of(base64.b64decode(value.translate(_STANDARD), validate=True))
        except (binascii.Error, ValueError):
            return


_STANDARD = str.maketrans("-_", "+/")
_URL_SAFE = str.maketrans("+/", "-_")


def _encodings_of(data: bytes) -> Iterator[str]:
    yield data.hex()
    yield data.hex().upper()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        # Only the characters that depend on `data` alone, whatever stands before and after it.
        core = encoded[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6]
        yield core
        yield core.translate(_URL_SAFE)

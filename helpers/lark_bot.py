"""Messages to one Lark or Feishu group, through the webhook of a custom bot.

Outbound only: a custom bot cannot read the group.
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from helpers.messenger import Answer, Undelivered, post_json, told_by_service
from helpers.secret import Secret

if TYPE_CHECKING:
    import aiohttp

OFFICIAL_BASE_URL = "https://open.larksuite.com"
# The service takes 20 KB of request; the rest is for the envelope and for JSON's escapes.
_LIMIT_BYTES = 15_000
_TOO_FREQUENT = 11232
_BAD_REQUEST_OR_TOO_FREQUENT = 9499
_INTERNAL_ERROR = 2200
_ADVICE = {
    19001: "; check LARK_TOKEN",
    19021: "; check LARK_SIGN_SECRET and this machine's clock",
    19022: "; add this machine's address to the bot's list, or switch the list off",
    19024: "; the bot demands a keyword: use signature verification instead",
}


class LarkBot:
    """A `Messenger`. `token`: the last part of the webhook address; `secret`: set when the bot verifies signatures.

    `now_s`: seconds since the epoch; a signature is good for an hour around the service's own time.
    """

    name = "Lark"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: Secret,
        secret: Secret | None = None,
        base_url: str = OFFICIAL_BASE_URL,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._secret = secret
        self._now_s = now_s
        self._address = Secret(f"{base_url}/open-apis/bot/v2/hook/{token.reveal()}")

    async def send(self, text: str) -> None:
        """Deliver `text`, cut to 15,000 bytes. Raises `Undelivered`."""
        payload: dict[str, object] = {"msg_type": "text", "content": {"text": _cut(_without_mentions(text))}}
        if self._secret is not None:
            timestamp = str(int(self._now_s()))
            payload |= {"timestamp": timestamp, "sign": signature(timestamp, self._secret)}
        answer = await post_json(self._session, self._address, payload)
        # The older form of the success answer says StatusCode alone.
        code = answer.body.get("code", answer.body.get("StatusCode"))
        if answer.status != 200 or isinstance(code, bool) or code != 0:
            raise _undelivered(answer, code)


def signature(timestamp: str, secret: Secret) -> str:
    """The signature at `timestamp` (decimal seconds): an HMAC-SHA256 over nothing, whose *key* is time and secret."""
    key = f"{timestamp}\n{secret.reveal()}".encode()
    return base64.b64encode(hmac.digest(key, b"", "sha256")).decode()


def _without_mentions(text: str) -> str:
    """A venue's words must not call everybody in the group: `<at ...>` is a mention also in plain text."""
    return re.sub(r"<(?=\s*/?\s*at\b)", "(", text, flags=re.IGNORECASE)


def _cut(text: str) -> str:
    return text.encode(errors="replace")[:_LIMIT_BYTES].decode(errors="ignore")


def _undelivered(answer: Answer, code: object) -> Undelivered:
    """What a refusal means. The service answers most of them with status 200 and its own code."""
    words = told_by_service(answer.body.get("msg", answer.body.get("StatusMessage"))) or f"HTTP status {answer.status}"
    if isinstance(code, int) and code:
        words = f"{words} (code {code})"
    if answer.status == 429 or code == _TOO_FREQUENT or _says_too_frequent(code, words):
        wait_s = answer.seconds("x-ogw-ratelimit-reset")
        return Undelivered(words, retry=True, retry_after_s=answer.seconds("Retry-After") if wait_s is None else wait_s)
    if answer.status >= 500 or code == _INTERNAL_ERROR or (answer.status == 200 and not answer.body):
        return Undelivered(words, retry=True)
    return Undelivered(words + (_ADVICE.get(code, "") if isinstance(code, int) else ""), retry=False)


def _says_too_frequent(code: object, words: str) -> bool:
    """One code serves a malformed request and too many of them; only the words differ."""
    return code == _BAD_REQUEST_OR_TOO_FREQUENT and re.search("too many|frequen", words, re.IGNORECASE) is not None

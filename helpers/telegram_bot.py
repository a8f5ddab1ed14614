"""Messages to one Telegram chat, through the Bot API's `sendMessage`.

Outbound only: nothing is ever read from the chat, so nobody there can command the bot. The text is sent plain, without
a parse mode, so nothing in it has to be escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.messenger import Answer, Undelivered, post_json, seconds_of, told_by_service
from helpers.secret import Secret

if TYPE_CHECKING:
    import aiohttp

OFFICIAL_BASE_URL = "https://api.telegram.org"
_LIMIT_UTF16_UNITS = 4096


class TelegramBot:
    """A `Messenger`. `chat_id`: a user's, group's or channel's number, or `@channelname`."""

    name = "Telegram"

    def __init__(
        self, session: aiohttp.ClientSession, token: Secret, chat_id: str, base_url: str = OFFICIAL_BASE_URL
    ) -> None:
        self._session = session
        self._chat_id = chat_id
        self._address = Secret(f"{base_url}/bot{token.reveal()}/sendMessage")

    async def send(self, text: str) -> None:
        """Deliver `text`, cut to Telegram's 4096 UTF-16 units. Raises `Undelivered`."""
        payload = {
            "chat_id": self._chat_id,
            "text": _cut(text),
            # Without a preview, Telegram does not fetch addresses that a venue's words may contain.
            "link_preview_options": {"is_disabled": True},
        }
        answer = await post_json(self._session, self._address, payload)
        if answer.status != 200 or answer.body.get("ok") is not True:
            raise _undelivered(answer)


def _cut(text: str) -> str:
    encoded = text.encode("utf-16-le", errors="replace")
    return encoded[: 2 * _LIMIT_UTF16_UNITS].decode("utf-16-le", errors="ignore")


def _undelivered(answer: Answer) -> Undelivered:
    """What a refusal means. The API names its own code in the body, with words and, for floods, a time to wait."""
    named = answer.body.get("error_code")
    code = named if isinstance(named, int) else answer.status
    words = told_by_service(answer.body.get("description")) or f"HTTP status {answer.status}"
    found = answer.body.get("parameters")
    parameters = found if isinstance(found, dict) else {}
    if code == 429:
        wait_s = seconds_of(parameters.get("retry_after"))
        return Undelivered(words, retry=True, retry_after_s=answer.seconds("Retry-After") if wait_s is None else wait_s)
    if code >= 500 or not answer.body:
        return Undelivered(words, retry=code >= 500 or answer.status == 200)
    moved_to = parameters.get("migrate_to_chat_id")
    if isinstance(moved_to, int):
        return Undelivered(f"{words}; set TELEGRAM_CHAT_ID={moved_to}", retry=False)
    advice = {
        400: "; check TELEGRAM_CHAT_ID, and write to the bot first",
        401: "; check TELEGRAM_BOT_TOKEN",
        403: "; unblock the bot, or add it to the chat again",
        404: "; check TELEGRAM_BOT_TOKEN",
    }
    return Undelivered(words + advice.get(code, ""), retry=False)

"""What a messaging service is to the notifier, and the one way such a service is called.

The address of a call holds the bot's token. Libraries put addresses into their exceptions, so none of theirs leaves
this module: each failure is told anew, as `Undelivered`, and carries no cause.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from helpers.redaction import printable
from helpers.secret import Secret

if TYPE_CHECKING:
    # Over 100 ms and 15 MB: only a run that notifies somebody pays for it.
    import aiohttp
    from aiohttp.abc import AbstractResolver

_LARGEST_ANSWER_BYTES = 65536


class Undelivered(Exception):
    """A message that the service did not take.

    `retry`: trying again may help. `retry_after_s`: the service asked not to be called for so long; None: it named no
    time. After a timeout the message may have arrived all the same.
    """

    def __init__(self, reason: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s


class Messenger(Protocol):
    """One chat of one service."""

    @property
    def name(self) -> str:
        """For people, without anything secret in it."""

    async def send(self, text: str) -> None:
        """Deliver `text`, plain, cut to the service's limit. Raises `Undelivered` and nothing else."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `body`: the JSON object in it; empty when it holds none (a proxy's HTML page, say)."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    def seconds(self, header: str) -> float | None:
        """A header that counts seconds."""
        return seconds_of(self.headers.get(header))


def seconds_of(value: object) -> float | None:
    """A service's number of seconds; None for anything that is no such number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def told_by_service(value: object) -> str:
    """A service's own words, safe to show: cut short, without control characters."""
    return printable(value, 200) if isinstance(value, str) else ""


async def post_json(session: aiohttp.ClientSession, address: Secret, payload: Mapping[str, object]) -> Answer:
    """POST a JSON object. Raises `Undelivered` (worth a retry) where no answer comes; every answer is returned."""
    import aiohttp

    data = json.dumps(payload, ensure_ascii=False).encode(errors="replace")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    # No redirects: they would carry the token elsewhere.
    try:
        async with session.post(address.reveal(), data=data, headers=headers, allow_redirects=False) as response:
            content = await _at_most(response.content, _LARGEST_ANSWER_BYTES)
            return Answer(response.status, response.headers.copy(), _object_in(content))
    except TimeoutError:
        reason = "it did not answer in time"
    except aiohttp.ClientConnectorDNSError:
        reason = "its host name cannot be resolved"
    except aiohttp.ClientSSLError:
        reason = "no secure connection to it is possible"
    except aiohttp.ClientConnectorError as error:
        reason = f"no connection: {error.os_error.strerror or 'unreachable'}"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = f"the connection broke ({type(error).__name__})"
    # Outside the handlers, so that the library's exception is not even this one's context.
    raise Undelivered(reason, retry=True)


async def _at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    content = b""
    while len(content) < limit and (chunk := await stream.read(limit - len(content))):
        content += chunk
    return content


def _object_in(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """A client session for a few messages an hour: no idle connections, cookies or proxies of the environment.

    `timeout_s` bounds a whole call. To be opened and closed within one event loop.
    """
    import aiohttp

    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        connector=aiohttp.TCPConnector(limit=4, force_close=True, resolver=_daemon_resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def _daemon_resolver() -> AbstractResolver:
    """Resolves names in daemon threads: the threads of asyncio's executor, when a name server hangs, hold up the end of
    the process."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class DaemonResolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await _look_up(host, port, family)
            return [
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for kind, _, protocol, _, address in found
            ]

        async def close(self) -> None:
            return None

    return DaemonResolver()


async def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def tell(found: list[Any] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[Any] | OSError
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        except OSError as error:
            found = error
        except UnicodeError:
            found = OSError("not a host name")
        try:
            loop.call_soon_threadsafe(tell, found)
        except RuntimeError:
            # The loop has ended meanwhile, and nobody waits.
            return

    threading.Thread(target=ask, name="notifier-dns", daemon=True).start()
    return await answer

"""One request over one connection, with aiohttp's own parts and without its session.

A session does for a request what no request to an exchange may have done: cookies, redirects, another try where a kept
connection turned out to be closed, proxies, netrc. Without it none of that can happen, and there is less code between a
fill and its close. Connections, requests, responses and the reading of what comes are aiohttp's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import hdrs
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection

    from exchanges.transport.messages import HttpRequest

_NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""Whoever sends has a deadline for the whole."""
_NOT_ADDED = (hdrs.CONTENT_TYPE, hdrs.USER_AGENT)


class Departure(aiohttp.ClientRequest):
    """A request that knows whether it `has_left`: whether it had a connection and was about to be written.

    aiohttp writes a body in a task of its own. From Python 3.12 on that task begins at once; before, here, the writing
    is begun at once, and only what has to wait (for a connection that takes no more) is left to the task.
    """

    has_left = False

    def __init__(self, base_url: str, request: HttpRequest) -> None:
        """`base_url` is a checked base address.

        Raises `ValueError` (`aiohttp.InvalidURL` is one) or `TypeError` for what cannot be written as it was signed.
        Their texts may hold what was signed.
        """
        if not all(name.isprintable() and value.isprintable() for name, value in request.headers):
            raise ValueError("a header holds what no header may")
        super().__init__(
            request.method,
            URL(base_url + request.target, encoded=True),
            headers=request.headers,
            skip_auto_headers=_NOT_ADDED,
            data=request.body or None,
            loop=asyncio.get_running_loop(),
        )
        # Line ends, tabs and fragments are left out of an address without a word; so is the "?" of an empty query.
        target = request.target.removesuffix("?")
        if " " in target or not target.isprintable() or not self.url.raw_path_qs.endswith(target):
            raise ValueError("another target would travel than was signed")

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.has_left = True
        return await super().send(conn)

    if sys.version_info < (3, 12):

        def write_bytes(
            self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
        ) -> Coroutine[Any, Any, None]:
            return begun(super().write_bytes(writer, conn, content_length))


async def answered(departure: Departure, connector: aiohttp.BaseConnector) -> aiohttp.ClientResponse:
    """Send, once; the answer from its headers on, to be used as a context. Raises `aiohttp.ClientError`, `OSError`."""
    connection = await connector.connect(departure, traces=[], timeout=_NO_LIMIT)
    response: aiohttp.ClientResponse | None = None
    try:
        protocol = connection.protocol
        assert protocol is not None, "this connection was made or taken just now"
        protocol.set_response_params(read_until_eof=True, skip_payload=departure.method == hdrs.METH_HEAD)
        response = await departure.send(connection)
        return await response.start(connection)
    except BaseException:
        if response is not None:
            response.close()
        connection.close()
        raise


def begun(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """Do `work` as far as it comes without waiting, which may be its end; the rest of it. Raises what it raises."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return _nothing()
    return _rest(work, awaited)


async def _nothing() -> None:
    """What is left of work that did not have to wait."""


async def _rest(work: Coroutine[Any, Any, None], awaited: object) -> None:
    await _resumed(work, awaited)


@coroutine
def _resumed(work: Coroutine[Any, Any, None], awaited: object) -> Generator[Any, Any, None]:
    """`work`, which waits for `awaited`, carried on as if it had been awaited from its beginning."""
    while True:
        try:
            answer = yield awaited
        except BaseException as error:  # noqa: BLE001 - it is the work's, a cancellation for one
            resume: Callable[[], object] = partial(work.throw, error)
        else:
            resume = partial(work.send, answer)
        try:
            awaited = resume()
        except StopIteration:
            return

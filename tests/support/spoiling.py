"""Messages of a venue in which one value is of the wrong kind, or missing: never one that could be true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from exchanges.transport.messages import Frame, HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.twin import FrameFate, Undisturbed

_MISSING = object()
_NEVER_TRUE: tuple[object, ...] = (_MISSING, None, "", "NaN", "Infinity", [], {}, "٣", {"a": 1}, [None])
"""Neither a number, nor a word, nor a flag of any venue."""

Place = tuple[Any, Any]


def spoil(value: Any, chance: Random) -> Any:
    """`value`, parsed JSON, with one of its leaves spoilt; a value without any is spoilt whole."""
    whole = [value]
    container, key = chance.choice(_leaves(whole))
    new = chance.choice(_NEVER_TRUE)
    if new is not _MISSING:
        container[key] = new
    elif isinstance(container, dict):
        del container[key]
    else:
        container[key] = None
    return whole[0]


def _leaves(container: Any) -> list[Place]:
    found: list[Place] = []
    pairs = list(container.items() if isinstance(container, dict) else enumerate(container))
    for key, value in pairs:
        found += _leaves(value) if isinstance(value, dict | list) and value else [(container, key)]
    return found


def spoil_text(text: str, chance: Random) -> str:
    """The same for a text; one that is no JSON loses its end."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return text[: chance.randrange(len(text) + 1)]
    return json.dumps(spoil(parsed, chance))


class Spoiler(Undisturbed):
    """Spoils one frame in `one_in`, and one answer to a read, as long as `is_on()`. `spoilt` counts them."""

    def __init__(self, chance: Random, one_in: int, is_on: Callable[[], bool]) -> None:
        self.spoilt = 0
        self._chance = chance
        self._one_in = one_in
        self._is_on = is_on

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:
        del socket_id
        if not self._strikes():
            return FrameFate()
        if isinstance(frame, str):
            return FrameFate(instead=spoil_text(frame, self._chance))
        return FrameFate(instead=frame[: self._chance.randrange(len(frame) + 1)])

    def answer(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method != "GET" or not self._strikes():
            return response
        return replace(response, body=spoil_text(response.body.decode(), self._chance).encode())

    def _strikes(self) -> bool:
        strikes = self._is_on() and self._chance.randrange(self._one_in) == 0
        self.spoilt += strikes
        return strikes


class SpoilingHttp:
    def __init__(self, inner: HttpTransport, spoiler: Spoiler) -> None:
        self._inner = inner
        self._spoiler = spoiler

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        return self._spoiler.answer(request, await self._inner.send(request, deadline_s))

    async def close(self) -> None:
        await self._inner.close()

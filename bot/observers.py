"""Telling observers: after each step and what it sends, through a bounded queue: none can slow or stop trading."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from bot.turns import TO_SEND, after_turns
from domain.events import Record
from domain.status import Notice, NoticeKind

_LIMIT = 10_000
_TURNS = TO_SEND + 1
"""What a record leads to is sent by tasks that are started after it was noted."""


class Observer(Protocol):
    """Neither method may block; an observer that raises is told nothing more, and the others are told of it."""

    def saw(self, seq: int, record: Record) -> None:
        """`record` is the journal's record number `seq`."""

    def said(self, notice: Notice) -> None: ...


class ObserverHub:
    """Queues what happened and hands it on once the requests that follow from it have been written.

    When the queue is full it is drained on the spot: observers may then cost time, but nothing is lost and memory stays
    bounded.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = list(observers)
        self._queue: deque[tuple[int, Record] | Notice] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_planned = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        self._drain()
        self._loop = None

    def saw(self, seq: int, record: Record) -> None:
        if self._observers:
            self._put((seq, record))

    def said(self, notice: Notice) -> None:
        if self._observers:
            self._put(notice)

    def _put(self, item: tuple[int, Record] | Notice) -> None:
        self._queue.append(item)
        if len(self._queue) >= _LIMIT or self._loop is None:
            self._drain()
        elif not self._is_planned:
            self._is_planned = True
            after_turns(_TURNS, self._drain)

    def _drain(self) -> None:
        self._is_planned = False
        while self._queue:
            item = self._queue.popleft()
            for observer in list(self._observers):
                self._hand(observer, item)

    def _hand(self, observer: Observer, item: tuple[int, Record] | Notice) -> None:
        try:
            if isinstance(item, Notice):
                observer.said(item)
            else:
                observer.saw(*item)
        except Exception as error:  # noqa: BLE001 - the root of an observer's work: it may fail, trading goes on.
            self._observers.remove(observer)
            text = f"{type(observer).__name__} failed and is switched off: {error}"
            at_ns = item.at_ns if isinstance(item, Notice) else item[1].at_ns
            self._queue.append(Notice(at_ns, NoticeKind.ERROR, text))

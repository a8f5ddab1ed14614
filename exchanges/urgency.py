"""Whether the reads of the running task are what a close waits for: those may use what is kept back for closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_urgent: ContextVar[Callable[[], bool]] = ContextVar("urgent reads", default=lambda: False)


@contextmanager
def urgent_reads(is_urgent: bool | Callable[[], bool] = True) -> Iterator[None]:
    """What is read inside, by this task, is urgent; `is_urgent` False: as it was outside. A function is asked at each
    read, and while that waits for room, since a close may come to wait for reads that had begun without one."""
    before = _urgent.get()
    inside = is_urgent if callable(is_urgent) else lambda: bool(is_urgent)
    token = _urgent.set(lambda: inside() or before())
    try:
        yield
    finally:
        _urgent.reset(token)


def are_reads_urgent() -> bool:
    return _urgent.get()()

"""Whether the reads of the running task are what a close waits for: those may use what is kept back for closes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_urgent: ContextVar[bool] = ContextVar("urgent reads", default=False)


@contextmanager
def urgent_reads(is_urgent: bool = True) -> Iterator[None]:
    """What is read inside, by this task, is urgent; `is_urgent` False: as it was outside."""
    token = _urgent.set(is_urgent or _urgent.get())
    try:
        yield
    finally:
        _urgent.reset(token)


def are_reads_urgent() -> bool:
    return _urgent.get()

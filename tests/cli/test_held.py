"""A signal that comes while modules are imported waits until they are."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from commands.held import held


def during(*steps: Callable[[], object]) -> None:
    with held():
        for step in steps:
            step()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_held_signal_is_raised_once_the_block_is_done(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        during(lambda: signal.raise_signal(number), lambda: reached.append("the end"))
    assert reached == ["the end"]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_of_the_block_counts_more_than_a_held_signal() -> None:
    def fails() -> None:
        raise ImportError("no such module")

    with pytest.raises(ImportError, match="no such module"):
        during(lambda: signal.raise_signal(signal.SIGINT), fails)


def test_without_a_signal_nothing_is_raised() -> None:
    reached: list[str] = []
    during(lambda: reached.append("the end"))
    assert reached == ["the end"]

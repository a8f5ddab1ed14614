"""A signal that comes while modules are imported waits until they are."""

from __future__ import annotations

import ast
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import runbot
from commands.held import Held


def during(*steps: Callable[[], object]) -> None:
    with Held():
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


def test_the_program_imports_next_to_nothing_before_it_minds_signals() -> None:
    """What is imported at its top is out of reach of its `except KeyboardInterrupt`, and would be a traceback."""
    lines = ast.parse(Path(runbot.__file__).read_text()).body
    plain = [name.name for line in lines if isinstance(line, ast.Import) for name in line.names]
    parts = [line.module for line in lines if isinstance(line, ast.ImportFrom)]
    assert (plain, parts) == (["sys"], ["__future__"])


def test_in_a_thread_nothing_is_held_and_nothing_fails() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(during, lambda: None).result() is None

"""A thread that does what may take long, one thing after another, so that nobody has to wait for it.

For the files that observers write: the disk of the logs may be a share that hangs, and trading must not hang with it.
Sessions at full speed do without, because a thread's timing is no part of virtual time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future


class Background:
    """Jobs run in the order of their submission. The thread is a daemon: a job that hangs does not keep the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._state = threading.Condition()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Have `job` done soon. What it raises is in the result. Whoever submits sees to it that few are waiting."""
        result: Future[None] = Future()
        with self._state:
            if self._is_closing:
                result.set_exception(RuntimeError(f"{self._name} is closed"))
                return result
            self._jobs.append((job, result))
            self._state.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        return result

    def close(self, timeout_s: float = 2.0) -> bool:
        """Do what was submitted, for at most `timeout_s`; whether all of it was done. Idempotent."""
        with self._state:
            self._is_closing = True
            self._state.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._jobs and not self._is_closing:
                    self._state.wait()
                if not self._jobs:
                    return
                job, result = self._jobs.popleft()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the root of the thread: whoever submitted looks at the result.
                result.set_exception(error)
            else:
                result.set_result(None)

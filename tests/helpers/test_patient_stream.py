"""A stream whose reader may stop, and whose writer may not."""

from __future__ import annotations

import io
import threading

from helpers.views.patient_stream import PatientStream


class _Gate:
    """A sink that takes text only while it is open."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.entered.set()
        assert self.open.wait(30)
        self.texts.append(text)

    def flush(self) -> None:
        pass


def test_everything_written_arrives_in_order() -> None:
    out = io.StringIO()
    with PatientStream(out) as stream:
        for number in range(1_000):
            stream.write(f"{number}\n")
    assert out.getvalue() == "".join(f"{number}\n" for number in range(1_000))


def test_a_stopped_reader_delays_nobody_and_what_does_not_fit_is_counted() -> None:
    gate = _Gate()
    stream = PatientStream(gate, most_waiting=10)
    stream.write("12345")
    assert gate.entered.wait(30)
    assert stream.is_behind
    stream.write("67890")
    stream.write("!")
    assert stream.dropped == 1
    gate.open.set()
    assert not stream.close(30)
    assert "".join(gate.texts) == "1234567890"


def test_closing_does_not_wait_for_ever() -> None:
    gate = _Gate()
    stream = PatientStream(gate)
    stream.write("never read")
    assert not stream.close(timeout_s=0.01)
    gate.open.set()


def test_a_reader_that_has_gone_is_written_to_no_more() -> None:
    closed = io.StringIO()
    closed.close()
    stream = PatientStream(closed)
    stream.write("x")
    stream.close(30)
    stream.write("y")
    assert stream.dropped == 2


def test_what_the_encoding_cannot_say_is_escaped() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="")
    with PatientStream(out, encoding="ascii") as stream:
        stream.write("a─b")
    assert raw.getvalue() == b"a\\u2500b"

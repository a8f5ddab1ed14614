"""The order in which the bot asked the operating system to read the fill, write the intent and send the close."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

_CALLS = "recvfrom,sendto,sendmsg,connect,pwrite64,fdatasync,fsync"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)")
_SHOWN_BYTES = 1_500
"""Of what is read and written: a request's body comes after its headers."""
_FILL = re.compile(r'\\"orderFill\\".*\\"S\\":\\"Bid\\"')
_CLOSE = r"\"reduceOnly\":true"
_JOURNAL = "sqlite-wal>"


def traced(command: Sequence[str], trace: Path | None) -> list[str]:
    """The command under strace, which writes to `trace`; as it is without."""
    if trace is None:
        return list(command)
    return ["strace", "-f", "-y", "-s", str(_SHOWN_BYTES), "-e", f"trace={_CALLS}", "-o", str(trace), *command]


def told(trace: Path) -> str:
    """Every order of calls that was seen from the fill's reading to the sync after its close, and how often."""
    with trace.open(encoding="utf-8", errors="replace") as lines:
        seen = Counter(_stories(_calls(lines)))
    return "\n".join(f"{times} times: {story}" for story, times in seen.most_common())


def _calls(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Thread and words of each call that matters here. A call is known by its first line."""
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        thread, name, rest = found.groups()
        if name == "recvfrom":
            yield thread, "fill read" if _FILL.search(rest) else "something else read"
        elif name in ("sendto", "sendmsg"):
            yield thread, "close sent" if _CLOSE in rest else "something else sent"
        elif name == "pwrite64":
            yield thread, "journal written" if _JOURNAL in rest else "another file written"
        elif name in ("fdatasync", "fsync"):
            yield thread, "journal synced" if _JOURNAL in rest else "another file synced"
        else:
            yield thread, "connection begun"


def _stories(calls: Iterable[tuple[str, str]]) -> Iterator[str]:
    story: list[str] | None = None
    reader = ""
    for thread, words in calls:
        if words == "fill read":
            story, reader = [words], thread
        elif story is not None and thread == reader:
            story.append(words)
            if "close sent" in story and words == "journal synced":
                yield ", ".join(words for words, _ in groupby(story))
                story = None

"""Wrong use: the one error of the command line, and how foreign text is shown in it."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST_SHOWN = 40


class UsageError(Exception):
    """Wrong use or configuration. The message is one line that says what to do; the exit status is 2."""


def shown(text: str) -> str:
    """`text` as it may stand in a message: short, on one line, quoted where it is not a plain word."""
    if not text:
        return "(empty)"
    cut = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    is_plain = cut.isascii() and cut.isprintable() and " " not in cut
    return cut if is_plain else ascii(cut)


def near(name: str, names: Iterable[str], prefix: str = "") -> str:
    """A question that offers the names most like `name`, with a leading blank; empty when none is close."""
    import difflib  # only a mistake pays for it

    choices = list(names)
    close = [name] if name in choices else difflib.get_close_matches(name, choices, n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(prefix + choice for choice in close)}?" if close else ""

"""A report's page as a reader's program sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(("meta", "br", "hr", "img", "link", "input"))


@dataclass
class Page:
    """`numbers`: (machine value, text) by key. `rows`: cells of each table's body and foot, the machine value where
    there is one. `elements`: every tag with its attributes, in order. `blocks`: contents of style and script."""

    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    words: str = ""
    unclosed: list[str] = field(default_factory=list)

    def attributes(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[str] = []
        self._table = ""
        self._cell: str | None = None
        self._value: str | None = None
        self._key = ""
        self._shown = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, attributes))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = attributes.get("id", "")
            self.page.rows[self._table] = []
        elif tag == "tr":
            self.page.rows[self._table].append([])
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "data":
            self._value, self._key, self._shown = attributes["value"], attributes.get("data-key", ""), ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag
        if tag in ("td", "th"):
            self.page.rows[self._table][-1].append(self._cell or "")
            self._cell = None
        elif tag == "data":
            assert self._value is not None
            if self._key:
                known = self.page.numbers.setdefault(self._key, (self._value, self._shown))
                assert known == (self._value, self._shown), f"{self._key} is told twice, differently"
            if self._cell is not None:
                self._cell = self._value
            self._value = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("style", "script"):
            self.page.blocks.setdefault(self._open[-1], []).append(data)
            return
        self.page.words += data
        if self._value is not None:
            self._shown += data
        elif self._cell is not None:
            self._cell += data


def read_page(html: str) -> Page:
    """Every tag must be closed by its own."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.unclosed = reader._open
    return reader.page

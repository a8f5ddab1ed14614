"""The report for a browser: one HTML file that opens offline and asks for nothing from anywhere. Used like this:

    write_html(result, path)                                   # of a `BacktestResult`, or of a `SessionResult`
    write_html(result, path, [Section("Trials", table(...), "trials")])   # with parts of one's own, after the headline

The numbers of the page are those of the result's `to_json()`, read back; nothing is counted twice. `table`, `pairs`,
`number` and `text` make the markup of a part, and escape what they are given.

| module | subject |
|---|---|
| `story` | what is told, made from either kind of result |
| `page` | the whole file: headline, parts, policy |
| `panels` | one function per picture |
| `chart`, `axes`, `thinning` | a picture over time as SVG, its scales, and points that would not be seen left out |
| `markup` | tables, numbers and texts, escaped |
| `style.css`, `script.js` | put into the page; the script only reads values off the pictures |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backtesting.report.markup import Section, number, pairs, table, text
from backtesting.report.page import page_of
from backtesting.report.story import backtest_story, session_story
from backtesting.result import BacktestResult
from backtesting.session import SessionResult

__all__ = ["Section", "html_of", "number", "pairs", "table", "text", "write_html"]


def html_of(result: BacktestResult | SessionResult, sections: Sequence[Section] = ()) -> str:
    """The page as text."""
    story = backtest_story(result) if isinstance(result, BacktestResult) else session_story(result)
    return page_of(story, sections)


def write_html(result: BacktestResult | SessionResult, path: Path, sections: Sequence[Section] = ()) -> None:
    """Write the page to `path`. Raises `OSError`."""
    path.write_text(html_of(result, sections), encoding="utf-8", newline="\n")

"""The page: everything in one file, which asks for nothing else.

Its policy allows the one style and the one script that are in it, named by their hashes, and nothing from anywhere. The
numbers and pictures are there without the script, which only reads values off the pictures under pointer and keys.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from backtesting.report.axes import TimeAxis
from backtesting.report.markup import MINUS, Section, number, pairs, table, text
from backtesting.report.panels import holding_histogram, pictures, wear_of
from backtesting.report.story import Story

_HERE = Path(__file__).parent
_MOST_DAYS = 400
_MONEY_PLACES = 4
_MONEY = ("volume_quote", "grid_profit", "open_position", "funding", "fees", "result", "wear_bps")
_HEADINGS = (
    "UTC", "Entries", "Exits", "Volume", "Grid profit", "Open position", "Funding", "Fees", "Result", "Cost, bps"
)  # fmt: skip
_EXPLAINED = (
    "Money is in quote currency, quantities in base units, times in UTC. Fees above zero were paid, funding above zero "
    "was received. Lines keep the first, lowest, highest and last value of each of 1,000 columns. Tables round to four "
    "decimals; the exact values are in the source of this page, and in the JSON."
)
_WORDS = frozenset(("exchange", "ticker", "reason", "mark", "version"))
"""Keys whose values are words, even where they look like numbers."""
_UNITS = {
    "quantity": ", base units",
    "take_profit": ", %",
    "grid_step": f", % ({MINUS}100: none)",
    "wait_time": ", s",
    "stop_price": f" ({MINUS}1: off)",
    "pause_price": f" ({MINUS}1: off)",
    "maker_fee_rate": ", fraction of value",
    "taker_fee_rate": ", fraction of value",
    "latency_ns": " each way",
    "balance": ", quote currency",
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_NAMES = {
    "wear_bps": "cost per volume, basis points",
    "realized_pnl": "realized, before fees (grid profit)",
    "unrealized_pnl": "unrealized (open position)",
    "volume_quote": "volume, quote currency",
    "duration_s": "own time, seconds",
    "covered": "in resting closes, base units",
    "max_position": "largest position",
    "open_closes": "closes resting at the end",
    "max_drawdown": "largest drawdown",
    "written_off": "closed by somebody else",
    "unexplained": "filled, trades not shown by the exchange",
    "mark_price": "price at which what is open is valued",
}


def page_of(story: Story, sections: Sequence[Section] = ()) -> str:
    """The whole file; `sections` come right after the headline."""
    style, script = _file("style.css"), _file("script.js")
    parts = [
        *sections,
        Section("Over time", "\n".join(chart.html() for chart in pictures(story)), "over-time"),
        Section("Holding times", holding_histogram(story), "holding-times"),
        Section("Months", _periods("months", "By month", story), "by-month"),
        Section("Days", _periods("days", "By day", story), "by-day"),
        Section("All numbers", _numbers(story), "numbers"),
        Section("Settings", _settings(story), "the-settings"),
        Section("Where it comes from", _origins(story) + _runs(story), "origin"),
    ]
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = "".join(f'<li><a href="#{part.name}">{text(part.title)}</a></li>' for part in parts)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{text(story.title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            '<a class="skip" href="#headline">To the result</a>',
            f"<header><h1>{text(story.title)}</h1><p>{text(story.lead)}</p></header>",
            f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>',
            "<main>",
            _headline(story),
            *(f'<section id="{part.name}"><h2>{text(part.title)}</h2>\n{part.html}\n</section>' for part in parts),
            "</main>",
            f"<footer><p>{text(_EXPLAINED)}</p></footer>",
            f'<script type="application/json" id="series">{_series(story)}</script>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _headline(story: Story) -> str:
    numbers = story.numbers

    def tile(term: str, key: str, kind: str = "") -> str:
        return f'<div class="tile{kind}"><dt>{text(term)}</dt><dd>{_number(numbers, key)}</dd></div>'

    return "\n".join(
        [
            '<section id="headline"><h2>Result</h2>',
            *(f'<p class="said">{text(note)}</p>' for note in story.notes),
            '<dl class="sum">',
            tile("Result", "result", _sign(numbers["result"])),
            tile("= Grid profit", "grid_profit"),
            tile("+ Open position", "open_position"),
            tile("+ Funding", "funding"),
            tile(f"{MINUS} Fees", "fees"),
            "</dl>",
            '<dl class="tiles">',
            tile("Cost per volume, bps", "wear_bps", " strong"),
            tile("Volume", "volume_quote"),
            tile("Largest drawdown", "max_drawdown"),
            tile("Entries", "entries"),
            tile("Exits", "exits"),
            tile("Position", "position"),
            "</dl></section>",
        ]
    )


def _sign(result: str | None) -> str:
    worth = Decimal(result or 0)
    return " strong won" if worth > 0 else " strong lost" if worth < 0 else " strong"


def _number(numbers: Mapping[str, Any], key: str) -> str:
    return number(numbers[key], key, _MONEY_PLACES)


def _periods(key: str, caption: str, story: Story) -> str:
    rows = story.numbers[key]
    shown = rows[-_MOST_DAYS:]
    body = [
        [
            text(row["name"]),
            *(number(row[name]) for name in ("entries", "exits")),
            *(number(row[name], places=_MONEY_PLACES) for name in _MONEY),
        ]
        for row in shown
    ]
    total = [number(story.numbers[name], places=_MONEY_PLACES) for name in _MONEY]
    foot = ["In total", *(number(story.numbers[name]) for name in ("entries", "exits")), *total]
    note = "Open position: the change of what open quantity was worth."
    if len(shown) < len(rows):
        note += f" The last {len(shown)} of {len(rows)} days; the JSON has all."
    return table(key, caption, _HEADINGS, body, foot) + f'<p class="note">{text(note)}</p>'


def _numbers(story: Story) -> str:
    rows = [
        (_NAMES.get(key, key.replace("_", " ")), _value(key, value))
        for key, value in story.numbers.items()
        if not isinstance(value, list | dict) and not key.endswith("_ns")
    ]
    return pairs("all-numbers", rows)


def _value(key: str, value: object) -> str:
    """Numbers as such, everything else as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in _WORDS or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        return text(value)
    return number(value if isinstance(value, int | str) else None, f"all.{key}")


def _settings(story: Story) -> str:
    rows = [(name.replace("_", " ") + _UNITS.get(name, ""), text(words)) for name, words in story.settings]
    return pairs("settings", rows)


def _origins(story: Story) -> str:
    return pairs("origins", [(term, text(words)) for term, words in story.origins])


def _runs(story: Story) -> str:
    if not story.runs:
        return ""
    rows = [[text(start), text(end), text(ending)] for start, end, ending in story.runs[-_MOST_DAYS:]]
    return table("runs", "Starts of the bot (UTC)", ("From", "To", "How it ended"), rows)


def _series(story: Story) -> str:
    """What the script reads off under the pointer: the samples, and where they are."""
    time = TimeAxis(story.start_ns, story.end_ns, story.gaps)
    series: dict[str, list[Any]] = {name: [] for name in ("x", "t", "price", "position", "equity", "drawdown", "wear")}
    series |= {"funding": [], "fees": []}
    peak = story.base
    for sample in story.samples:
        equity, wear = float(sample.equity), wear_of(story, sample)
        peak = max(peak, equity)
        series["x"].append(round(time.x(sample.time_ns), 1))
        series["t"].append(sample.time_ns // 1_000_000)
        series["price"].append(_short(float(sample.mid)))
        series["position"].append(_short(float(sample.position)))
        series["equity"].append(_short(equity))
        series["drawdown"].append(_short(equity - peak))
        series["wear"].append(None if wear is None else _short(wear))
        series["funding"].append(_short(float(sample.funding)))
        series["fees"].append(_short(float(sample.fees)))
    return json.dumps(series, separators=(",", ":"))


def _short(value: float) -> float:
    return float(f"{value + 0.0:.8g}")


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(content.encode()).digest()).decode()

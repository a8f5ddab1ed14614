"""Pieces of HTML. Every text is escaped here, whoever wrote it: a venue's words end up in a page of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from html import escape

from domain.report import plain

MINUS = "\u2212"
MOST_PLACES = 8
_LONGEST_TEXT = 500
_WIDE = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page below a heading of its own. `html` is markup: made of the functions of this module."""

    title: str
    html: str
    name: str
    """Of the anchor that leads there: letters and hyphens."""


def text(value: object) -> str:
    """Anything as text that is safe between tags and in attributes, cut where it is absurdly long."""
    words = str(value)
    return escape(words if len(words) <= _LONGEST_TEXT else words[: _LONGEST_TEXT - 1] + "…")


def grouped(value: Decimal, places: int = MOST_PLACES) -> str:
    """For people: thousands apart, at most `places` decimals (half-even), a real minus sign."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _WIDE)
    words = plain(value)
    whole, dot, rest = words.lstrip("-").partition(".")
    return f"{MINUS if words.startswith('-') else ''}{int(whole):,}{dot}{rest}"


def number(value: str | int | None, key: str = "", places: int = MOST_PLACES) -> str:
    """A number of the JSON: exact in `value`, for people between the tags. `key` is its name there."""
    name = f' data-key="{escape(key)}"' if key else ""
    if value is None:
        return f'<data value=""{name}>none</data>'
    return f'<data value="{escape(str(value))}"{name}>{grouped(Decimal(value), places)}</data>'


def table(
    name: str, caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], foot: Sequence[str] = ()
) -> str:
    """`headings` and `caption` are texts, `rows` and `foot` markup; the first cell of each row is its heading."""
    lines = [
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(caption)}">',
        f'<table id="{name}"><caption>{text(caption)}</caption>',
        "<thead><tr>" + "".join(f'<th scope="col">{text(heading)}</th>' for heading in headings) + "</tr></thead>",
        "<tbody>",
        *(_row(row) for row in rows),
        "</tbody>",
    ]
    if foot:
        lines.append(f"<tfoot>{_row(foot)}</tfoot>")
    return "\n".join([*lines, "</table></div>"])


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"


def pairs(name: str, rows: Iterable[tuple[str, str]]) -> str:
    """A list of terms (texts) and what they are (markup)."""
    inner = "".join(f"<div><dt>{text(term)}</dt><dd>{markup}</dd></div>" for term, markup in rows)
    return f'<dl id="{name}" class="pairs">{inner}</dl>'

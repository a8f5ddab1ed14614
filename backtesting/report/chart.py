"""One picture over time, as SVG that needs no script and stretches to any width.

The plot is drawn in `WIDTH` columns and stretched; lines and dots keep their thickness, and letters are not inside the
stretched part, so that they are as large on a phone as on a desk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from backtesting.report.axes import TimeAxis, ValueAxis
from backtesting.report.markup import text
from backtesting.report.thinning import WIDTH, Point, thin_line, thin_marks, thin_stripes

_LABEL_ROOM = 22
_SCALE_ROOM = 72
_THINNEST_BAR = 3.0


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour means. `kind` is the class of its layer."""

    kind: str
    words: str


@dataclass(slots=True)
class Chart:
    """Layers are drawn in the order in which they are added. `name` is of its anchor, `alt` what it shows in words."""

    name: str
    title: str
    alt: str
    time: TimeAxis
    values: ValueAxis
    note: str = ""
    legend: Sequence[Legend] = ()
    layers: list[str] = field(default_factory=list)

    def line(self, kind: str, points: Iterable[tuple[int, float]], *, steps: bool = False) -> None:
        """Times in nanoseconds, and values; it is broken at holes. `steps`: each value holds until the next."""
        pieces: list[list[Point]] = [[] for _ in self.time.edges]
        for at, value in points:
            pieces[self.time.piece(at)].append((self.time.x(at), self.values.y(value)))
        shape, before = "", None
        for placed, (begin, end) in zip(pieces, self.time.edges, strict=True):
            if steps and before is not None:
                placed.insert(0, (begin, before))
            kept = thin_line(placed)
            if kept:
                before = kept[-1][1]
                shape += _stairs(kept, end) if steps else "M" + "L".join(map(_point, kept))
        if shape:
            self._path(kind, shape)

    def band(self, kind: str, points: Sequence[tuple[int, float, float]]) -> None:
        """The area between two values (low, high) over time."""
        lows = [(self.time.x(at), self.values.y(low)) for at, low, _ in points]
        highs = [(self.time.x(at), self.values.y(high)) for at, _, high in points]
        if points:
            outline = [*thin_line(highs), *reversed(thin_line(lows))]
            self._path(f"{kind} area", "M" + "L".join(map(_point, outline)) + "Z")

    def area(self, kind: str, points: Sequence[tuple[int, float]], base: float = 0.0) -> None:
        """The area between values and `base`, each value holding until the next."""
        held = [(at, value) for pair in pairwise(points) for at, value in (pair[0], (pair[1][0], pair[0][1]))]
        held += points[-1:]
        self.band(kind, [(at, min(value, base), max(value, base)) for at, value in held])

    def marks(self, kind: str, points: Iterable[tuple[int, float]]) -> int:
        """Dots; those in the same cell are drawn once. The cell's size, in columns and pixels."""
        cells, size = thin_marks([(self.time.x(at), self.values.y(value)) for at, value in points])
        if cells:
            self._path(f"{kind} marks", "".join(f"M{x} {y}h0" for x, y in cells))
        return size

    def stripes(self, kind: str, spans: Iterable[tuple[int, int, float]]) -> None:
        """Horizontal lines: from, to (nanoseconds), value."""
        placed = [(self.time.x(begin), self.time.x(end), self.values.y(value)) for begin, end, value in spans]
        joined = thin_stripes(placed)
        if joined:
            self._path(f"{kind} stripes", "".join(f"M{begin} {y}H{end}" for begin, end, y in joined))

    def bars(self, kind: str, spans: Iterable[tuple[int, int, float]]) -> None:
        """Bars from zero: from, to (nanoseconds), value."""
        zero = self.values.y(0.0)
        shapes = []
        for begin, end, value in spans:
            left, right = min(self.time.x(begin), WIDTH - _THINNEST_BAR), self.time.x(end)
            right = max(right, left + _THINNEST_BAR)
            air = min(1.0, (right - left) * 0.15)
            left, right = left + air, max(right - air, left + air)
            shapes.append(f"M{left:.1f} {zero:.1f}V{self.values.y(value):.1f}H{right:.1f}V{zero:.1f}Z")
        if shapes:
            self._path(f"{kind} area", "".join(shapes))

    def html(self) -> str:
        height = self.values.height
        room = f'height="{height + _LABEL_ROOM}"'
        legend = "".join(
            f'<li><svg width="18" height="10" aria-hidden="true"><path class="{each.kind}" '
            f'd="{"M9 5h0" if each.kind.endswith(" marks") else "M1 5H17"}"/></svg>{text(each.words)}</li>'
            for each in self.legend
        )
        return "\n".join(
            [
                f'<figure id="{self.name}"><figcaption><h3>{text(self.title)}</h3>',
                f'<ul class="legend">{legend}</ul>' if legend else "",
                "</figcaption>",
                f'<div class="frame"><svg class="scale" width="{_SCALE_ROOM}" {room} aria-hidden="true">',
                *self._scale(),
                f'</svg><svg class="plot" role="img" aria-label="{text(self.alt)}" width="100%" {room}>',
                *self._grid(),
                f'<svg x="0" y="0" width="100%" height="{height}" viewBox="0 0 {WIDTH} {height}" '
                'preserveAspectRatio="none">',
                *self.layers,
                "</svg>",
                *self._moments(),
                f'<line class="cursor" x1="0" x2="0" y1="0" y2="{height}"/>',
                "</svg></div>",
                f'<p class="note">{text(self.note)}</p>' if self.note else "",
                "</figure>",
            ]
        )

    def _path(self, kind: str, shape: str) -> None:
        self.layers.append(f'<path class="{kind}" d="{shape}"/>')

    def _grid(self) -> Iterable[str]:
        for y, words in self.values.labels():
            kind = "zero" if not words.strip("0.,") else "grid"
            yield f'<line class="{kind}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        for x in self.time.holes:
            yield f'<line class="hole" x1="{x / 10:.1f}%" x2="{x / 10:.1f}%" y1="0" y2="{self.values.height}"/>'

    def _scale(self) -> Iterable[str]:
        for y, words in self.values.labels():
            yield f'<text x="{_SCALE_ROOM - 8}" y="{max(9.0, y + 4):.1f}" text-anchor="end">{text(words)}</text>'

    def _moments(self) -> Iterable[str]:
        for index, (x, words) in enumerate(self.time.labels()):
            kind = ' class="second"' if index % 2 else ""
            yield (
                f'<text{kind} x="{x / 10:.1f}%" y="{self.values.height + 15}" text-anchor="middle">{text(words)}</text>'
            )


def _point(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _stairs(points: Sequence[Point], end: float) -> str:
    first, *rest = points
    return f"M{_point(first)}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest) + f"H{end:.1f}"

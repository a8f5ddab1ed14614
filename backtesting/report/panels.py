"""The pictures of a page, one function each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from backtesting.equity import EquitySample
from backtesting.holding import holding
from backtesting.report.axes import TimeAxis, ValueAxis
from backtesting.report.chart import Chart, Legend
from backtesting.report.markup import MINUS, text
from backtesting.report.story import Story
from domain.market import NANOSECONDS
from domain.orders import Purpose
from markets.times import parse_utc

_TALL, _MIDDLE, _LOW = 300, 180, 120
_SETTLED_SHARE = 0.05
"""Cost per volume is scaled by what it is once this share of the volume was traded: before, it means little."""
_MOST_BARS = 400


def price_chart(story: Story, time: TimeAxis) -> Chart:
    """The market's price with every open and close on it."""
    fills = story.history.fills
    opens = [(fill.time_ns, float(fill.price)) for fill in fills if fill.role is Purpose.OPEN]
    closes = [(fill.time_ns, float(fill.price)) for fill in fills if fill.role in (Purpose.CLOSE, Purpose.EXIT)]
    forced = [(fill.time_ns, float(fill.price)) for fill in fills if fill.role is None]
    mids = [(sample.time_ns, float(sample.mid)) for sample in story.samples]
    band = [(sample.time_ns, float(sample.low), float(sample.high)) for sample in story.samples]
    bounds = [bound for _, low, high in band for bound in (low, high)]
    values = ValueAxis.around([*bounds, *(price for _, price in (*opens, *closes, *forced))], _TALL)
    legend = [Legend("price", "price" if story.has_market else "last own trade")]
    legend += [Legend("open marks", f"opens filled: {len(opens):,}"), Legend("close marks", f"closes: {len(closes):,}")]
    if forced:
        legend.append(Legend("fall marks", f"forced by the exchange: {len(forced):,}"))
    chart = Chart("price", "Price, opens and closes", _alt("Price", mids), time, values, legend=legend)
    if story.has_market:
        chart.band("price", band)
    chart.line("price", mids, steps=not story.has_market)
    size = max(chart.marks("open", opens), chart.marks("close", closes), chart.marks("fall", forced))
    chart.note = (
        f"Every own trade is marked; those within {size} {'pixel' if size == 1 else 'pixels'} of each other "
        "share one mark."
    )
    if story.has_market:
        chart.note += " The band is the lowest and highest price of each interval."
    return chart


def ladder_chart(story: Story, time: TimeAxis) -> Chart:
    """Each take-profit from the moment it was placed to its end, at its price."""
    spans = [
        (order.accepted_ns or order.intended_ns, order.ended_ns or story.end_ns, float(order.price))
        for order in story.history.orders
        if order.role is Purpose.CLOSE and order.price is not None
    ]
    mids = [(sample.time_ns, float(sample.mid)) for sample in story.samples]
    values = ValueAxis.around([price for *_, price in (*spans, *mids)], _TALL)
    resting = sum(order.ended_ns is None for order in story.history.orders if order.role is Purpose.CLOSE)
    alt = f"{len(spans)} take-profit orders over time at their prices; {resting} rest at the end."
    legend = (Legend("close", f"a take-profit rests: {len(spans):,}, at the end {resting:,}"), Legend("price", "price"))
    note = "Orders on the same or nearly the same price share one line."
    chart = Chart("ladder", "Ladder of take-profits", alt, time, values, note, legend)
    chart.stripes("close", spans)
    chart.line("price", mids, steps=not story.has_market)
    return chart


def position_chart(story: Story, time: TimeAxis) -> Chart:
    """The signed own position, from trade to trade."""
    points = [(story.start_ns, 0.0), *((step.time_ns, float(step.position)) for step in story.steps)]
    values = ValueAxis.around([value for _, value in points], _MIDDLE, zero=True)
    chart = Chart("position", "Position, base units", _alt("Position", points), time, values)
    chart.line("open", points, steps=True)
    return chart


def equity_chart(story: Story, time: TimeAxis) -> Chart:
    """Equity, or the result alone where the balance is not known."""
    points = [(story.start_ns, story.base)]
    points += [(sample.time_ns, float(sample.equity)) for sample in story.samples]
    word = "Equity" if story.base else "Result"
    values = ValueAxis.around([value for _, value in points], _TALL)
    note = "After fees and funding, what is open valued at the price of the moment" + (
        "." if story.has_market else " of the last own trade, and at the very end as said on top."
    )
    chart = Chart("equity", f"{word}, quote currency", _alt(word, points), time, values, note)
    chart.line("ink", points, steps=not story.has_market)
    return chart


def drawdown_chart(story: Story, time: TimeAxis) -> Chart:
    """How far equity is below its highest value so far."""
    levels = [float(sample.equity) for sample in story.samples]
    peaks = accumulate(levels, max, initial=story.base)
    falls = [level - max(level, peak) for level, peak in zip(levels, peaks, strict=False)]
    points = [(sample.time_ns, fall) for sample, fall in zip(story.samples, falls, strict=True)]
    values = ValueAxis.around([fall for _, fall in points], _LOW, zero=True)
    title = "Drawdown below the highest value so far, quote currency"
    chart = Chart("drawdown", title, _alt("Drawdown", points), time, values)
    chart.area("fall", points)
    chart.line("fall", points, steps=True)
    return chart


def wear_chart(story: Story, time: TimeAxis) -> Chart:
    """Cost per volume since the beginning, in basis points, marked to market."""
    points = [(sample.time_ns, wear) for sample in story.samples if (wear := wear_of(story, sample)) is not None]
    total = float(story.samples[-1].volume_quote) if story.samples else 0.0
    settled = [
        wear_of(story, sample) or 0.0
        for sample in story.samples
        if sample.volume_quote and float(sample.volume_quote) >= total * _SETTLED_SHARE
    ]
    values = ValueAxis.around(settled, _MIDDLE, zero=True)
    note = (
        "Result so far over volume so far; below zero, trading earned. Scaled by what it is once "
        f"{_SETTLED_SHARE:.0%} of the volume was traded."
    )
    title = "Cost per volume so far, basis points (1/100 %)"
    chart = Chart("wear", title, _alt("Cost per volume", points), time, values, note)
    chart.line("ink", points, steps=not story.has_market)
    return chart


def wear_of(story: Story, sample: EquitySample) -> float | None:
    """Cost per volume until a sample, in basis points; None without volume."""
    if not sample.volume_quote:
        return None
    return -(float(sample.equity) - story.base) / float(sample.volume_quote) * 10_000 + 0.0


def costs_chart(story: Story, time: TimeAxis) -> Chart:
    """Funding and fees, added up over time."""
    funding = [(story.start_ns, 0.0), *((step.time_ns, float(step.funding)) for step in story.steps)]
    fees = [(story.start_ns, 0.0), *((step.time_ns, -float(step.fees)) for step in story.steps)]
    values = ValueAxis.around([value for _, value in (*funding, *fees)], _MIDDLE, zero=True)
    legend = (Legend("other", "funding (above zero: received)"), Legend("fall", "fees (below zero: paid)"))
    alt = f"{_alt('Funding', funding)} {_alt('Fees', fees)}"
    note = "" if any(value for _, value in (*funding, *fees)) else "Neither funding nor fees were charged."
    chart = Chart("costs", "Funding and fees so far, quote currency", alt, time, values, note, legend)
    chart.line("other", funding, steps=True)
    chart.line("fall", fees, steps=True)
    return chart


def result_bars(story: Story, time: TimeAxis) -> Chart:
    """The result of each day, or of each month where the days are too many."""
    is_daily = len(story.numbers["days"]) <= _MOST_BARS
    rows = story.numbers["days" if is_daily else "months"]
    starts = [parse_utc(row["name"] if is_daily else f"{row['name']}-01") for row in rows]
    results = [float(row["result"]) for row in rows]
    values = ValueAxis.around(results, _MIDDLE, zero=True)
    length_ns = (1 if is_daily else 28) * 86_400 * NANOSECONDS
    ends = [start + length_ns for start in starts]
    spans = list(zip(starts, ends, results, strict=True))
    word = "day" if is_daily else "month"
    best, worst = max(results, default=0.0), min(results, default=0.0)
    alt = f"Result of each {word}: {len(rows)}, the best {_number(best)}, the worst {_number(worst)}."
    legend = (Legend("gain", "earned"), Legend("fall", "lost"))
    chart = Chart("daily", f"Result of each {word} (UTC), quote currency", alt, time, values, legend=legend)
    chart.bars("gain", [span for span in spans if span[2] >= 0])
    chart.bars("fall", [span for span in spans if span[2] < 0])
    return chart


def holding_histogram(story: Story) -> str:
    """How long closed entries were held, as bars that are read as a table."""
    held = holding(story.history.fills)
    rows = held.histogram()
    if not rows:
        return "<p>No entry was closed.</p>"
    most = max(count for _, count in rows)
    lines = ['<table id="holding" class="bars"><caption>Entries by the time they were held</caption><tbody>']
    for name, count in rows:
        share = 100 * count / most
        lines.append(
            f'<tr><th scope="row">{text(name)}</th><td><svg width="100%" height="14" aria-hidden="true">'
            f'<rect class="close" x="0" y="1" height="12" width="{share:.1f}%"/></svg></td><td>{count:,}</td></tr>'
        )
    lines.append("</tbody></table>")
    half, most_ns = held.quantile(0.5), held.quantile(1.0)
    assert half is not None
    assert most_ns is not None
    told = f"Closed: {len(held.times_ns):,}; half were held for at most {_span(half)}, the longest {_span(most_ns)}."
    if held.open_since_ns:
        oldest = _span(max(0, story.end_ns - held.open_since_ns[0]))
        told += f" Still open: {len(held.open_since_ns):,}, the oldest for {oldest}."
    told += " From an entry's first opening trade to its last closing one."
    return "\n".join([*lines, f'<p class="note">{text(told)}</p>'])


def pictures(story: Story) -> Iterator[Chart]:
    """All that are over time, in the order of the page."""
    time = TimeAxis(story.start_ns, story.end_ns, story.gaps)
    yield equity_chart(story, time)
    yield drawdown_chart(story, time)
    yield price_chart(story, time)
    yield ladder_chart(story, time)
    yield position_chart(story, time)
    yield wear_chart(story, time)
    yield costs_chart(story, time)
    if len(story.numbers["days"]) > 1:
        yield result_bars(story, time)


def _alt(what: str, points: Sequence[tuple[int, float]]) -> str:
    values = [value for _, value in points]
    if not values:
        return f"{what}: nothing to show."
    low, high = min(values), max(values)
    return (
        f"{what} over time: at first {_number(values[0])}, lowest {_number(low)}, highest {_number(high)}, "
        f"at the end {_number(values[-1])}."
    )


def _number(value: float) -> str:
    return f"{value + 0.0:,.8g}".replace("-", MINUS)


def _span(time_ns: int) -> str:
    seconds = time_ns / NANOSECONDS
    for unit_s, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.1f} {name}"
    return f"{seconds:.1f} s"

"""The terminal's one screen, drawn as lines of text from a bot's status. Pure: the same arguments, the same lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from rich.text import Text

from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus
from domain.status import BotStatus, Phase
from helpers.views.ladder import Rung, Step, ladder
from helpers.views.narration import Sentence, Tone
from helpers.views.wording import clock_time, date_time, decimals, money, plain, safe, signed, span, span_left

_NARROWEST = 40
_MONEY_WIDTH = 34
_NARROWEST_OF_TWO = 76
"""From this width on, the ladder and the sums stand beside each other."""
_WIDE_LADDER = 62
"""From this width on, a rung has its distance, age and state; below it, its distance or its state."""
_FEWEST_RUNGS = 3
_LEAST_BODY = 9
_MOST_BODY = 18
_MOST_EVENTS = 8
_OLD_QUOTE_NS = 5 * NANOSECONDS
_MOST_HOLDS = 2
_MOST_DECIMALS = 10


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The few characters beyond ASCII, so that a terminal without them can be served."""

    rule: str = "─"
    full: str = "█"
    empty: str = "░"
    dot: str = "·"
    mark: str = "▸"


UNICODE = Glyphs()
ASCII = Glyphs(rule="-", full="#", empty=".", dot="|", mark=">")

# Bold, dim, red and green only: they read on dark and on light, and bold and dim remain under NO_COLOR.
_KEY = "dim"
_STRONG = "bold"
_GOOD = "green"
_BAD = "red"
_TONES = {Tone.QUIET: "dim", Tone.NEWS: "", Tone.GOOD: _GOOD, Tone.BAD: f"{_STRONG} {_BAD}"}
_RUNGS = {
    Rung.OPEN: _STRONG,
    Rung.CLOSE: "",
    Rung.EXIT: _STRONG,
    Rung.ASK: _BAD,
    Rung.BID: _GOOD,
    Rung.MORE: "dim",
}
_STATES = {
    OrderStatus.PLANNED: "sending",
    OrderStatus.UNKNOWN: "asking",
    OrderStatus.CANCELLING: "cancelling",
}


def draw(
    status: BotStatus, events: Sequence[Sentence], *, width: int, height: int, tz: tzinfo, glyphs: Glyphs = UNICODE
) -> list[Text]:
    """At most `height` lines of at most `width` cells, the most important first kept.

    `events`: oldest first; as many of the newest are shown as fit.
    """
    width = max(width, _NARROWEST)
    head = [_title(status, width, tz, glyphs), _connection(status), _rule("", width, glyphs)]
    head += [_position(status, glyphs), _entries(status, width, glyphs)]
    foot = [_rule("", width, glyphs), *_next(status, tz, glyphs)]
    room = max(0, height - len(head) - len(foot))
    # The body keeps its height whatever is in it: a picture whose lines jump is hard to read.
    body_height = min(room, max(_LEAST_BODY, min(_MOST_BODY, room - 1 - _MOST_EVENTS)))
    body = _body(status, body_height, width, glyphs)
    event_lines = _events(events, min(room - len(body) - 1, _MOST_EVENTS), width, tz, glyphs)
    lines = [*head, *body, *foot, *event_lines][: max(1, height)]
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="crop")
    return lines


def _title(status: BotStatus, width: int, tz: tzinfo, glyphs: Glyphs) -> Text:
    direction = "long" if status.direction is Side.BUY else "short"
    phase = status.phase.value.upper()
    calm = status.phase in {Phase.STARTING, Phase.RUNNING, Phase.ENDED}
    line = Text(f"{safe(status.ticker)} {direction} on {safe(status.exchange)}", _STRONG)
    line.append(f"  {glyphs.dot} {safe(status.mode)}  ", _KEY)
    line.append(phase, _STRONG if calm else f"{_STRONG} reverse")
    moment = date_time(status.now_ns, tz)
    return _spread(line, Text(moment, _KEY), width)


def _connection(status: BotStatus) -> Text:
    if status.connected_since_ns is None:
        line = Text("NOT CONNECTED", f"{_STRONG} {_BAD}")
    else:
        line = Text(f"connected {span(status.now_ns - status.connected_since_ns)}")
    quote = status.quote
    if quote is None:
        line.append("   no quote", _STRONG)
        return line
    places = _places((quote.bid, quote.ask))
    line.append("   bid ", _KEY).append(f"{quote.bid:.{places}f}", _GOOD)
    line.append("  ask ", _KEY).append(f"{quote.ask:.{places}f}", _BAD)
    age_ns = status.now_ns - quote.as_of_ns
    if age_ns >= _OLD_QUOTE_NS:
        line.append(f"  {span(age_ns)} old", _STRONG)
    return line


def _position(status: BotStatus, glyphs: Glyphs) -> Text:
    """The own position, and how much of it closing orders cover."""
    line = Text("position  ", _KEY)
    line.append(_plus(status.position), _STRONG).append(f" {safe(status.ticker)}  ")
    size = abs(status.position)
    share = min(Decimal(1), status.covered / size) if size else Decimal(0)
    line.append(_bar(share, 20, glyphs), "" if share == 1 or not size else _STRONG)
    line.append("  in closes ", _KEY).append(plain(status.covered))
    if size:
        line.append(f"  {int(share * 100)} % covered", _KEY)
    if status.foreign_position:
        line.append(f"  foreign {_plus(status.foreign_position)}, left alone", _KEY)
    return line


def _entries(status: BotStatus, width: int, glyphs: Glyphs) -> Text:
    share = Decimal(min(status.open_entries, status.max_orders)) / max(1, status.max_orders)
    line = Text("entries   ", _KEY)
    line.append(f"{status.open_entries} of {status.max_orders}").append("  ")
    pad = len(_plus(status.position)) + len(safe(status.ticker)) + 3
    taken = len(f"{status.open_entries} of {status.max_orders}") + 2
    line.append(" " * max(0, min(pad - taken, width - 40)))
    line.append(_bar(share, 20, glyphs))
    line.append("  waiting for their close", _KEY)
    return line


def _body(status: BotStatus, height: int, width: int, glyphs: Glyphs) -> list[Text]:
    """Exactly `height` lines: the ladder on the left, the sums on the right; a narrow screen has one line of sums."""
    if height < _FEWEST_RUNGS + 1:
        return []
    if width < _NARROWEST_OF_TWO:
        return [_sums_in_short(status), *_orders(status, height - 1, width, glyphs)]
    left_width = width - _MONEY_WIDTH - 2
    right = [_rule("result", _MONEY_WIDTH, glyphs), *_sums(status)]
    lines = []
    for index, line in enumerate(_orders(status, height, left_width, glyphs)):
        line.truncate(left_width, overflow="crop", pad=True)
        lines.append(line + Text("  ") + right[index] if index < len(right) else line)
    return lines


def _orders(status: BotStatus, height: int, width: int, glyphs: Glyphs) -> list[Text]:
    """The ladder under its title, in exactly `height` lines."""
    steps = ladder(status.orders, status.quote, height - 1)
    places = _places(step.price for step in steps)
    rungs = [_rung(step, status, places, width, glyphs) for step in steps] or [Text("none", _KEY)]
    lines = [_rule("orders", width, glyphs), *rungs][:height]
    return lines + [Text("") for _ in range(height - len(lines))]


def _rung(step: Step, status: BotStatus, places: int, width: int, glyphs: Glyphs) -> Text:
    style = _RUNGS[step.rung]
    if step.rung is Rung.MORE:
        return Text(f"{'':>13} {glyphs.dot * 3} {step.hidden} more", style)
    order = step.order
    price = "market" if step.price is None else f"{step.price:.{places}f}"
    line = Text(f"{price:>12}  {step.rung.value:<6}", style)
    if order is None:
        return line
    quantity = plain(order.quantity) if not order.filled else f"{plain(order.filled)}/{plain(order.quantity)}"
    line.append(f"{quantity:>10}", style)
    state = _STATES.get(order.status, "")
    is_wide = width >= _WIDE_LADDER
    if is_wide or not state:
        line.append(f"{_distance(step.price, status):>11}", _KEY)
    if is_wide:
        line.append(f"  {span(status.now_ns - order.since_ns):>7}", _KEY)
    if state:
        line.append(f"  {state}", _STRONG)
    return line


def _places(prices: Iterable[Decimal | None]) -> int:
    """As many decimals as the finest of `prices` needs, so that they stand under each other."""
    return min(_MOST_DECIMALS, max((decimals(price) for price in prices if price is not None), default=0))


def _distance(price: Decimal | None, status: BotStatus) -> str:
    """From the middle of the market, in percent of it."""
    if price is None or status.quote is None or not status.quote.is_usable:
        return ""
    mid = status.quote.mid
    return f"{signed((price - mid) / mid * 100, 3)} %"


def _net(status: BotStatus) -> Decimal | None:
    sums = status.money
    if sums.unrealized_pnl is None:
        return None
    return sums.realized_pnl + sums.unrealized_pnl + sums.funding - sums.fees


def _sums(status: BotStatus) -> list[Text]:
    sums, net = status.money, _net(status)
    open_now = sums.unrealized_pnl
    wear = "-" if sums.wear_bps is None else f"{signed(sums.wear_bps, 2)} bps"
    return [
        _sum("realized", signed(sums.realized_pnl), _sign_style(sums.realized_pnl)),
        _sum("unrealized", "unknown" if open_now is None else signed(open_now), _sign_style(open_now)),
        _sum("fees paid", money(sums.fees)),
        _sum("funding", signed(sums.funding)),
        _sum("net", "unknown" if net is None else signed(net), f"{_STRONG} {_sign_style(net)}"),
        _sum("volume", money(sums.volume_quote, 2)),
        _sum("cost per volume", wear),
        _sum("entries / exits", f"{sums.entries} / {sums.exits}"),
    ]


def _sums_in_short(status: BotStatus) -> Text:
    net = _net(status)
    line = Text("net ", _KEY).append("unknown" if net is None else signed(net), f"{_STRONG} {_sign_style(net)}")
    line.append("  fees ", _KEY).append(money(status.money.fees))
    line.append("  volume ", _KEY).append(money(status.money.volume_quote, 2))
    return line


def _sum(name: str, amount: str, style: str = "") -> Text:
    line = Text(f"{name:<16}", _KEY)
    line.append(f"{amount:>{_MONEY_WIDTH - 16}}", style)
    return line


def _sign_style(value: Decimal | None) -> str:
    if value is None or not value:
        return ""
    return _GOOD if value > 0 else _BAD


def _next(status: BotStatus, tz: tzinfo, glyphs: Glyphs) -> list[Text]:
    """What happens next, and why it does not happen now; two lines at least."""
    lines = [Text("next      ", _KEY).append(safe(_next_action(status, tz)), _STRONG)]
    for hold in status.holds[:_MOST_HOLDS]:
        line = Text("waits     ", _KEY).append(safe(hold.text))
        if hold.until_ns is not None:
            line.append(f"  {glyphs.mark} {span_left(hold.until_ns - status.now_ns)} left", _STRONG)
        lines.append(line)
    hidden = len(status.holds) - _MOST_HOLDS
    if hidden > 0:
        lines[-1].append(f"  (and {hidden} more)", _KEY)
    if status.reason:
        style = f"{_STRONG} {_BAD}" if status.phase is Phase.HALTING else _STRONG
        lines.append(Text("reason    ", _KEY).append(safe(status.reason), style))
    return lines if len(lines) > 1 else [*lines, Text("")]


def _next_action(status: BotStatus, tz: tzinfo) -> str:
    """The bot's own words, save where they only repeat the first reason to wait, which has a line of its own."""
    first = status.holds[0] if status.holds else None
    if first is None or not status.next_action.endswith(first.text):
        return status.next_action
    if first.until_ns is None:
        return "wait"
    return f"look again at {clock_time(first.until_ns, tz)}"


def _events(events: Sequence[Sentence], count: int, width: int, tz: tzinfo, glyphs: Glyphs) -> list[Text]:
    if count <= 0 or not events:
        return []
    lines = [_rule("events", width, glyphs)]
    for event in list(events)[-count:]:
        line = Text(f"{clock_time(event.at_ns, tz)}  ", _KEY)
        lines.append(line.append(event.text, _TONES[event.tone]))
    return lines


def _rule(title: str, width: int, glyphs: Glyphs) -> Text:
    text = f"{title} " if title else ""
    return Text(text + glyphs.rule * (width - len(text)), _KEY)


def _bar(share: Decimal, length: int, glyphs: Glyphs) -> str:
    """`share` from 0 to 1. Only a whole share fills it, and only none empties it."""
    filled = int(share * length)
    if share > 0:
        filled = max(1, filled)
    return glyphs.full * filled + glyphs.empty * (length - filled)


def _plus(value: Decimal) -> str:
    return f"+{plain(value)}" if value > 0 else plain(value)


def _spread(left: Text, right: Text, width: int) -> Text:
    """`right` at the right edge, dropped where it has no room."""
    gap = width - left.cell_len - right.cell_len
    return left if gap < 2 else left + Text(" " * gap) + right

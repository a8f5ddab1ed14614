"""Mutants of the clients, their codecs and the transport: what a venue's words and silences are taken to mean."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CALLER = "exchanges/transport/caller.py"
_STREAMS = "exchanges/transport/streams.py"

MUTANTS = (
    Mutant(
        "a_502_means_refused",
        _CALLER,
        '        raise OutcomeUnknown(f"the exchange answered {response.status}")',
        '        raise Refused("bad_gateway", f"the exchange answered {response.status}")',
        "an order that was taken behind a bad gateway is sent again",
        exchange="backpack",
    ),
    Mutant(
        "an_unreadable_answer_means_refused",
        _CALLER,
        '            raise OutcomeUnknown(f"the answer cannot be read: {error}") from None',
        '            raise Refused("unreadable", str(error)) from None',
        "an order whose answer was garbled is sent again",
        exchange="aster",
    ),
    Mutant(
        "a_rate_limit_is_ignored",
        _CALLER,
        "        self._limiter.pause(min(pause_s, _LONGEST_PAUSE_S))\n",
        "",
        "the venue asks for a pause and gets more requests, until it bans the account",
        exchange="aster",
    ),
    Mutant(
        "silence_is_trusted",
        _STREAMS,
        "        if left_s <= 1e-6:\n",
        "        if left_s < -1e9:\n",
        "a socket that carries nothing counts as alive",
        exchange="backpack",
    ),
    Mutant(
        "a_lost_stream_is_not_told",
        _STREAMS,
        "            self._emit(StreamLost(self._clock.now_ns(), reason))\n",
        "",
        "the bot does not know that it is deaf",
        exchange="edgex",
    ),
    Mutant(
        "a_restored_stream_is_not_told",
        _STREAMS,
        "            self._emit(StreamRestored(self._clock.now_ns()))\n",
        "",
        "the bot waits for ever for streams that are back",
        exchange="backpack",
    ),
    Mutant(
        "not_open_means_never_placed",
        "exchanges/backpack/client.py",
        "        ended = await self._in_history(client_id, order_id, trace)\n        if ended is not None:\n"
        "            return replace(ended.info, client_id=client_id)\n",
        "        if order_id is None:\n            return None\n",
        "an order that has filled meanwhile is held for never placed",
        exchange="backpack",
    ),
    Mutant(
        "partly_filled_means_filled",
        "exchanges/backpack/codec.py",
        '    "PartiallyFilled": OrderStatus.OPEN,',
        '    "PartiallyFilled": OrderStatus.FILLED,',
        "the rest of a partly filled order goes on living unseen",
        exchange="backpack",
    ),
    Mutant(
        "a_missing_total_is_zero",
        "exchanges/backpack/codec.py",
        '    filled = data.not_negative("z")\n',
        '    filled = data.not_negative("zz") if data.has("zz") else Decimal(0)\n',
        "what an order had filled when it was cancelled counts for nothing",
        exchange="backpack",
    ),
    Mutant(
        "post_only_is_forgotten",
        "exchanges/aster/codec.py",
        'POST_ONLY = "GTX"',
        'POST_ONLY = "GTC"',
        "opens and closes may take, and pay for it",
        exchange="aster",
    ),
    Mutant(
        "a_list_is_read_to_its_first_page",
        "exchanges/edgex/rest.py",
        "            if not next_offset:\n                return\n",
        "            return\n",
        "orders behind the first page count as gone",
        exchange="edgex",
    ),
    Mutant(
        "open_orders_end_with_the_first_answer",
        "exchanges/lighter/rest.py",
        "            if page.cursor is None or any(is_enough(order) for order in page.orders):\n",
        "            if page:\n",
        "orders behind the first page count as gone",
        exchange="lighter",
    ),
    Mutant(
        "the_venues_clock_is_ignored",
        "exchanges/transport/server_clock.py",
        "        return 0 if self._best is None else self._best.offset_ns\n",
        "        return 0\n",
        "a machine whose clock is off cannot trade at all",
        exchange="backpack",
    ),
)

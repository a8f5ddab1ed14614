"""Mutants of the bot itself: what it concludes, writes down, asks and confirms."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "a_timeout_means_refused",
        "bot/performer.py",
        "        except OutcomeUnknown as error:\n            reason = str(error)\n",
        "        except OutcomeUnknown as error:\n            fact, reason = OrderFact.REFUSED, str(error)\n",
        "an order whose answer was lost is sent again, and may live twice",
    ),
    Mutant(
        "not_sent_is_never_told",
        "bot/performer.py",
        "            fact, reason = OrderFact.NEVER_PLACED, str(error)",
        "            fact, reason = OrderFact.ACCEPTED, str(error)",
        "a close that never left counts as resting",
    ),
    Mutant(
        "an_open_leaves_before_its_intent",
        "bot/performer.py",
        "        if not self._recorder.note_durably(intent):",
        "        if self._recorder.note(intent) is not None:",
        "a power loss forgets an open that is at the venue",
    ),
    Mutant(
        "a_close_is_never_synced",
        "bot/decider.py",
        "                self._recorder.sync()\n                continue\n",
        "                continue\n",
        "a power loss much later forgets closes that rest",
    ),
    Mutant(
        "a_cancel_taken_is_a_cancel_done",
        "bot/performer.py",
        "            wait_ns = _ANSWER_AFTER_CANCEL_NS if result.success else 0\n",
        "            wait_ns = _ANSWER_AFTER_CANCEL_NS if result.success else 0\n"
        "            total = self._state.orders[client_id].filled\n"
        "            self._learn(OrderUpdate(self._clock.now_ns(), client_id, OrderFact.CANCELLED, filled=total))\n",
        "an open that fills while its cancel is on the way is not covered, and its place is taken",
    ),
    Mutant(
        "a_lost_answer_is_not_asked_for",
        "bot/performer.py",
        "                self._inquiry.ask_later(client_id, _ANSWER_AFTER_LOSS_NS)\n",
        "                pass\n",
        "what became of an order stays unknown",
    ),
    Mutant(
        "an_id_is_used_again",
        "bot/recorder.py",
        "            self._next_id = self._state.reserved_until\n",
        "            self._next_id = self._state.highest_client_id + 1\n",
        "after a power loss a new order carries the id of a forgotten one",
    ),
    Mutant(
        "a_full_disk_forgets",
        "bot/recorder.py",
        "            self._waiting.extend(on_failure)\n",
        "",
        "what happened while the disk was full is missing from the journal for ever",
    ),
    Mutant(
        "a_cancel_reveals_nothing",
        "bot/intake.py",
        "        if order.is_live and update.filled is None and update.fact in _ENDS_WITH_A_TOTAL:",
        "        if order is None:",
        "an order that ended without a word about its fills counts as unfilled",
    ),
    Mutant(
        "news_may_be_written_twice",
        "bot/intake.py",
        "        if order is not None and order.is_news(fill):",
        "        if order is not None:",
        "a trade told again is a second trade in the journal",
    ),
    Mutant(
        "restored_streams_are_trusted",
        "bot/intake.py",
        "                self.connected_since_ns = event.at_ns\n                self._lose_sight()\n",
        "                self.connected_since_ns = event.at_ns\n",
        "what happened while the streams were away is not asked for once they are back",
    ),
    Mutant(
        "lost_streams_are_ignored",
        "bot/intake.py",
        "                self.connected_since_ns = None\n                self._lose_sight()\n",
        "",
        "the bot goes on opening without hearing of fills",
    ),
    Mutant(
        "news_of_a_missed_end_is_dropped",
        "bot/inquiry.py",
        "            if order.client_id not in seen and order.status is not OrderStatus.PLANNED:",
        "            if order.status is OrderStatus.UNKNOWN:",
        "an order that the venue ended unheard counts as resting for ever",
    ),
    Mutant(
        "absence_is_believed_at_once",
        "bot/inquiry.py",
        "        believed_ns = question.absent_since_ns + BELIEVE_ABSENCE_AFTER_NS[order.purpose]",
        "        believed_ns = question.absent_since_ns",
        "an order that arrives late is sent a second time",
    ),
    Mutant(
        "nobody_looks_now_and_then",
        "bot/oversight.py",
        "        self.want(self._every_ns)\n",
        "",
        "what was lost on the way is never found out",
    ),
    Mutant(
        "a_lost_tail_is_not_adopted",
        "bot/adoption.py",
        "        return client_id in self.recorder.lost_ids and not is_known",
        "        return client_id is not None and client_id < 0",
        "after a power loss a close that rests is placed a second time",
    ),
    Mutant(
        "what_is_unconfirmed_is_not_listed",
        "bot/ending.py",
        "        if self.is_abandoned or not self.is_verified():",
        "        if self.is_abandoned and not self.is_verified():",
        "a stop that ran out of time says that all is well",
    ),
    Mutant(
        "an_end_is_not_verified",
        "bot/ending.py",
        "        return self.is_abandoned or self._clock.now_ns() >= deadline_ns or self.is_verified()",
        "        return self.is_abandoned or self._clock.now_ns() >= deadline_ns or self.is_settled()",
        "a stop returns without having asked the venue once more",
    ),
    Mutant(
        "a_mismatch_does_not_halt",
        "bot/oversight.py",
        "                    self._halt(finding.text)\n",
        "                    pass\n",
        "two looks agree that position and closes differ, and opens go on",
    ),
)

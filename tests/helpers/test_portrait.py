"""Portraits: what goes in comes out, shared where it was shared; and no text does harm."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Side
from domain.orders import OrderFact
from helpers.portrait import Kinds, PortraitError, draw_portrait, restore_from_portrait


@dataclass(slots=True)
class Slotted:
    amount: Decimal = Decimal(0)
    names: set[str] = field(default_factory=set)
    other: Slotted | None = None


class Plain:
    def __init__(self, **known: Any) -> None:
        self._handlers = {"never": print}
        self.__dict__.update(known)


KINDS = Kinds((Side, Slotted, Plain))
scalars = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False) | st.sampled_from(Side)
hashable = st.integers() | st.text() | st.tuples(st.integers(), st.text())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(deque),
        st.tuples(inner, inner),
        st.sets(st.integers()),
        st.dictionaries(hashable, inner),
    ),
    max_leaves=20,
)


def copied(**known: Any) -> Plain:
    text = draw_portrait({"it": Plain(**known)}, KINDS)
    fresh = Plain(**dict.fromkeys(known))
    restore_from_portrait(text, {"it": fresh}, KINDS)
    assert draw_portrait({"it": fresh}, KINDS) == text
    return fresh


@given(values)
def test_any_data_come_back_as_they_were(value: Any) -> None:
    found = copied(value=value).value  # type: ignore[attr-defined]
    assert found == value
    assert repr(found) == repr(value) or isinstance(value, set | dict | list | deque | tuple)


def test_what_was_shared_is_shared_and_order_and_digits_are_kept() -> None:
    child = Slotted(Decimal("1.50"), {"b", "a"})
    child.other = child
    by_id = {2: child, 1: Slotted(Decimal("-0E-8"), other=child)}
    found: Any = copied(by_id=by_id, alias=by_id, queue=deque([(child, Side.SELL)]), plain=Plain(inner=child))
    assert list(found.by_id) == [2, 1]
    assert found.alias is found.by_id
    assert found.by_id[2].other is found.by_id[1].other is found.queue[0][0] is found.plain.inner is found.by_id[2]
    assert [str(each.amount) for each in found.by_id.values()] == ["1.50", "-0E-8"]
    assert found.by_id[2].names == {"a", "b"}


def test_a_class_nobody_named_goes_neither_in_nor_out() -> None:
    for stranger in (OrderFact.FILLED, object(), {1: print}, 1.5):
        with pytest.raises(TypeError, match="none of the classes"):
            draw_portrait({"it": Plain(value=stranger)}, KINDS)
    text = json.dumps({"it": {"value": ["O", "builtins.object"]}})
    with pytest.raises(PortraitError):
        restore_from_portrait(text, {"it": Plain(value=None)}, KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"it":1}',
        '{"other":{"value":1}}',
        '{"it":{"value":1,"more":2}}',
        '{"it":{"value":["R",0]}}',
        '{"it":{"value":["D","x"]}}',
        '{"it":{"value":["X",1]}}',
        '{"it":{"value":["M",1]}}',
        '{"it":{"value":1.5}}',
        '{"it":{"value":' + '["T",' * 5_000 + "1" + "]" * 5_000 + "}}",
    ],
)
def test_a_text_that_is_no_portrait_changes_nothing(text: str) -> None:
    subject = Plain(value="untouched")
    with pytest.raises(PortraitError):
        restore_from_portrait(text, {"it": subject}, KINDS)
    assert subject.value == "untouched"  # type: ignore[attr-defined]

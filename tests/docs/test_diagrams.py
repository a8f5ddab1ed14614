"""The drawn parts of the documents are what their tables say now."""

from __future__ import annotations

import pytest

from docs.diagrams import BEGIN, END, LIFECYCLE_FILE, redrawn
from domain.orders import lifecycle_diagram


def test_the_order_lifecycle_is_drawn_from_the_table_as_it_is() -> None:
    text = LIFECYCLE_FILE.read_text(encoding="utf-8")
    assert lifecycle_diagram() in text
    assert redrawn(text) == text, "run `make diagrams`"


def test_redrawing_replaces_what_stands_between_the_markers_and_nothing_else() -> None:
    text = f"before\n{BEGIN}\nan old drawing\n{END}\nafter\n"
    assert redrawn(text) == f"before\n{BEGIN}\n```mermaid\n{lifecycle_diagram()}```\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["no markers", BEGIN, f"{END}{BEGIN}{BEGIN}"])
def test_a_document_without_its_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must hold each marker once"):
        redrawn(text)

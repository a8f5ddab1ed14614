"""What nobody could confirm about an exchange is said in its document, by the name under which the twin plays it."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from exchanges.factory import ExchangeFactory

ROOT = Path(__file__).resolve().parents[2]


def switches_of(venue: str) -> set[str]:
    """The fields of `Switches`, wherever in the venue's folder it is."""
    for path in sorted((ROOT / "exchanges" / venue).glob("*.py")):
        if "\nclass Switches:" in path.read_text(encoding="utf-8"):
            module = importlib.import_module(f"exchanges.{venue}.{path.stem}")
            return {field.name for field in fields(module.Switches)}
    raise AssertionError(f"{venue} has no Switches")


@pytest.mark.parametrize("venue", ExchangeFactory.venues())
def test_every_switch_of_a_twin_is_in_the_document_of_its_exchange(venue: str) -> None:
    text = (ROOT / "docs" / "exchanges" / f"{venue}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z][a-z0-9_]*)`", text))
    assert switches_of(venue) - named == set()

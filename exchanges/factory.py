"""The only place that knows which venues there are; a venue's module is imported on first use.

So a missing library of one venue never breaks another, and `--help` imports none.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from exchanges.errors import Misconfigured

_PAPER = "paper"
_VENUES = ("edgex", "backpack", "paradex", "aster", "lighter")
"""Venues with keys; each has a client and a rehearsal twin in `exchanges/<name>/`."""


class ExchangeFactory:
    """Names and modules of the venues."""

    @staticmethod
    def names() -> tuple[str, ...]:
        """Everything that can be traded on."""
        return (_PAPER, *_VENUES)

    @staticmethod
    def venues() -> tuple[str, ...]:
        """The venues with keys and a rehearsal twin."""
        return _VENUES

    @staticmethod
    def load_venue(name: str) -> ModuleType:
        """A venue's package, with `KEYS` and `open_client` (see `exchanges.transport.setup`).

        Raises `Misconfigured` for an unknown name or a library that is not installed.
        """
        return _imported(name, f"exchanges.{_venue(name)}")

    @staticmethod
    def load_twin(name: str) -> ModuleType:
        """The module of a venue's rehearsal twin, with `open_twin`. Errors as `load_venue`."""
        return _imported(name, f"exchanges.{_venue(name)}.twin")

    @staticmethod
    def load_for_worlds(name: str) -> tuple[ModuleType, ModuleType]:
        """Where `open_client` and `open_twin` of a venue are for simulated worlds: its `stand_in`, where its own signer
        is native or draws chance, else its package and its twin."""
        stand_in = f"exchanges.{_venue(name)}.stand_in"
        if importlib.util.find_spec(stand_in) is not None:
            module = _imported(name, stand_in)
            return module, module
        return ExchangeFactory.load_venue(name), ExchangeFactory.load_twin(name)


def _venue(name: str) -> str:
    if name not in _VENUES:
        raise Misconfigured(f"there is no twin of {name!r}; there are twins of {', '.join(_VENUES)}")
    return name


def _imported(name: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] in ("exchanges", "markets", "domain"):
            raise
        raise Misconfigured(
            f"{name} needs the package {error.name}; install it: python -m pip install -r requirements.txt"
        ) from error

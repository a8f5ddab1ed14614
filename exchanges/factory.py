"""The only place that knows which venues there are; a venue's module is imported on first use.

So a missing library of one venue never breaks another, and `--help` imports none.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from exchanges.errors import Misconfigured

_MODULES = {"paper": "exchanges.paper"}
_ANNOUNCED = ("edgex", "backpack", "paradex", "aster", "lighter")
"""Venues that are named in the help and not there yet."""


class ExchangeFactory:
    """Names and modules of the venues."""

    @staticmethod
    def names() -> tuple[str, ...]:
        return tuple(_MODULES)

    @staticmethod
    def announced() -> tuple[str, ...]:
        return tuple(name for name in _ANNOUNCED if name not in _MODULES)

    @staticmethod
    def load(name: str) -> ModuleType:
        """The venue's package. Raises `Misconfigured` for an unknown name or a library that is not installed."""
        if name not in _MODULES:
            raise Misconfigured(f"unknown exchange {name!r}; there are {', '.join(_MODULES)}")
        try:
            return importlib.import_module(_MODULES[name])
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.split(".")[0] in ("exchanges", "markets", "domain"):
                raise
            raise Misconfigured(
                f"{name} needs the package {error.name}; install it: python -m pip install -r requirements.txt"
            ) from error

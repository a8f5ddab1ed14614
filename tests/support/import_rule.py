"""Who may import whom, read from the source with `ast` and never by importing anything.

The rule is that of docs/ARCHITECTURE.md. Imports inside functions count like those on top, except in the factory, whose
very purpose is to import a venue late.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOTS = ("runbot", "commands", "simulation", "backtesting")
"""Composition roots: they alone build strategies and clients, and may import everything."""
BOT = ("trading_bot", "bot")
"""The bot and its parts: they hold strategy and client together, and are given both."""
OURS = ("domain", "strategies", "markets", "exchanges", "helpers", *BOT, "benchmarks", "tests", "docs", *ROOTS)
NOT_VENUES = (
    "base", "errors", "factory", "decoding", "order_memory", "transport", "rehearsal", "paper", "patience", "urgency",
    "venue_client", "ended",
)  # fmt: skip
"""What lies in `exchanges/` beside the venues' folders."""
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "domain": ("domain",),
    "strategies": ("domain", "strategies"),
    "markets": ("domain", "markets"),
    "exchanges": ("domain", "exchanges"),
    "helpers": ("domain", "helpers"),
    **dict.fromkeys(BOT, ("domain", "strategies", "exchanges", "helpers", *BOT)),
    "docs": ("domain",),
    "benchmarks": tuple(name for name in OURS if name != "tests"),
    **dict.fromkeys(ROOTS, tuple(name for name in OURS if name not in ("tests", "benchmarks", "docs"))),
}
NO_IO = ("asyncio", "time", "random", "os", "socket", "ssl", "http", "urllib.request", "aiohttp", "websockets", "httpx")
"""What codecs and signing may not import: transport, event loop, time, chance, environment."""
VENUES = (
    "edgex", "backpack", "paradex", "aster", "lighter", "extended", "bybit", "bitfinex", "hyperliquid", "grvt",
)  # fmt: skip
PLAIN_WORDS = ("backpack", "aster", "lighter", "extended")
"""Venues named with English words: prose may use them, names and whole strings may not."""
CONTRACT_WORDS = ("--aster-boost", "aster-boost", "aster_boost")
"""A flag of the contract that happens to hold a venue's name."""


@dataclass(frozen=True, slots=True)
class Module:
    """One source file. `name` is dotted; `is_package` for an `__init__.py`."""

    name: str
    path: Path
    is_package: bool
    tree: ast.Module

    @property
    def area(self) -> str:
        return self.name.partition(".")[0]

    @property
    def venue(self) -> str | None:
        """The venue whose folder this lies in; None outside venues' folders."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "exchanges" and len(parts) > 1 and parts[1] not in NOT_VENUES else None

    def is_part(self, *kinds: str) -> bool:
        """Whether this is a venue's codec, signing, twin, ...: a file, or a package, of a name that begins so."""
        return any(part == kind or part.startswith(f"{kind}_") for part in self.name.split(".")[2:] for kind in kinds)


@dataclass(frozen=True, slots=True)
class Import:
    """`target` is dotted and absolute: a module, or a name inside one. `is_late`: inside a function."""

    target: str
    line: int
    is_late: bool


def modules_of(root: Path) -> dict[str, Module]:
    """Every Python file of the project, by dotted name; the virtual environment and hidden folders left out."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        if any(part.startswith(".") or part == "__pycache__" for part in parts) or parts[0] in ("state", "logs"):
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        found[name] = Module(name, path.relative_to(root), is_package, tree)
    return found


def imports_of(module: Module) -> Iterator[Import]:
    """Every import, also late ones, those for type checking, and `import_module("...")` of a literal."""
    stack: list[tuple[ast.AST, bool]] = [(module.tree, False)]
    while stack:
        node, is_late = stack.pop()
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from (Import(f"{base}.{alias.name}", node.lineno, is_late) for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value, node.lineno, is_late)
        inside = is_late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        stack.extend((child, inside) for child in ast.iter_child_nodes(node))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def _imports_by_name(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("import_module", "__import__")


def _is_within(target: str, names: tuple[str, ...]) -> bool:
    return any(target == name or target.startswith(f"{name}.") for name in names)


def violations(root: Path) -> list[str]:
    """Every breach of the import rule under `root`, one line each: file, line, what it may not import."""
    modules = modules_of(root)
    found = []
    for module in modules.values():
        if module.area == "tests":
            continue
        if module.area not in MAY_IMPORT:
            found.append(f"{module.path}: '{module.area}' has no place in the import rule")
            continue
        for item in imports_of(module):
            if reason := _breach(module, item):
                found.append(f"{module.path}:{item.line}: {reason}")
        if module.venue is not None and module.is_part("twin"):
            found += _shared_with_client(module, modules)
    return found


def _breach(module: Module, item: Import) -> str | None:
    """Why `module` may not import `item`; None when it may."""
    top = item.target.partition(".")[0]
    if top in OURS:
        return _breach_of_area(module, item, top) or _breach_of_venue(module, item)
    if module.area in ("domain", "docs") and top not in sys.stdlib_module_names:
        return f"{module.area} imports the standard library only, not {item.target}"
    if module.venue is not None and module.is_part("codec", "signing") and _is_within(item.target, NO_IO):
        return f"a codec or signing is pure and does not import {item.target}"
    return None


def _breach_of_area(module: Module, item: Import, top: str) -> str | None:
    allowed = MAY_IMPORT[module.area]
    simulates = ("exchanges.paper", "exchanges.rehearsal")
    if _is_within(module.name, simulates) or (module.venue is not None and module.is_part("twin")):
        allowed = (*allowed, "markets")
    elif module.area not in (*ROOTS, "benchmarks") and _is_within(item.target, ("exchanges.rehearsal",)):
        return f"only twins import {item.target}"
    if top not in allowed:
        return f"{module.area} does not import {item.target}"
    if module.area in BOT and _is_within(item.target, ("exchanges.factory", "exchanges.paper")):
        return f"the bot is given its client and does not import {item.target}"
    return None


def _breach_of_venue(module: Module, item: Import) -> str | None:
    parts = item.target.split(".")
    if parts[0] != "exchanges" or len(parts) < 2 or module.area in (*ROOTS, "benchmarks"):
        return None
    if module.venue is not None and module.is_part("codec", "signing") and parts[1] == "transport":
        return f"a codec or signing is pure and does not import {item.target}"
    into = parts[1]
    is_client_folder = into not in NOT_VENUES or into == "paper"
    if module.name == "exchanges" or not is_client_folder:
        return None
    if module.name == "exchanges.factory":
        return None if item.is_late else f"the factory imports {item.target} late, inside a function"
    own = module.name.split(".")[1] if module.area == "exchanges" and "." in module.name else None
    return None if own == into else f"{module.name} does not import the client {item.target}"


def _shared_with_client(twin: Module, modules: dict[str, Module]) -> list[str]:
    """A bug that a twin shared with its client's codec or signing would cancel out: not even by a detour."""
    found, seen = [], {twin.name}
    stack = [(item, twin) for item in imports_of(twin)]
    while stack:
        item, via = stack.pop()
        target = item.target if item.target in modules else item.target.rpartition(".")[0]
        if target in seen or target not in modules or modules[target].venue != twin.venue:
            continue
        seen.add(target)
        if modules[target].is_part("codec", "signing") and not modules[target].is_part("twin"):
            found.append(f"{twin.path}: a twin never imports its client's {target} (line {item.line} of {via.path})")
        stack += [(further, modules[target]) for further in imports_of(modules[target])]
    return found


def venue_names(root: Path) -> list[str]:
    """Every place where a venue is named outside its folder, the factory, `env_example.txt`, tests, docs and benchmarks
    (which measure what each venue costs)."""
    found = []
    for module in modules_of(root).values():
        if module.area in ("tests", "docs", "benchmarks") or module.name == "exchanges.factory":
            continue
        text = (root / module.path).read_text(encoding="utf-8")
        for venue in VENUES:
            if module.venue != venue and (line := _line_naming(venue, text, module.tree)):
                found.append(f"{module.path}:{line}: names the venue {venue}")
    return found


def _line_naming(venue: str, text: str, tree: ast.Module) -> int | None:
    if venue not in PLAIN_WORDS:
        match = re.search(rf"(?i){venue}", text)
        return text.count("\n", 0, match.start()) + 1 if match else None
    for node in ast.walk(tree):
        fields = [getattr(node, field, None) for field in ("id", "attr", "name", "arg", "module")]
        words = [value for value in fields if isinstance(value, str)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value.strip():
            words.append(node.value)
        for word in words:
            split = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower())
            if word not in CONTRACT_WORDS and venue in split:
                return getattr(node, "lineno", 1)
    return None

"""Ambient time, chance, environment and threads, found in the source with `ast`.

Under virtual time these would make a run differ from its repetition, so where they are banned the clock, a seeded
`random.Random` and ids are arguments. The check follows aliases (`from time import time as now`) and flags a mention as
well as a call, because a function that is passed on is called later.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SCOPE = ("domain", "strategies", "markets", "exchanges", "bot", "trading_bot.py")
"""What runs under virtual time."""

WATCHED: dict[str, tuple[str, ...]] = {
    "time": (),
    "random": ("random.Random",),
    "secrets": (),
    "threading": (),
    "_thread": (),
    "multiprocessing": (),
    "concurrent.futures": (),
    "numpy.random": ("numpy.random.Generator", "numpy.random.PCG64", "numpy.random.default_rng"),
}
"""Modules banned whole, with the names in them that are harmless."""
BANNED = frozenset(
    {
        "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
        "uuid.uuid1", "uuid.uuid4", "uuid.getnode",
        "os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv",
        "os.urandom", "os.getrandom", "os.getpid", "os.times",
        "asyncio.to_thread", "random.SystemRandom",
    }
)  # fmt: skip
BANNED_METHODS = ("run_in_executor",)
SEEDED = ("random.Random", "numpy.random.default_rng", "numpy.random.PCG64")
"""Harmless only with a seed."""


def ambient_uses(source: str, filename: str = "<source>") -> list[str]:
    """Every ambient use in `source`, as `line: what`, in order of lines."""
    tree = ast.parse(source, filename=filename)
    names = _bindings(tree)
    found = {(line, what) for line, what in _imported(tree)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            found |= {(node.lineno, what) for what in _named(node, names)}
        elif isinstance(node, ast.Call):
            found |= {(node.lineno, what) for what in _called(node, names)}
    return [f"{line}: {what}" for line, what in sorted(found)]


def ambient_uses_under(root: Path) -> list[str]:
    """Every ambient use in the files that run under virtual time, as `file:line: what`."""
    found = []
    for place in SCOPE:
        paths = sorted((root / place).rglob("*.py")) if not place.endswith(".py") else [root / place]
        for path in paths:
            shown = path.relative_to(root).as_posix()
            if path.exists():
                found += [f"{shown}:{use}" for use in ambient_uses(path.read_text(encoding="utf-8"), str(path))]
    return found


def _bindings(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `dt` -> `datetime.datetime`."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                if _is_banned(dotted) or (alias.name == "*" and _holds_banned(node.module)):
                    yield node.lineno, dotted
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if WATCHED.get(alias.name) == ():
                    yield node.lineno, alias.name


def _named(node: ast.Attribute | ast.Name, names: dict[str, str]) -> Iterator[str]:
    dotted = _dotted(node, names)
    if dotted is None:
        return
    if _is_banned(dotted) or (isinstance(node, ast.Name) and _is_module(dotted) and isinstance(node.ctx, ast.Load)):
        yield dotted


def _called(call: ast.Call, names: dict[str, str]) -> Iterator[str]:
    if isinstance(call.func, ast.Attribute) and call.func.attr in BANNED_METHODS:
        yield call.func.attr
    dotted = _dotted(call.func, names)
    if dotted in SEEDED and not call.args and not call.keywords:
        yield f"{dotted} without a seed"
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("import_module", "__import__") and call.args and isinstance(call.args[0], ast.Constant):
        target = str(call.args[0].value)
        if target in WATCHED or _holds_banned(target):
            yield f"{target} imported by name"


def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """`dt.now` -> `datetime.datetime.now`; None where the first name was not imported."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def _is_banned(dotted: str) -> bool:
    if any(dotted == name or dotted.startswith(f"{name}.") for name in BANNED):
        return True
    for module, harmless in WATCHED.items():
        if dotted.startswith(f"{module}."):
            return not any(dotted == name or dotted.startswith(f"{name}.") for name in harmless)
    return False


def _holds_banned(module: str) -> bool:
    return module in WATCHED or any(name.startswith(f"{module}.") for name in BANNED)


def _is_module(dotted: str) -> bool:
    """A module that holds banned names, mentioned bare: passed on, renamed, or given to `getattr`."""
    return dotted in ("time", "random", "os", "datetime", "uuid", *WATCHED)

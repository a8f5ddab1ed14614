"""Totals of simulated worlds, per version of the code and per choice of flags, kept in a folder and gone on with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from commands.output_files import write_whole
from commands.usage import UsageError
from simulation.run import WorldResult
from simulation.totals import Totals

_ROOT = Path(__file__).resolve().parents[1]
_CODE = ("bot", "domain", "exchanges", "helpers", "markets", "simulation", "strategies")
_SAVE_EVERY = 200


def code_of() -> str:
    """A short name of the code that runs in worlds: a hash over its files."""
    digest = hashlib.blake2b(digest_size=6)
    paths = [_ROOT / "trading_bot.py", *(path for name in _CODE for path in (_ROOT / name).rglob("*.py"))]
    for path in sorted(paths):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class KeptTotals:
    """`done`: the seeds that need not be lived again. Without a folder nothing is kept."""

    def __init__(self, path: Path | None, flags: str, code: str) -> None:
        self.totals = Totals()
        self.done: set[int] = set()
        self.code = code
        self._path = path
        self._flags = flags
        self._unsaved = 0

    @classmethod
    def open(cls, folder: Path | None, flags: str, code: str) -> KeptTotals:
        """Raises `UsageError` for a file that cannot be gone on with."""
        if folder is None:
            return cls(None, flags, code)
        name = hashlib.blake2b(flags.encode(), digest_size=4).hexdigest()
        path = folder / f"simulate_{code}_{name}.json"
        kept = cls(path, flags, code)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                stored = json.loads(path.read_text(encoding="utf-8"))
                kept.totals = Totals.from_json(stored["totals"])
                kept.done = {seed for first, last in stored["done"] for seed in range(first, last)}
        except OSError as error:
            raise UsageError(f"--keep {folder}: {error.strerror or error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(f"{path} is not what an earlier run wrote; move it away") from None
        return kept

    def add(self, result: WorldResult) -> None:
        self.totals.add(result)
        self.done.add(result.seed)
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        if self._path is None:
            return
        self._unsaved = 0
        stored = {
            "flags": self._flags,
            "code": self.code,
            "done": _ranges(sorted(self.done)),
            "totals": self.totals.to_json(),
        }
        text = json.dumps(stored, indent=1)
        write_whole(self._path, lambda path: path.write_text(text, encoding="utf-8"))


def _ranges(seeds: list[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and ranges[-1][1] == seed:
            ranges[-1][1] = seed + 1
        else:
            ranges.append([seed, seed + 1])
    return ranges

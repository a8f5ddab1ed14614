"""A mutant: one line of the bot broken on purpose, to show that the worlds would notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands in `file` exactly once and is replaced by `new`; `why` says what a bot like that would do wrong.

    It must be caught in one of the worlds of `exchange` (None: of the mix) with the seeds 0 to `seeds` - 1.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    exchange: str | None = "paper"
    seeds: int = 80

    def problem(self, root: Path) -> str:
        """Why this mutant cannot be made of the sources below `root`; empty where it can."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        found = path.read_text(encoding="utf-8").count(self.old)
        if found != 1:
            return f"what it replaces stands {found} times in {self.file}"
        return "" if self.new != self.old else "it changes nothing"

    def apply(self, root: Path) -> None:
        """Break the copy below `root`. Raises `ValueError` where that cannot be done."""
        if problem := self.problem(root):
            raise ValueError(f"{self.name}: {problem}")
        path = root / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")

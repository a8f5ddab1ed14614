"""The files of one account and ticker, and where those of an ended session go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commands.usage import UsageError

_ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """Paths only; nothing is created here. `stem` is `<exchange>_<ticker>[_<account>]`."""

    state_dir: Path
    log_dir: Path
    stem: str

    @property
    def journal(self) -> Path:
        return self.state_dir / f"{self.stem}.sqlite"

    @property
    def ledger(self) -> Path:
        """The paper exchange's own books; no venue has one here."""
        return self.state_dir / f"{self.stem}.ledger.sqlite"

    @property
    def trades(self) -> Path:
        return self.log_dir / f"{self.stem}_orders.csv"

    @property
    def activity(self) -> Path:
        return self.log_dir / f"{self.stem}_activity.log"

    def of_the_session(self) -> list[Path]:
        """What there is of a session, with the companions of each file (write-ahead logs, rotated logs)."""
        return sorted(
            path
            for folder, names in self._names()
            if folder.is_dir()
            for path in folder.iterdir()
            if _belongs(path.name, names) and not path.is_dir()
        )

    def archived_numbers(self) -> set[int]:
        """The numbers under which earlier sessions were put aside."""
        return {
            int(number)
            for folder, names in self._names()
            if (folder / _ARCHIVE).is_dir()
            for number, _, name in (path.name.partition("_") for path in (folder / _ARCHIVE).iterdir())
            if number.isascii() and number.isdigit() and _belongs(name, names)
        }

    def _names(self) -> list[tuple[Path, set[str]]]:
        """Where to look for what."""
        state, logs = (self.journal, self.ledger), (self.trades, self.activity)
        return [(self.state_dir, {path.name for path in state}), (self.log_dir, {path.name for path in logs})]


def _belongs(name: str, bases: set[str]) -> bool:
    if name.endswith(".lock"):
        return False
    return any(name == base or name.startswith((f"{base}-", f"{base}.")) for base in bases)


def archive(files: SessionFiles) -> None:
    """Move a session's files aside, numbered, so that nothing of an ended account is lost or mixed with the next one.

    Raises `UsageError` where a folder cannot be written.
    """
    found = files.of_the_session()
    if not found:
        return
    number = max(files.archived_numbers(), default=0) + 1
    try:
        for path in found:
            folder = path.parent / _ARCHIVE
            folder.mkdir(mode=0o700, exist_ok=True)
            path.rename(folder / f"{number:04d}_{path.name}")
    except OSError as error:
        raise UsageError(
            f"the last session cannot be put into {_ARCHIVE}: {error}; check the folder's permissions"
        ) from None

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
        folders = ((self.state_dir, (self.journal, self.ledger)), (self.log_dir, (self.trades, self.activity)))
        found = []
        for folder, bases in folders:
            if folder.is_dir():
                names = {base.name for base in bases}
                found += [path for path in folder.iterdir() if _belongs(path.name, names)]
        return sorted(found)


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
    try:
        number = _next_number(files)
        for path in found:
            folder = path.parent / _ARCHIVE
            folder.mkdir(mode=0o700, exist_ok=True)
            path.rename(folder / f"{number:04d}_{path.name}")
    except OSError as error:
        raise UsageError(f"the last session cannot be archived: {error}; check the folder's permissions") from None


def _next_number(files: SessionFiles) -> int:
    numbers = [0]
    for folder in (files.state_dir, files.log_dir):
        for path in (folder / _ARCHIVE).glob(f"[0-9][0-9][0-9][0-9]_{files.stem}*"):
            numbers.append(int(path.name[:4]))
    return max(numbers) + 1

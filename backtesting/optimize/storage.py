"""Where a search is kept, so that it can be gone on with, and so that several processes can share it.

`sqlite:///FILE` for one machine, `journal:FILE` for a folder that several machines mount (Optuna's journal file), and
every other database address that SQLAlchemy knows and has a driver for. One storage holds one search: what it was
about is written into it first, and whoever comes with another version, other data, another space or other fixed
settings is refused.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from backtesting.optimize.journal_file import JournalFile

_HEAD = "search"
"""The study without trials that says what the storage is about."""
_JOURNAL = "journal:"
_PATIENCE_S = 60
"""How long one process waits while another writes."""
_MOST_LOOKS = 20


class StorageError(Exception):
    """One line that says what is wrong with a storage, and what to do."""


def open_storage(address: str | None, connect: Callable[[str], BaseStorage] = RDBStorage) -> BaseStorage:
    """None: in memory, forgotten at the end. `connect`: to a database on a server. Raises `StorageError`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address is None:
        return InMemoryStorage()
    try:
        if address.startswith(_JOURNAL):
            return JournalStorage(JournalFile(_file(address.removeprefix(_JOURNAL), address)))
        url = make_url(address)
        if url.get_backend_name() != "sqlite":
            return laid_out(address, connect)
        return _sqlite(url, address)
    except (SQLAlchemyError, OptunaError, ImportError, RuntimeError, ValueError, OSError) as error:
        raise _unusable(address, error) from None


_ADVICE = "write it like sqlite:///search.db or journal:search.log"
_SERVER_ADVICE = "see whether it runs, and whether host, name, user and password are right"


def _unusable(address: str, error: Exception) -> StorageError:
    """What is said of it; how an address is written is no advice to somebody whose server is down."""
    reason, cause = first_line(error), _cause(error)
    if isinstance(cause, DBAPIError) and cause.statement is None:  # Nobody answered.
        url = make_url(address)
        if url.get_backend_name() != "sqlite":
            reason = reason.replace(url.password, "***") if url.password else reason
            return StorageError(
                f"--storage {masked(address)}: the server cannot be reached: {reason}; {_SERVER_ADVICE}"
            )
    return StorageError(f"--storage {masked(address)} cannot be used: {reason}; {_ADVICE}")


def masked(address: str) -> str:
    """The address as it may be shown: without a password."""
    try:
        return address if address.startswith(_JOURNAL) else make_url(address).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "(the address given)"


def claim(storage: BaseStorage, about: Mapping[str, Any], address: str | None) -> None:
    """Write what the search is about into a new storage. Raises `StorageError` where it is about something else."""
    shown = masked(address or "")
    try:
        head = optuna.create_study(study_name=_HEAD, storage=storage, load_if_exists=True, direction="maximize")
        for name, value in about.items():
            if name not in head.user_attrs:
                head.set_user_attr(name, value)
        known = optuna.load_study(study_name=_HEAD, storage=storage).user_attrs
    except (SQLAlchemyError, OptunaError, OSError) as error:
        raise _unusable(address or "", error) from None
    for name, value in about.items():
        if known.get(name) != value:
            raise StorageError(
                f"--storage {shown} holds a search with another {name} ({_short(known.get(name))}, and this is "
                f"{_short(value)}); name another storage, or search as it did"
            )


def laid_out(address: str, connect: Callable[[str], BaseStorage] = RDBStorage) -> BaseStorage:
    """A database with its tables. Where several processes make them at once, those that come second are refused, and
    find them when they look again. Raises what `connect` raises.
    """
    for _ in range(_MOST_LOOKS - 1):
        try:
            return connect(address)
        except DBAPIError as error:
            if error.statement is None:  # Nobody answered.
                raise
    return connect(address)


def _sqlite(url: URL, address: str) -> BaseStorage:
    """Made whole under another name first: two processes that begin at once must not both lay out the tables."""
    # Nothing stays open between two questions: nobody says when a search has asked its last one.
    engine = {"connect_args": {"timeout": _PATIENCE_S}, "poolclass": NullPool}
    if url.database in (None, "", ":memory:"):
        raise ValueError("it names no file")
    path = _file(str(url.database), address)
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            RDBStorage(f"sqlite:///{fresh}", engine).engine.dispose()
            with contextlib.suppress(FileExistsError):  # The other process was quicker; its file is as good.
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
    return RDBStorage(address, engine)


def _file(name: str, address: str) -> Path:
    """A file that can be written, or could be made. Raises `StorageError`."""
    path = Path(name)
    if not name or path.is_dir():
        raise StorageError(f"--storage {masked(address)} names no file; {_ADVICE}")
    if not path.parent.is_dir():
        raise StorageError(f"--storage {masked(address)}: the folder {path.parent} does not exist; create it")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise StorageError(f"--storage {masked(address)} cannot be written; choose another place")
    return path


def first_line(error: Exception) -> str:
    """What went wrong, without the explanations that follow; and not what Optuna supposes of a database's error."""
    cause = _cause(error)
    reason = getattr(cause, "orig", None) or cause
    return str(reason).strip().partition("\n")[0] or type(error).__name__


def _cause(error: Exception) -> Exception:
    return error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."

"""Reading an env file (`NAME=value` lines), and every way in which that can go wrong."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_LARGEST_BYTES = 1 << 20


class SettingsError(Exception):
    """A setting that a person must change; the message is one line that says how, and never holds a secret."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """`values` as written. `is_readable_by_all`: every user of the machine may read them."""

    values: dict[str, str]
    is_readable_by_all: bool = False


def read_env_file(path: Path, *, harmless: Collection[str], posix: bool) -> EnvFile | None:
    """The values of an env file, without expanding `$names` and without touching the environment; None: no such file.

    A file that sets anything but the `harmless` names must be private to its owner (where `posix` modes exist). Raises
    `SettingsError`.
    """
    try:
        content, mode = _content(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_dir():
            raise SettingsError(f"env file {path} is a folder; name a file") from None
        raise SettingsError(
            f"cannot read env file {path}: {error.strerror}; make it readable for the user who runs the bot"
        ) from None
    values = _parsed(path, _decoded(path, content))
    if not posix:
        return EnvFile(values)
    _check_mode(path, mode, any(value and name not in harmless for name, value in values.items()))
    return EnvFile(values, bool(mode & stat.S_IROTH))


def _content(path: Path) -> tuple[bytes, int]:
    """Bytes and mode of one and the same file. Opening cannot hang on a pipe."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise SettingsError(f"env file {path} is not a regular file; name one")
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise SettingsError(f"env file {path} is larger than {_LARGEST_BYTES} bytes; is it the right file?")
    return content, mode


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise SettingsError(f"env file {path}, line {line}: not UTF-8 text; save it as UTF-8")


def _parsed(path: Path, text: str) -> dict[str, str]:
    if "\0" in text:
        raise SettingsError(f"env file {path} is not a text file; save it as UTF-8")
    # Imported here: most runs have no env file, and `--help` should not pay for it.
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        # A binding begins with the blank lines before it.
        original = binding.original.string
        line = binding.original.line + original[: len(original) - len(original.lstrip())].count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(f"env file {path}, line {line}: cannot be read; write NAME=value, comments after #")
        if binding.key is None or binding.value is None:
            continue
        if binding.key in values:
            raise SettingsError(f"env file {path}, line {line}: this name is set a second time; keep one of the two")
        values[binding.key] = binding.value
    return values


def _check_mode(path: Path, mode: int, holds_secrets: bool) -> None:
    if mode & stat.S_IWOTH:
        raise SettingsError(f"env file {path} can be changed by every user of this machine; run: chmod 600 {path}")
    if holds_secrets and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"env file {path} holds keys and is open to other users; run: chmod 600 {path}")

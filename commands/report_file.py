"""Where the final report goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from commands.options import RunOptions
from commands.usage import UsageError
from domain.report import Report


def write_report(options: RunOptions, report: Report, out: TextIO) -> None:
    """As `--json` says; nowhere without it. Raises `UsageError` when it cannot be written."""
    text = report.to_json()
    try:
        if options.report_on_stdout:
            out.write(text)
            out.flush()
        if options.report_file is not None:
            _write_whole(options.report_file, text)
    except (OSError, ValueError) as error:
        where = "to standard output" if options.report_on_stdout else f"to {options.report_file}"
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the report cannot be written {where}: {reason}; the session itself has ended") from None


def _write_whole(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of one."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # /dev/stdout, a named pipe: nothing that could be replaced
        return
    target = path.resolve()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise

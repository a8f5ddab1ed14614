"""Where the final report goes."""

from __future__ import annotations

from typing import TextIO

from commands.options import RunOptions
from commands.output_files import write_whole
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
            write_whole(options.report_file, lambda path: path.write_text(text, encoding="utf-8"))
    except (OSError, ValueError) as error:
        where = "to standard output" if options.report_on_stdout else f"to {options.report_file}"
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the report cannot be written {where}: {reason}; the session itself has ended") from None

"""What becomes of a bot's own orders and position when it stops."""

from __future__ import annotations

from enum import StrEnum


class StopMode(StrEnum):
    """Own orders only; a halted bot keeps its closes whatever was asked."""

    KEEP = "keep"
    """Cancel the open, leave the closes."""
    CANCEL = "cancel"
    """Cancel the closes too; the position stays."""
    FLATTEN = "flatten"
    """Cancel both, then close the own position reduce-only, and verify it."""

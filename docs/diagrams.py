"""Writes the drawn parts of the documents anew from the tables they show: `make diagrams`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from domain.orders import lifecycle_diagram  # noqa: E402

LIFECYCLE_FILE = ROOT / "docs" / "order-lifecycle.md"
BEGIN = "<!-- drawn from domain/orders.py by `make diagrams`; edit the table, not this -->"
END = "<!-- end of the drawn part -->"


def redrawn(text: str) -> str:
    """`text` with what stands between the markers replaced by the diagram of the table as it is now.

    Raises `ValueError` where the markers are missing or doubled.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{LIFECYCLE_FILE.name} must hold each marker once: {BEGIN} and {END}")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n```mermaid\n{lifecycle_diagram()}```\n{END}{after}"


def main() -> None:
    LIFECYCLE_FILE.write_text(redrawn(LIFECYCLE_FILE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {LIFECYCLE_FILE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

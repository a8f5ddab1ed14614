"""Every decoder of the five venues, each with a message that its venue's protocol shows."""

from __future__ import annotations

from tests.support.decoders.aster import ASTER
from tests.support.decoders.backpack import BACKPACK
from tests.support.decoders.base import Decoder
from tests.support.decoders.edgex import EDGEX
from tests.support.decoders.lighter import LIGHTER
from tests.support.decoders.paradex import PARADEX

__all__ = ["DECODERS", "Decoder"]

DECODERS: dict[str, Decoder] = {
    f"{venue}: {decoder.name}": decoder
    for venue, decoders in (
        ("aster", ASTER), ("backpack", BACKPACK), ("edgex", EDGEX), ("lighter", LIGHTER), ("paradex", PARADEX)
    )
    for decoder in decoders
}  # fmt: skip

"""The text side of Paradex's WebSocket: JSON-RPC requests, acknowledgements, errors and data."""

from __future__ import annotations

import json
from dataclasses import dataclass

from exchanges.decoding import Fields, parse_fields, shown

BAD_TOKEN_CODES = (40110, 40111)
GEO_BLOCK_CODE = 40112


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The request of this id was carried out."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A request was refused; `request_id` None where the venue could not read whose it was."""

    request_id: int | None
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Data:
    """A payload of one channel."""

    channel: str
    fields: Fields


def call(request_id: int, method: str, parameters: dict[str, str]) -> str:
    """One request."""
    frame = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": parameters}
    return json.dumps(frame, separators=(",", ":"))


def decode_message(text: str) -> Acknowledged | Failed | Data:
    fields = parse_fields(text, "message")
    if fields.has("error"):
        error = fields.fields("error")
        words = " ".join(shown(error.text_or(name, "")) for name in ("message", "data") if _is_text(error, name))
        return Failed(fields.integer_or_none("id"), error.integer("code"), words)
    if fields.has("method"):
        fields.choice("method", {"subscription": None})
        parameters = fields.fields("params")
        channel = parameters.text("channel")
        return Data(channel, Fields.of(parameters.raw("data"), channel))
    fields.fields("result")
    return Acknowledged(fields.integer("id"))


def _is_text(fields: Fields, name: str) -> bool:
    return fields.has(name) and isinstance(fields.raw(name), str)

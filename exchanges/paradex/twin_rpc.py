"""The text side of the twin's sockets: JSON-RPC, as it comes in and as it goes out."""

from __future__ import annotations

import json

from exchanges.paradex.twin_wire import Json
from exchanges.transport.messages import Frame


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def data_frame(channel: str, payload: Json) -> str:
    """One event of a channel."""
    return compact({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": payload}})


def result_frame(request_id: int, result: Json, now_ns: int) -> str:
    """A request was carried out; times in microseconds beside it."""
    now_us = now_ns // 1_000
    times = {"usIn": now_us, "usDiff": 0, "usOut": now_us}
    return compact({"jsonrpc": "2.0", "id": request_id, "result": result, **times})


def error_frame(request_id: int | None, code: int, message: str, data: str) -> str:
    return compact({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message, "data": data}})


def read_request(frame: Frame) -> tuple[int, str, Json] | None:
    """Id, method and parameters; None for what is no JSON-RPC request."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    request_id, method, parameters = message.get("id"), message.get("method"), message.get("params")
    if not isinstance(request_id, int) or not isinstance(method, str) or not isinstance(parameters, dict):
        return None
    return request_id, method, parameters

"""The venue's own signer, a native library that comes with the package lighter-sdk.

The package itself is never imported: that would cost a second and 70 MB, and run code of many other packages. Its
library is found beside it, must have a known SHA-256, and is called directly. It signs without any network: nonces are
always given, because without one it would fetch it by itself, over a connection nobody watches.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path

from exchanges.errors import Misconfigured

VERSION = "1.1.8"
_INSTALL = "install it: python -m pip install --no-deps -r requirements-lighter.txt"
_LIBRARIES = {
    ("Linux", "x86_64"): (
        "lighter-signer-linux-amd64.so",
        "7f107a0e2240aa40c9f0ae8aba396380fe62892fe199dd3691e3103fc9a6fd8e",
    ),
    ("Linux", "arm64"): (
        "lighter-signer-linux-arm64.so",
        "9088ced1545e4cf81b6a4e18102c9459f3145215256c9d2f0a7ee4d160d7dfae",
    ),
    ("Darwin", "x86_64"): (
        "lighter-signer-darwin-amd64.dylib",
        "cc7a6b7c4736d09e9bf236def745e132d962a30c91d72235d579c44d895cfaa1",
    ),
    ("Darwin", "arm64"): (
        "lighter-signer-darwin-arm64.dylib",
        "b58e94ae6149be8c4e2ca90a6058fcb86e3c16604d0f09c3be29034b8feb2630",
    ),
    ("Windows", "x86_64"): (
        "lighter-signer-windows-amd64.dll",
        "3cb44139e35dee7533d925427448fa6d9ea2744fe66203c2167f42da358d0e49",
    ),
}
_MACHINES = {"amd64": "x86_64", "aarch64": "arm64"}

_LONG, _INT, _BYTE = ctypes.c_longlong, ctypes.c_int, ctypes.c_uint8


class _SignedTx(ctypes.Structure):
    _fields_ = (
        ("tx_type", ctypes.c_uint8),
        ("tx_info", ctypes.c_void_p),
        ("tx_hash", ctypes.c_void_p),
        ("message", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


class _TextOrError(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("error", ctypes.c_void_p))


_TAIL = (_BYTE, _LONG, _INT, _LONG)
"""Skip the nonce check, nonce, key index, account index."""
_INTEGRATOR = (_LONG, _INT, _INT, _BYTE, _BYTE)
"""Account and fees of an integrator, behaviour and equality of self-trades: all unused."""
_SIGNATURES: dict[str, tuple[tuple[object, ...], object]] = {
    "CreateClient": ((ctypes.c_char_p, ctypes.c_char_p, _INT, _INT, _LONG), ctypes.c_void_p),
    "SignCreateOrder": (
        (_LONG, _LONG, _LONG, _INT, _INT, _INT, _INT, _INT, _INT, _LONG, *_INTEGRATOR, *_TAIL),
        _SignedTx,
    ),
    "SignCancelOrder": ((_LONG, _LONG, *_TAIL), _SignedTx),
    "SignCancelAllOrders": ((_INT, _LONG, _LONG, *_TAIL), _SignedTx),
    "SignModifyOrder": ((_LONG, _LONG, _LONG, _LONG, _LONG, *_INTEGRATOR, _BYTE, _LONG, _LONG, _INT, _LONG), _SignedTx),
    "SignUpdateLeverage": ((_LONG, _INT, _INT, *_TAIL), _SignedTx),
    "CreateAuthToken": ((_LONG, _INT, _LONG), _TextOrError),
    "Free": ((ctypes.c_void_p,), None),
}


class SigningFailed(Exception):
    """The library's own words for why it signed nothing."""


@dataclass(frozen=True, slots=True)
class RawTx:
    """What the library made of a request. `tx_info` is the JSON to send, `tx_hash` 80 hexadecimal digits."""

    tx_type: int
    tx_info: str
    tx_hash: str


class Library:
    """The loaded library. Every call is plain C and may be made from any thread."""

    def __init__(self, path: Path) -> None:
        """`path` is a checked file. Raises `Misconfigured` when the system cannot load it."""
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError:
            raise Misconfigured(f"{path.name} cannot be loaded here: it needs the C library it was built for") from None
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, result

    def register(self, private_key: str, chain_id: int, key_index: int, account_index: int) -> None:
        """Give the library a key, for all further calls with these indices. Raises `SigningFailed`."""
        error = self._take(self._library.CreateClient(b"", private_key.encode(), chain_id, key_index, account_index))
        if error is not None:
            raise SigningFailed(error)

    def signed(self, function: str, *arguments: int) -> RawTx:
        """The result of one of the `Sign...` functions. Raises `SigningFailed`."""
        result = getattr(self._library, function)(*arguments)
        info, tx_hash, error = self._take(result.tx_info), self._take(result.tx_hash), self._take(result.error)
        self._take(result.message)
        if error is not None or info is None or tx_hash is None:
            raise SigningFailed(error or "it signed nothing")
        return RawTx(int(result.tx_type), info, tx_hash)

    def token(self, deadline_s: int, key_index: int, account_index: int) -> str:
        """A token for private reads, good until `deadline_s` (epoch). Raises `SigningFailed`."""
        result = self._library.CreateAuthToken(deadline_s, key_index, account_index)
        token, error = self._take(result.text), self._take(result.error)
        if error is not None or token is None:
            raise SigningFailed(error or "it signed nothing")
        return token

    def _take(self, pointer: int | None) -> str | None:
        """The text behind a pointer of the library, which is given back to it."""
        if not pointer:
            return None
        try:
            text = ctypes.cast(pointer, ctypes.c_char_p).value
            return None if text is None else text.decode("utf-8", "replace")
        finally:
            self._library.Free(pointer)


def find_library() -> Path:
    """The library for this system, its content checked. Raises `Misconfigured`."""
    machine = platform.machine().lower()
    known = _LIBRARIES.get((platform.system(), _MACHINES.get(machine, machine)))
    if known is None:
        raise Misconfigured(f"there is no signer of lighter for {platform.system()} on {machine}; use another exchange")
    spec = importlib.util.find_spec("lighter")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    name, expected = known
    path = next((path for folder in folders if (path := Path(folder, "signers", name)).is_file()), None)
    if path is None:
        raise Misconfigured(f"lighter needs the package lighter-sdk {VERSION}; {_INSTALL}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise Misconfigured(f"{name} is not the signer of lighter-sdk {VERSION}, and is not loaded; {_INSTALL}")
    return path

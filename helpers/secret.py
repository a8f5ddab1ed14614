"""A value that must not be shown."""

from __future__ import annotations

import hmac
from typing import NoReturn

MASK = "[redacted]"


class Secret:
    """A credential that prints as a mask.

    Only `reveal()` gives the value, so each place that uses one is found by its name. Equality takes constant time.
    It cannot be pickled: a pickle is a file or a pipe where nobody looks for keys.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("a secret cannot be empty; use None where there is none")
        object.__setattr__(self, "_Secret__value", value)

    __value: str

    def reveal(self) -> str:
        """The value itself, for a signature, a header or an address; never for a message."""
        return self.__value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (secret.__value.encode(errors="surrogatepass") for secret in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

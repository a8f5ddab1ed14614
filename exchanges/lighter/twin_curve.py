"""The venue's signatures, Schnorr on the curve ecGFp5, verified with code of the twin's own.

The field has p^5 elements, p = 2^64 - 2^32 + 1, as polynomials in z with z^5 = 3. The curve is
y^2 = x (x^2 + 2 x + 263 z); its points are kept as fractions x = X/Z and u = x/y = U/T, for which addition has no
exceptions. A point is written as the one field element y/x. Nothing hides its timing: the keys are
throw-away keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from exchanges.lighter.twin_hash import P, digest

Element = tuple[int, int, int, int, int]
Point = tuple[Element, Element, Element, Element]
"""X, Z, U, T."""

ORDER = 1067993516717146951041484916571792702745057740581727230159139685185762082554198619328292418486241
"""Of the group: private keys and both halves of a signature are numbers below it."""
_B = 263
_ONE: Element = (1, 0, 0, 0, 0)
_ZERO: Element = (0, 0, 0, 0, 0)
NEUTRAL: Point = (_ZERO, _ONE, _ZERO, _ONE)
GENERATOR: Point = (
    (12883135586176881569, 4356519642755055268, 5248930565894896907, 2165973894480315022, 2448410071095648785),
    _ONE,
    _ONE,
    (4, 0, 0, 0, 0),
)
_DIGITS = 80
"""Of four bits, in a factor of 320."""
_ROOT = pow(3, (P - 1) // 5, P)
"""What the p-th power does to z: it multiplies it with this."""


class Multiples:
    """Multiples of one point, tabled for each four bits of a factor: a product is then 80 sums."""

    def __init__(self, point: Point) -> None:
        """About 40 ms of work."""
        self._rows: list[list[Point]] = []
        for _ in range(_DIGITS):
            row = [NEUTRAL, point]
            for _ in range(14):
                row.append(_sum(row[-1], point))
            self._rows.append(row)
            point = _sum(row[-1], point)

    def times(self, factor: int) -> Point:
        """`factor` is not negative and below 2^320."""
        result = NEUTRAL
        for index, row in enumerate(self._rows):
            digit = factor >> 4 * index & 15
            if digit:
                result = _sum(result, row[digit])
        return result


class Verifier:
    """Verifies what one private key signs: the twin knows the keys it gave out."""

    def __init__(self, private_key: bytes) -> None:
        """40 bytes, little-endian, a number below `ORDER`."""
        self._generator = Multiples(GENERATOR)
        public = self._generator.times(int.from_bytes(private_key, "little"))
        self._public = Multiples(public)
        self.public_key = b"".join(part.to_bytes(8, "little") for part in _written(public))
        """40 bytes, as the venue shows them."""

    def is_signed(self, message: Sequence[int], signature: bytes) -> bool:
        """Whether 80 bytes (s and e, little-endian) are the key's signature of a digest of five field elements."""
        if len(signature) != 80:
            return False
        s, e = int.from_bytes(signature[:40], "little"), int.from_bytes(signature[40:], "little")
        if s >= ORDER or e >= ORDER:
            return False
        commitment = _sum(self._generator.times(s), self._public.times(e))
        return _scalar(digest([*_written(commitment), *message])) == e


def _scalar(parts: Sequence[int]) -> int:
    return sum(part << 64 * index for index, part in enumerate(parts)) % ORDER


def _written(point: Point) -> Element:
    _, _, u, t = point
    return _product(t, _inverse(u))


# --- points ---------------------------------------------------------------------------------------------------------


def _sum(p: Point, q: Point) -> Point:
    x1, z1, u1, t1 = p
    x2, z2, u2, t2 = q
    xx, zz, uu, tt = _product(x1, x2), _product(z1, z2), _product(u1, u2), _product(t1, t2)
    xz = _minus(_minus(_product(_plus(x1, z1), _plus(x2, z2)), xx), zz)
    ut = _minus(_minus(_product(_plus(u1, t1), _plus(u2, t2)), uu), tt)
    bzz = _times_b(zz, 1)
    inner = _plus(xx, bzz)
    left = _product(tt, inner)
    right = _product(uu, _plus(_times_b(xz, 2), _plus(inner, inner)))
    outer = _product(_plus(tt, _plus(uu, uu)), _plus(xz, inner))
    return _times_b(_minus(outer, left), 1), _minus(left, right), _product(ut, _minus(bzz, xx)), _plus(left, right)


# --- the field ------------------------------------------------------------------------------------------------------


def _plus(a: Element, b: Element) -> Element:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4])


def _minus(a: Element, b: Element) -> Element:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3], a[4] - b[4])


def _times_b(a: Element, times: int) -> Element:
    """Times `times` 263 z."""
    factor = _B * times
    return (3 * factor * a[4], factor * a[0], factor * a[1], factor * a[2], factor * a[3])


def _product(a: Element, b: Element) -> Element:
    """Reduced, whatever small multiples came in."""
    a0, a1, a2, a3, a4 = a
    b0, b1, b2, b3, b4 = b
    return (
        (a0 * b0 + 3 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1)) % P,
        (a0 * b1 + a1 * b0 + 3 * (a2 * b4 + a3 * b3 + a4 * b2)) % P,
        (a0 * b2 + a1 * b1 + a2 * b0 + 3 * (a3 * b4 + a4 * b3)) % P,
        (a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 3 * a4 * b4) % P,
        (a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0) % P,
    )


def _power(a: Element, times: int) -> Element:
    """`a` to the power p^times."""
    root = pow(_ROOT, times, P)
    return (a[0], a[1] * root % P, a[2] * root**2 % P, a[3] * root**3 % P, a[4] * root**4 % P)


def _inverse(a: Element) -> Element:
    """Zero for zero. The product of all conjugates lies in the small field, where inverting is cheap."""
    conjugates = _product(_product(_power(a, 1), _power(a, 2)), _product(_power(a, 3), _power(a, 4)))
    norm = _product(a, conjugates)[0]
    inverse = pow(norm, P - 2, P)
    return _product(conjugates, (inverse, 0, 0, 0, 0))

"""Tells a torn tail of a SQLite write-ahead log from damage in its middle, by reading the file before SQLite does.

SQLite recovers a log up to its first invalid frame and silently drops the rest. That is right for a tail that a crash
cut off, and wrong for a bad byte in the middle, which would drop every later commit with it. The two differ in what
comes after: behind a cut there is no commit of the same generation (the salts name it), behind damage there is.

What this cannot tell: damage in the last commit looks like a torn tail and is dropped as one. And a power loss that let
the disk keep a later, never synced write but not an earlier one looks like damage; refusing is the safe side of that
doubt.

The format is section 4 of https://www.sqlite.org/fileformat2.html: a header of 32 bytes, then frames of 24 bytes and
one page each; the checksum of a frame continues that of the frame before it.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

_HEADER = 32
_FRAME_HEADER = 24
_MAGIC = 0x377F0682
"""The lowest bit of the magic says that checksums read the data as big-endian words."""
_MASK = 0xFFFFFFFF

_Sums = tuple[int, int]


def has_damage_in_the_middle(wal: Path, page_size: int) -> bool:
    """Whether a commit stands behind an invalid frame of `wal`; a log that is not there has none. Raises `OSError`.

    `page_size`: the database's, in bytes.
    """
    if not wal.exists():
        return False
    with wal.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return False
        scan = _Scan(header)
        frame = file.read(_FRAME_HEADER + page_size)
        while len(frame) == _FRAME_HEADER + page_size:
            if scan.finds_commit_behind_damage(frame):
                return True
            frame = file.read(_FRAME_HEADER + page_size)
    return False


class _Scan:
    """Walks the frames in order. A frame is sound if its checksum continues the one before it, be it that checksum as
    stored or as recomputed: so one damaged checksum does not make the next frame look damaged too.
    """

    def __init__(self, header: bytes) -> None:
        magic = int.from_bytes(header[:4], "big")
        self._order = (">" if magic & 1 else "<") if magic & ~1 == _MAGIC else ""
        self._stored = _sums(header[24:32])
        self._recomputed = _checksum(header[:24], (0, 0), self._order) if self._order else self._stored
        self._is_broken = not self._order or self._stored != self._recomputed
        self._salts = b"" if self._is_broken else header[16:24]
        if self._is_broken:
            # The magic cannot be trusted; the log was written by this kind of machine unless it was carried here.
            self._order = ">" if sys.byteorder == "big" else "<"

    def finds_commit_behind_damage(self, frame: bytes) -> bool:
        salts, stored = frame[8:16], _sums(frame[16:24])
        if self._salts and salts != self._salts:
            # A frame of an earlier generation, where this one ends; or this one's, with damaged salts.
            self._is_broken = True
            self._stored = self._recomputed = stored
            return False
        data = frame[:8] + frame[_FRAME_HEADER:]
        computed = _checksum(data, self._stored, self._order)
        is_sound = computed == stored
        if not is_sound and self._recomputed != self._stored:
            computed = _checksum(data, self._recomputed, self._order)
            is_sound = computed == stored
        self._stored, self._recomputed = stored, computed
        is_commit = frame[4:8] != bytes(4)
        if self._is_broken and is_sound and is_commit:
            return True
        self._is_broken = self._is_broken or not is_sound
        return False


def _sums(stored: bytes) -> _Sums:
    first, second = struct.unpack(">II", stored)
    return first, second


def _checksum(data: bytes, seed: _Sums, order: str) -> _Sums:
    first, second = seed
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second

"""Whether a Matroska or WebM file was cut off, from the size its header states (RFC 8794, 9559)."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

SEGMENT = 0x18538067


def is_cut_off(path: Path) -> bool:
    """Whether the file is shorter than its header says, or was never finished."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < end:
            kind, size = _number(file, keep_mark=True), _number(file, keep_mark=False)
            if kind is None or size is None:
                return True
            if kind == SEGMENT:
                return file.tell() + size > end
            file.seek(size, 1)
    return True


def _number(file: BinaryIO, *, keep_mark: bool) -> int | None:
    """A number of variable length; None at the end, and for a size that is not known."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    mark = 1 << (8 * length - length)
    value = int.from_bytes(first + rest, "big")
    if keep_mark:
        return value
    value -= mark
    return None if value == mark - 1 else value

"""The sample tables of an mp4 or mov file: times, places and keyframes without reading a frame.

FFmpeg's own index knows only decode times; on files with B-frames the order in which frames are
shown stands in the table `ctts`, which is read here (ISO/IEC 14496-12).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IntArray = npt.NDArray[np.int64]

MAX_TABLE_BYTES = 1 << 30
"""A moov box beyond this is taken for damage."""
MAX_SAMPLES = 1 << 27


class UnusableTables(ValueError):
    """The tables are absent, damaged or of a kind that only a demuxer understands."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleTables:
    """Packets of one track, in decode order.

    Attributes
    ----------
    dts, pts
        (N,) decode and presentation time in ticks of the track, without the edit list.
    pos, size
        (N,) place in the file and bytes.
    keys
        (K,) rising packet numbers that are keyframes.
    """

    dts: IntArray
    pts: IntArray
    pos: IntArray
    size: IntArray
    keys: IntArray


def read_tables(path: Path, track_id: int) -> SampleTables:
    """Tables of a track.

    Raises
    ------
    UnusableTables
        For fragmented files, edit lists that cut frames away, and damage.
    OSError
        When the file cannot be read.
    """
    try:
        moov = _read_moov(path)
        if any(kind == b"mvex" for kind, _ in _boxes(moov)):
            raise UnusableTables("fragmented: the tables do not hold every frame")
        return _track_tables(_find_track(moov, track_id))
    except (struct.error, IndexError, ValueError, OverflowError, MemoryError) as error:
        raise UnusableTables(str(error)) from error


def read_rotation(path: Path, track_id: int) -> int:
    """Quarter turns counter-clockwise that bring the stored picture upright; 0 if unknown."""
    try:
        header = _child(_find_track(_read_moov(path), track_id), b"tkhd")
        offset = 40 + (12 if header[0] == 1 else 0)
        a, b, _, c, d, _ = struct.unpack_from(">6i", header, offset)
    except (struct.error, IndexError, ValueError, OSError):
        return 0
    one = 1 << 16
    turns = {(one, 0, 0, one): 0, (0, one, -one, 0): 3, (-one, 0, 0, -one): 2, (0, -one, one, 0): 1}
    return turns.get((a, b, c, d), 0)


def end_of_boxes(path: Path) -> int | None:
    """Where the last whole box of an mp4 file ends, None when the file is no mp4 or not cut off."""
    end = path.stat().st_size
    last = 0
    seen = set()
    with path.open("rb") as file:
        try:
            for kind, start, size, _ in _top_boxes(file, end):
                if start + size > end:
                    break
                seen.add(kind)
                last = start + size
        except (struct.error, UnusableTables):
            pass
    return last if last < end and {b"ftyp", b"moov", b"moof"} <= seen else None


def whole_media(path: Path) -> tuple[int, int]:
    """Where the last whole box of pictures of an mp4 file ends, and how many there are.

    In a file with a fragment a frame, each of them is a frame.
    """
    end = path.stat().st_size
    last = count = 0
    with path.open("rb") as file:
        try:
            for kind, start, size, _ in _top_boxes(file, end):
                if kind == b"mdat" and start + size <= end:
                    last, count = start + size, count + 1
        except (struct.error, UnusableTables):
            pass
    return last, count


def are_boxes(path: Path, start: int, stop: int) -> bool:
    """Whether nothing but whole boxes and the head of one lie between two places of an mp4 file."""
    with path.open("rb") as file:
        file.seek(0, 2)
        try:
            for _, place, _, header in _top_boxes(file, file.tell(), start):
                if place + header >= stop:
                    return place + header == stop
        except (struct.error, UnusableTables):
            pass
    return False


def _top_boxes(file: BinaryIO, end: int, start: int = 0) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind, start, size and size of the header of each box; the file stands behind the header."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = end - start
        if size < header:
            raise UnusableTables(f"box of {size} bytes at {start}")
        yield kind, start, size, header
        start += size


def _read_moov(path: Path) -> memoryview:
    end = path.stat().st_size
    with path.open("rb") as file:
        for kind, start, size, header in _top_boxes(file, end):
            if kind == b"moov":
                if size > MAX_TABLE_BYTES or start + size > end:
                    raise UnusableTables("the moov box is cut off")
                return memoryview(file.read(size - header))
    raise UnusableTables("no moov box")


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    start = 0
    while start + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:
            size = len(data) - start
        if size < header or start + size > len(data):
            raise UnusableTables(f"box {kind!r} of {size} bytes is cut off")
        yield kind, data[start + header : start + size]
        start += size


def _child(data: memoryview, *names: bytes) -> memoryview:
    for name in names:
        data = next((body for kind, body in _boxes(data) if kind == name), memoryview(b""))
        if not data:
            raise UnusableTables(f"no {name!r} box")
    return data


def _find_track(moov: memoryview, track_id: int) -> memoryview:
    for kind, track in _boxes(moov):
        if kind == b"trak":
            header = _child(track, b"tkhd")
            if struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0] == track_id:
                return track
    raise UnusableTables(f"no track {track_id}")


def _array(data: memoryview, offset: int, count: int, kind: str) -> IntArray:
    if count > MAX_SAMPLES:
        raise UnusableTables(f"a table of {count} entries")
    return np.frombuffer(data, dtype=kind, count=count, offset=offset).astype(np.int64)


def _count(data: memoryview, offset: int = 4) -> int:
    return int(struct.unpack_from(">I", data, offset)[0])


def _values(data: memoryview, n: int) -> IntArray:
    """The run-length coded values of `stts` or `ctts`, one for each of n samples."""
    pairs = _array(data, 8, 2 * _count(data), ">i4").reshape(-1, 2)
    if (pairs[:, 0] < 0).any() or not n <= pairs[:, 0].sum() <= MAX_SAMPLES:
        raise UnusableTables(f"times for {pairs[:, 0].sum()} of {n} samples")
    return np.repeat(pairs[:, 1], pairs[:, 0])[:n]


def _track_tables(track: memoryview) -> SampleTables:
    table = _child(track, b"mdia", b"minf", b"stbl")
    boxes = dict(_boxes(table))
    size = _sample_sizes(boxes[b"stsz"]) if b"stsz" in boxes else None
    if size is None or not len(size) or b"stts" not in boxes or b"stsc" not in boxes:
        raise UnusableTables("no sample tables")
    n = len(size)
    deltas = _values(boxes[b"stts"], n)
    dts = np.cumsum(deltas) - deltas
    pts = dts + _values(boxes[b"ctts"], n) if b"ctts" in boxes else dts
    keys = np.arange(n, dtype=np.int64)
    if b"stss" in boxes:
        keys = _array(boxes[b"stss"], 8, _count(boxes[b"stss"]), ">u4") - 1
        if len(keys) and (keys[0] < 0 or keys[-1] >= n or (np.diff(keys) <= 0).any()):
            raise UnusableTables("keyframes out of order")
    _check_edits(track, pts)
    return SampleTables(dts, pts, _sample_places(boxes, size), size, keys)


def _sample_sizes(stsz: memoryview) -> IntArray:
    uniform, count = struct.unpack_from(">II", stsz, 4)
    if count > MAX_SAMPLES:
        raise UnusableTables(f"{count} samples")
    if uniform:
        return np.full(count, uniform, dtype=np.int64)
    return _array(stsz, 12, count, ">u4")


def _sample_places(boxes: dict[bytes, memoryview], size: IntArray) -> IntArray:
    """Byte offset of each sample, from the chunks' offsets and the samples a chunk."""
    if b"stco" in boxes:
        chunks = _array(boxes[b"stco"], 8, _count(boxes[b"stco"]), ">u4")
    elif b"co64" in boxes:
        chunks = _array(boxes[b"co64"], 8, _count(boxes[b"co64"]), ">i8")
    else:
        raise UnusableTables("no chunk offsets")
    runs = _array(boxes[b"stsc"], 8, 3 * _count(boxes[b"stsc"]), ">u4").reshape(-1, 3)
    firsts = np.append(runs[:, 0] - 1, len(chunks))
    if not len(runs) or firsts[0] != 0 or (np.diff(firsts) < 0).any():
        raise UnusableTables("chunks out of order")
    samples = np.repeat(runs[:, 1], np.diff(firsts))
    if samples.sum() != len(size):
        raise UnusableTables(f"chunks hold {samples.sum()} samples, expected {len(size)}")
    before = np.cumsum(size) - size
    first_sample = np.cumsum(samples) - samples
    used = samples > 0
    starts = np.repeat(chunks[used] - before[first_sample[used]], samples[used])
    return np.asarray(starts + before, dtype=np.int64)


def _check_edits(track: memoryview, pts: IntArray) -> None:
    """Accept an edit list only when it shows every frame once: the usual shift by a delay."""
    edts = next((body for kind, body in _boxes(track) if kind == b"edts"), None)
    if edts is None:
        return
    elst = _child(edts, b"elst")
    layout, width = (">qqi", 20) if elst[0] == 1 else (">iii", 12)
    edits = [struct.unpack_from(layout, elst, 8 + width * i) for i in range(min(_count(elst), 8))]
    shown = [edit for edit in edits if edit[1] >= 0]
    if len(shown) != 1 or shown[0][1] > pts.min() or edits[-1] is not shown[0]:
        raise UnusableTables("an edit list that cuts or repeats frames")

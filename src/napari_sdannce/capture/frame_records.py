"""``frametimes.csv``: what became of each frame of a camera, one row a frame, as it happens.

A row is with the system as soon as it is added, so that a program that is killed loses none.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.rows import RowFile
from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

RECORDS_FILE = "frametimes.csv"
NONE = -1
"""In arrays: there is none."""
NUMBERS = (
    *("recorder_index", "file_frame", "block_id", "camera_ns", "host_ns", "utc_ns"),
    "queue_depth",
)
HEADER = ",".join([*NUMBERS, "status"])
_ROW = re.compile(r"\d{1,19}(,(-?\d{1,19})?){3}(,-?\d{1,19}){3},[a-z]+")
EXPECTED = f"frame times of a camera, with the columns {HEADER}"

IntArray = npt.NDArray[np.int64]


class FrameStatus(StrEnum):
    """What became of a frame."""

    OK = "ok"
    """It is in the file."""
    LATE = "late"
    """It is in the file; it came late."""
    FAILED = "failed"
    """It did not arrive whole."""
    DROPPED = "dropped"
    """There was no room for it in the queue."""
    UNWRITTEN = "unwritten"
    """Encoder or disk failed."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame.

    Parameters
    ----------
    recorder_index
        Its number among the frames that the recorder got of this camera.
    file_frame
        Its number in the camera's video files; None when it is in none.
    block_id
        The camera's own count of exposures; None when it does not count.
    camera_ns
        Time of the exposure by the camera's clock; None when it has none.
    host_ns
        Monotonic time of this computer when it arrived.
    utc_ns
        The same since 1970.
    queue_depth
        Frames of this camera that waited for the encoder.
    status
        What became of it.
    """

    recorder_index: int
    file_frame: int | None
    block_id: int | None
    camera_ns: int | None
    host_ns: int
    utc_ns: int
    queue_depth: int = 0
    status: FrameStatus = FrameStatus.OK

    @property
    def row(self) -> str:
        """As it stands in the file."""
        numbers = (getattr(self, name) for name in NUMBERS)
        return ",".join(["" if value is None else str(value) for value in numbers] + [self.status])


class FrameRecordFile:
    """Appends to a new ``frametimes.csv``; for one thread at a time.

    Parameters
    ----------
    folder
        Folder of the camera's videos.

    Raises
    ------
    FileExistsError
        When there is one already.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORDS_FILE
        self._rows = RowFile(self.path, HEADER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, record: FrameRecord) -> None:
        """Append a frame.

        Raises
        ------
        OSError
            When the disk is full; half a row is taken back, and later ones can be added.
        """
        self._rows.add(f"{record.row}\n")

    def flush(self) -> None:
        """Have the disk keep what was added, whatever happens to the machine."""
        self._rows.flush()

    def close(self) -> None:
        """Close the file."""
        self._rows.close()


@dataclass(frozen=True, eq=False, slots=True)
class FrameRecords:
    """The frames of a camera, all arrays (N,); `NONE` stands for what there is not.

    Parameters
    ----------
    recorder_index, file_frame, block_id, camera_ns, host_ns, utc_ns, queue_depth
        As in `FrameRecord`.
    status
        Values of `FrameStatus`.
    """

    recorder_index: IntArray
    file_frame: IntArray
    block_id: IntArray
    camera_ns: IntArray
    host_ns: IntArray
    utc_ns: IntArray
    queue_depth: IntArray
    status: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.recorder_index)

    @property
    def in_file(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each frame is in the video."""
        return self.file_frame >= 0

    def count(self, status: FrameStatus) -> int:
        """Frames of a status."""
        return int((self.status == status).sum())

    def chosen(self, which: npt.NDArray[np.bool_]) -> FrameRecords:
        """Only these frames, (N,) bool."""
        return FrameRecords(**{name: getattr(self, name)[which] for name in (*NUMBERS, "status")})


def records_of(frames: list[FrameRecord]) -> FrameRecords:
    """Frames as arrays."""
    return _parsed("".join(f"{frame.row}\n" for frame in frames))


def read_frame_records(path: Path) -> FrameRecords:
    """Read a ``frametimes.csv``; a last line that was cut off is left out.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no such table.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; expected {EXPECTED}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    head, _, body = text[: text.rfind("\n") + 1].partition("\n")
    if head != HEADER:
        raise FileFormatError(path, f"its header is '{text.partition(chr(10))[0][:100]}'", EXPECTED)
    try:
        return _parsed(body)
    except ValueError as error:
        raise FileFormatError(path, _first_wrong(body) or str(error), EXPECTED) from error


def _first_wrong(body: str) -> str:
    """What is said of the first line that is no frame."""
    for number, line in enumerate(body.splitlines(), start=2):
        if not _ROW.fullmatch(line):
            return f"line {number} is '{line[:100]}'"
    return ""


def _parsed(body: str) -> FrameRecords:
    """Records in lines of text."""
    filled = body.replace(",,", f",{NONE},").replace(",,", f",{NONE},")
    kinds = np.dtype([*((name, np.int64) for name in NUMBERS), ("status", "U16")])
    table = np.empty(0, dtype=kinds)
    if filled:
        table = np.loadtxt(io.StringIO(filled), dtype=kinds, delimiter=",", comments=None, ndmin=1)
    return FrameRecords(**{name: table[name].copy() for name in kinds.names or ()})

"""Where the images of a board come from: videos or still images of several cameras."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.files import open_recording
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.video_folders import natural_key, visible_files, visible_folders
from napari_sdannce.recording import MISSING_FRAME
from napari_sdannce.video import RecordingVideo

from .errors import CalibrationError
from .timestamps import TIMESTAMPS, read_timestamps, synchronised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.calibrate import Match


Image = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

STILLS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_EXPECTED = (
    "a folder with a video or a folder of still images a camera, or an experiment folder with "
    "videos"
)


class BoardSource(Protocol):
    """Images of several cameras, moment by moment."""

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras."""

    @property
    def n_moments(self) -> int:
        """How many moments there are."""

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know: how images were matched, which are missing."""

    def read(self, moment: int, view: int) -> Image | None:
        """Grey image (h, w) of a camera, None where it has none."""

    def close(self) -> None:
        """Let go of the files."""


class VideoSource:
    """Videos of a recording.

    Parameters
    ----------
    recording
        Its sync says which frames belong together; without one, those of equal number.
    told
        What a person should know.
    """

    def __init__(self, recording: Recording, told: Sequence[str] = ()) -> None:
        self.recording = recording
        self._video = RecordingVideo(recording, color="gray")
        self._told = tuple(told)

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras."""
        return self.recording.names

    @property
    def n_moments(self) -> int:
        """How many moments there are."""
        return self._video.n_moments

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know."""
        problems = tuple(str(problem) for problem in self._video.problems)
        return (*self._told, *problems)

    def read(self, moment: int, view: int) -> Image | None:
        """Grey image (h, w) of a camera, None where it has none."""
        return self._video.read_view(moment, view)

    def close(self) -> None:
        """Let go of the files."""
        self._video.close()


@dataclass(frozen=True)
class StillSource:
    """Still images, a folder a camera.

    Parameters
    ----------
    names
        The cameras.
    files
        One a moment and camera, None where a camera has none.
    told
        What a person should know.
    """

    names: tuple[str, ...]
    files: tuple[tuple[Path | None, ...], ...]
    told: tuple[str, ...] = ()

    @property
    def n_moments(self) -> int:
        """How many moments there are."""
        return len(self.files)

    def read(self, moment: int, view: int) -> Image | None:
        """Grey image (h, w) of a camera, None where it has none.

        Raises
        ------
        FileFormatError
            When the file is no image.
        """
        path = self.files[moment][view]
        return None if path is None else read_still(path)

    def close(self) -> None:
        """There is nothing to let go of."""

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Images of the subfolders of a folder, one a camera.

        Files of equal name belong together; if cameras name them differently, those of equal
        number in the order of their names.

        Raises
        ------
        CalibrationError
            When names differ and counts as well.
        """
        named = [(sub.name, visible_files(sub, STILLS)) for sub in visible_folders(folder)]
        cameras = [(name, files) for name, files in named if files]
        names = tuple(name for name, _ in cameras)
        stems = [[path.stem for path in files] for _, files in cameras]
        if all(len(set(own)) == len(own) for own in stems) and _share_names(stems):
            by_stem = [dict(zip(s, files, strict=True))
                       for s, (_, files) in zip(stems, cameras, strict=True)]  # fmt: skip
            keys = sorted({stem for own in stems for stem in own}, key=natural_key)
            files = tuple(tuple(own.get(key) for own in by_stem) for key in keys)
            return cls(names, files, ("images of equal name belong to one moment",))
        counts = {name: len(files) for name, files in cameras}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name}: {count}" for name, count in counts.items())
            raise CalibrationError(
                f"{folder}: cameras have different numbers of images ({told}) under different "
                "names, so that nothing tells which belong together; give those of one moment one "
                "name"
            )
        rows = tuple(zip(*(files for _, files in cameras), strict=True))
        return cls(names, rows, ("images belong to one moment in the order of their names",))


def _share_names(stems: Sequence[Sequence[str]]) -> bool:
    """Whether most names of each camera are names of another one, too."""
    count = Counter(stem for own in stems for stem in set(own))
    return len(stems) == 1 or all(
        sum(count[stem] > 1 for stem in own) > len(own) / 2 for own in stems
    )


def read_still(path: Path) -> Image:
    """Grey image (h, w) uint8 of a file; 16 bits are scaled to 8.

    Raises
    ------
    FileFormatError
        When it is no image.
    """
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(content, flags) if len(content) else None
    except cv2.error:
        image = None
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", "a still image") from error
    if image is None:
        raise FileFormatError(path, "it is no image that can be read", "a still image")
    if image.dtype != np.uint8:
        deep = image.astype(np.float64)
        image = np.round((deep - deep.min()) * (255 / max(float(np.ptp(deep)), 1)))
    return np.ascontiguousarray(image, dtype=np.uint8)


def open_source(path: Path, match: Match = "auto") -> BoardSource:
    """Open what a person points to.

    Parameters
    ----------
    path
        Folder with a folder of still images a camera; or anything `open_recording` opens.
    match
        Which frames of videos belong to one moment. By default as the recording's sync says, else
        as ``timestamps.csv`` beside the videos does, else those of equal number.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When there is nothing in it that could be opened.
    CalibrationError
        When frames can not be matched as asked for.
    """
    folder = path.expanduser().absolute()
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist; expected {_EXPECTED}")
    if folder.is_dir() and any(visible_files(sub, STILLS) for sub in visible_folders(folder)):
        source = StillSource.of_folder(folder)
        _check_match(match, {"auto", "index"}, "still images")
        return source
    recording = open_recording(folder)
    return VideoSource(*_matched(recording, match))


def _check_match(match: Match, possible: set[Match], what: str) -> None:
    if match not in possible:
        raise CalibrationError(
            f"{what} can not be matched by '{match}', only by {' or '.join(sorted(possible))}"
        )


def _matched(recording: Recording, match: Match) -> tuple[Recording, list[str]]:
    """The recording with the sync that is asked for, and how it was matched."""
    table = recording.folder / TIMESTAMPS
    if match == "index" or (match == "auto" and recording.sync is None and not table.is_file()):
        return replace(recording, sync=None), ["frames of equal number belong to one moment"]
    if match == "sync" or (match == "auto" and recording.sync is not None):
        if recording.sync is None:
            raise CalibrationError(f"{recording.folder}: the recording has no sync")
        return recording, ["frames belong to one moment as the recording's sync says"]
    if not table.is_file():
        raise CalibrationError(
            f"{recording.folder}: there is no {TIMESTAMPS} to match frames by "
            "(columns cam_id, frame_index, frame_time)"
        )
    sync, told = synchronised(
        read_timestamps(table), recording.names, by_time=match == "timestamps"
    )
    missing = float((sync.frames == MISSING_FRAME).mean())
    note = f"; {100 * missing:.0f} % of frames have no partner" if missing > 0.01 else ""
    return replace(recording, sync=sync), [told + note]

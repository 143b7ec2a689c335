"""Where the images of a board come from: videos or still images of several cameras."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.files import open_recording
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.video_folders import VIDEO_SUFFIXES, visible_files, visible_folders
from napari_sdannce.recording import MISSING_FRAME
from napari_sdannce.video import RecordingVideo

from .still_images import IMAGE_SUFFIXES, read_gray
from .still_moments import match_stills, readable
from .timestamps import TIMESTAMPS, read_timestamps, synchronised

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.calibrate import Match

    from .still_images import Size

Image = npt.NDArray[np.uint8]
REPORT = "report.json"
IntArray = npt.NDArray[np.int64]

EXTRINSICS = "extrinsics"
"""Folder of what all cameras saw together, beside what each saw by itself."""
_TRIED = 8
"""Images of a camera that are tried before it is said to have none."""
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


class StillSource:
    """Still images, a folder a camera, or one folder of a single camera.

    Parameters
    ----------
    folder
        With the folders.
    in_time
        Whether images of different cameras belong together.
    cameras
        Those that are wanted; None: all.

    Raises
    ------
    FileFormatError
        When no image can be read.
    CalibrationError
        When images of a camera differ in size, it can not be told which belong together, or there
        is no such camera.
    """

    def __init__(
        self, folder: Path, *, in_time: bool = True, cameras: Sequence[str] | None = None
    ) -> None:
        self._matched: list[str] = []
        self._unreadable: dict[str, None] = {}
        stills: dict[str, list[Path]] = {}
        there = still_files(folder)
        wanted = chosen(tuple(there), cameras, folder)
        for name in wanted:
            good, told = readable(name, there[name])
            self._unreadable |= dict.fromkeys(told)
            stills |= {name: good} if good else {}
        if not stills:
            raise FileFormatError(folder, f"no image can be read ({self.told[0]})", _EXPECTED)
        self.names = tuple(stills)
        self._files, self._matched = match_stills(folder, stills, in_time=in_time)
        known = set(there) - (set(wanted) - set(stills))
        self._matched += [f"left out: {name} holds no image" for name in _empty(folder, known)]

    @property
    def n_moments(self) -> int:
        """How many moments there are."""
        return len(self._files)

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know: how images were matched, which could not be read so far."""
        return (*self._matched, *self._unreadable)

    def read(self, moment: int, view: int) -> Image | None:
        """Grey image (h, w) of a camera, None where it has none that can be read."""
        path = self._files[moment][view]
        if path is None:
            return None
        try:
            return read_gray(path)
        except FileFormatError as error:
            self._unreadable[f"not used: {error.path}: {error.found}"] = None
            return None

    def close(self) -> None:
        """There is nothing to let go of."""


def image_size(source: BoardSource, view: int, moments: Sequence[int] | None = None) -> Size | None:
    """(width, height) px of the first image of a camera that can be read; None: there is none.

    It is looked for at some moments of the whole recording, unless they are given.
    """
    some = range(0, source.n_moments, max(1, source.n_moments // _TRIED))
    for moment in some if moments is None else moments:
        image = source.read(moment, view)
        if image is not None:
            return image.shape[1], image.shape[0]
    return None


def no_image_of(source: BoardSource, names: Sequence[str]) -> CalibrationError:
    """What is wrong where cameras have no image, with what is known of why."""
    notes = [note for note in source.told if any(name in note for name in names)]
    why = f" ({'; '.join(notes)})" if notes else ""
    return CalibrationError(f"there is no image of {', '.join(names)}, or none can be read{why}")


def still_files(folder: Path) -> dict[str, list[Path]]:
    """Still images of each camera; none where there are videos."""
    if visible_files(folder, VIDEO_SUFFIXES) or (folder / "videos").is_dir():
        return {}
    below = {
        sub.name: files
        for sub in visible_folders(folder)
        if (files := visible_files(sub, IMAGE_SUFFIXES))
        and not visible_files(sub, VIDEO_SUFFIXES)
        and not (sub / REPORT).is_file()  # results of a calibration, a picture among them
    }
    loose = visible_files(folder, IMAGE_SUFFIXES)
    return below or ({folder.name: loose} if loose else {})


def _empty(folder: Path, stills: Container[str]) -> list[str]:
    """Folders beside those of the cameras in which no image is, or none that can be read."""
    return [
        sub.name
        for sub in visible_folders(folder)
        if folder.name not in stills and sub.name not in stills and not (sub / REPORT).is_file()
    ]


def open_source(
    path: Path,
    match: Match = "auto",
    *,
    in_time: bool = True,
    cameras: Sequence[str] | None = None,
) -> BoardSource:
    """Open what a person points to.

    Parameters
    ----------
    path
        Folder with a folder of still images a camera; anything `open_recording` opens; or a
        folder that holds such a one as ``extrinsics``.
    match
        Which frames of videos belong to one moment. By default as the recording's sync says, else
        as ``timestamps.csv`` beside the videos does, else those of equal number.
    in_time
        Whether images of different cameras belong together; not so where each camera saw the board
        by itself, for its lens.
    cameras
        Those that are wanted, which stay in the order of the recording; None: all.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When there is nothing in it that could be opened.
    CalibrationError
        When frames can not be matched as asked for, or there is no such camera.
    """
    folder = path.expanduser().absolute()
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist; expected {_EXPECTED}")
    if (folder / EXTRINSICS).is_dir():
        folder /= EXTRINSICS
    if still_files(folder):
        _check_match(match, {"auto", "index"}, "still images")
        return StillSource(folder, in_time=in_time, cameras=cameras)
    try:
        recording = open_recording(folder)
    except FileFormatError as error:
        if error.path != folder:  # of a file in it
            raise
        raise FileFormatError(folder, error.found, _EXPECTED) from error
    recording = recording.select(chosen(recording.names, cameras, folder))
    return VideoSource(*_matched(recording, match))


def chosen(names: Sequence[str], cameras: Sequence[str] | None, where: Path) -> tuple[str, ...]:
    """Names of the cameras that are wanted, in the order of `names`; None: all.

    Raises
    ------
    CalibrationError
        When there is no such camera.
    """
    unknown = [name for name in cameras or () if name not in names]
    if unknown:
        raise CalibrationError(
            f"{where}: there is no camera {', '.join(unknown)}, only {', '.join(names)}"
        )
    return tuple(name for name in names if cameras is None or name in cameras)


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

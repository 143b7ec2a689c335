"""Images of the cameras of a calibration, read when they are shown."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.sources.board_source import StillSource, VideoSource, open_source
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.geometry.threads import available_cores
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.lazy import lazy_video
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import dask.array

    from napari_sdannce.calibration.corners_file import CalibratedCorners
    from napari_sdannce.calibration.report.saved_report import SavedReport
    from napari_sdannce.calibration.sources.board_source import BoardSource

Image = npt.NDArray[np.uint8]

AHEAD = 3
"""Moments read ahead, in threads, in the direction of the last step."""
_KEPT_BYTES = 200_000_000


class MomentImages(Protocol):
    """Reads images of a source by its own moments."""

    def read(self, moment: int, view: int) -> Image | None:
        """The image, None where there is none."""
        ...

    def prefetch(self, moments: Sequence[int]) -> None:
        """Begin to read these."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class StillImages:
    """Still images, read in threads and kept for a while."""

    def __init__(self, source: StillSource, image_bytes: int) -> None:
        self._source = source
        self._pool = ThreadPoolExecutor(available_cores(), "stills")
        self._most = max((AHEAD + 1) * len(source.names), _KEPT_BYTES // max(1, image_bytes))
        self._reading: OrderedDict[tuple[int, int], Future[Image | None]] = OrderedDict()
        self._turn = Lock()
        self._is_closed = False

    def read(self, moment: int, view: int) -> Image | None:
        """The image; None where a camera has none, or it can not be read, or all is closed."""
        try:
            coming = self._begin(moment, view)
            return None if coming is None else coming.result()
        except (FileFormatError, OSError, CancelledError):
            return None

    def prefetch(self, moments: Sequence[int]) -> None:
        """Begin to read these."""
        for moment in moments:
            for view in range(len(self._source.names)):
                self._begin(moment, view)

    def _begin(self, moment: int, view: int) -> Future[Image | None] | None:
        with self._turn:
            if self._is_closed:
                return None
            key = (moment, view)
            if key not in self._reading:
                self._reading[key] = self._pool.submit(self._source.read, moment, view)
                while len(self._reading) > self._most:
                    self._reading.popitem(last=False)
            self._reading.move_to_end(key)
            return self._reading[key]

    def close(self) -> None:
        """End the threads, without waiting for them."""
        with self._turn:
            self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)


class VideoImages:
    """Frames of videos."""

    def __init__(self, source: VideoSource) -> None:
        self._video = RecordingVideo(source.recording, color="rgb")

    @property
    def sizes(self) -> tuple[tuple[int, int] | None, ...]:
        """(width, height) of each camera."""
        return self._video.sizes

    def read(self, moment: int, view: int) -> Image | None:
        """The image, None where there is none."""
        return self._video.read_view(moment, view)

    def prefetch(self, moments: Sequence[int]) -> None:
        """Begin to read these."""
        self._video.prefetch(moments)

    def close(self) -> None:
        """Let go of the files."""
        self._video.close()


@dataclass(frozen=True)
class _OneCamera:
    """Images of a camera by their number among the moments that are shown."""

    images: MomentImages
    moments: npt.NDArray[np.int64]
    view: int

    def read_or_none(self, frame: int) -> Image | None:
        return self.images.read(int(self.moments[frame]), self.view)


@dataclass(frozen=True, eq=False)
class BoardImages:
    """What cameras saw.

    Parameters
    ----------
    names
        The cameras.
    moments
        (F,) moments of the source that are shown.
    images
        Reads them.
    stacks
        (F, H, W) or (F, H, W, 3) for each camera; black where it has none.
    """

    names: tuple[str, ...]
    moments: npt.NDArray[np.int64]
    images: MomentImages
    stacks: tuple[dask.array.Array, ...]

    def prefetch(self, rows: Sequence[int]) -> None:
        """Begin to read images by their number among the moments that are shown."""
        self.images.prefetch([int(self.moments[i]) for i in rows if 0 <= i < len(self.moments)])

    def close(self) -> None:
        """Let go of the files."""
        self.images.close()


def open_board_images(
    report: SavedReport, corners: CalibratedCorners, folder: Path
) -> BoardImages | Failed:
    """Open the images that a calibration was made from. Touches no widget.

    Parameters
    ----------
    report, corners
        Of the calibration.
    folder
        With the images, wherever they lie now.
    """
    try:
        source = _source(report, folder)
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    source.close()
    if tuple(report.cameras) != corners.names:
        return Failed("report.json and corners.npz are of different calibrations.")
    if source.names != corners.names or corners.moments.max(initial=0) >= source.n_moments:
        return Failed(
            f"{folder.name} is not what was calibrated from: that had the cameras "
            f"{', '.join(corners.names)} and {corners.moments.max(initial=0) + 1} moments or more, "
            f"this has {', '.join(source.names)} and {source.n_moments}."
        )
    return _shown(source, report, corners.moments)


def open_all_images(report: SavedReport, folder: Path) -> BoardImages | Failed:
    """Open all images in a folder of the cameras of a calibration. Touches no widget."""
    try:
        source = _source(report, folder)
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    source.close()
    if source.names != tuple(report.cameras):
        return Failed(
            f"{folder.name} is of the cameras {', '.join(source.names)}; what was calibrated are "
            f"{', '.join(report.cameras)}."
        )
    return _shown(source, report, np.arange(source.n_moments))


def _source(report: SavedReport, folder: Path) -> BoardSource:
    """The images of the cameras of a calibration, if not all were calibrated."""
    cameras = tuple(report.cameras) if report.settings.cameras else None
    return open_source(folder, report.settings.match, cameras=cameras)


def _shown(source: BoardSource, report: SavedReport, moments: npt.NDArray[np.int64]) -> BoardImages:
    """Some moments of a source."""
    names = source.names
    sizes = [report.cameras[name].image_size for name in names]
    images: MomentImages
    deep: tuple[int, ...] = ()
    if isinstance(source, StillSource):
        images = StillImages(source, max((w * h for w, h in sizes), default=1))
    else:
        assert isinstance(source, VideoSource)
        images, deep = VideoImages(source), (3,)
    stacks = tuple(
        lazy_video(_OneCamera(images, moments, view), len(moments), (height, width, *deep))
        for view, (width, height) in enumerate(sizes)
    )
    opened = BoardImages(names, moments, images, stacks)
    opened.prefetch([0])
    return opened

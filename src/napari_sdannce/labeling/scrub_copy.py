"""A copy of the frames to label in which every frame is there at once.

Video with few keyframes decodes hundreds of frames for one that is jumped to. The copy holds single
frames as JPEG files, each written whole or not at all: so it may be made bit by bit, stopped and
gone on with, and needs no list of what is in it.
"""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_sdannce.files.writing import atomic_path
from napari_sdannce.geometry.threads import available_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.recording import VideoFile
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.video.pixels import Image

FOLDER = "frames"
"""Name of the copy's folder in that of a session."""
AROUND = 2
"""Frames copied before and after each that is asked for."""
_ABOUT = "video.json"
_QUALITY = 95


class Identity(BaseModel):
    """Which video file frames were copied from, and whether in grey."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: int
    modified_ns: int
    gray: bool

    @classmethod
    def of(cls, path: Path, *, gray: bool) -> Self | None:
        """Identity of a file as it is now, None when it is not there."""
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(
            path=str(path.absolute()), size=found.st_size, modified_ns=found.st_mtime_ns, gray=gray
        )

    @property
    def key(self) -> str:
        """Name of its folder in the copy."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Copied:
    """A moment is in the copy: `done` of `total` are."""

    moment: int
    done: int
    total: int


class ScrubCopy:
    """Frames of a recording, from the copy where they are in it, else from the videos.

    Frames lie under the identity of the video they are of. One that was replaced or changed since
    has another, so that its old frames are not found: the copy is never stale. What a video is, is
    looked up when this is made: do so right after opening the recording.

    Parameters
    ----------
    folder
        Where the copy lies or is to lie, `FOLDER` in that of a session.
    video
        The recording, opened in the colour that is wanted.
    """

    def __init__(self, folder: Path, video: RecordingVideo) -> None:
        self.folder = folder
        self._video = video
        self._identities = {
            (view, file.path): Identity.of(file.path, gray=camera.is_gray)
            for view, camera in enumerate(video.cameras)
            if camera is not None
            for file in camera.view.videos
        }
        self._pool = ThreadPoolExecutor(min(len(video.cameras), 2 * available_cores()), "copy")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; the videos stay open."""
        self._pool.shutdown()

    def make(self, moments: Iterable[int], around: int = AROUND) -> Iterator[Copied]:
        """Copy moments and those around them, what is there already left as it is.

        Parameters
        ----------
        moments
            Rows of the sync.
        around
            How many before and after each.

        Yields
        ------
        Copied
            After each moment; what is copied stays when the loop is left.

        Raises
        ------
        OSError
            When the copy cannot be written, as on a full disk, or where its session was removed.
        """
        last = self._video.n_moments
        wanted = sorted(
            {
                near
                for moment in moments
                for near in range(max(0, moment - around), min(last, moment + around + 1))
            }
        )
        left = [moment for moment in wanted if not self.has(moment)]
        done = len(wanted) - len(left)
        for moment, images in zip(left, self._video.frames(left), strict=True):
            list(self._pool.map(lambda v, m=moment, i=images: self._write(m, v, i[v]), self._views))
            done += 1
            yield Copied(moment, done, len(wanted))

    def has(self, moment: int) -> bool:
        """Whether all frames of a moment are in the copy, as far as cameras have any."""
        places = [self._place(moment, view) for view in self._views]
        return all(place is None or place.exists() for place in places)

    def read(self, moment: int, views: Sequence[int] | None = None) -> list[Image | None]:
        """Images of a moment, as `RecordingVideo.read` gives them but for what JPEG loses."""
        chosen = self._views if views is None else views
        return list(self._pool.map(lambda view: self.read_view(moment, view), chosen))

    def read_view(self, moment: int, view: int) -> Image | None:
        """Image of one camera at a moment, None when it has none; the caller's own."""
        copied = self._copied(moment, view)
        return self._video.read_view(moment, view) if copied is None else copied

    def forget_others(self) -> int:
        """Remove frames of videos that are not those of the recording now; returns how many videos.

        Only folders that say which video they are of are touched.
        """
        keys = {each.key for each in self._identities.values() if each is not None}
        removed = 0
        for place in self.folder.iterdir() if self.folder.is_dir() else ():
            if place.name not in keys and _identity(place) is not None:
                shutil.rmtree(place)
                removed += 1
        return removed

    @property
    def _views(self) -> range:
        return range(len(self._video.cameras))

    def _copied(self, moment: int, view: int) -> Image | None:
        """Image of the copy, None when it has none that can be used."""
        place, camera = self._place(moment, view), self._video.cameras[view]
        if place is None or camera is None:
            return None
        try:
            coded = np.fromfile(place, dtype=np.uint8)
        except OSError:
            return None
        if not len(coded):
            return None
        wanted = cv2.IMREAD_GRAYSCALE if camera.is_gray else cv2.IMREAD_COLOR_RGB
        image = cv2.imdecode(coded, wanted)
        if image is None or image.shape != camera.frame_shape:
            return None
        return np.asarray(image, dtype=np.uint8)

    def _write(self, moment: int, view: int, image: Image | None) -> None:
        place, file = self._place(moment, view), self._file(moment, view)
        if place is None or file is None or place.exists():
            return
        identity = self._identities[view, file[0].path]
        if identity is None or Identity.of(file[0].path, gray=identity.gray) != identity:
            return  # replaced while it was open: nobody knows which one was decoded
        # no more than these two: a session that was removed is not to come back as a few images
        self.folder.mkdir(exist_ok=True)
        place.parent.mkdir(exist_ok=True)
        about = place.parent / _ABOUT
        if not about.exists():
            with atomic_path(about, overwrite=True) as draft:
                draft.write_text(identity.model_dump_json(indent=2) + "\n", encoding="utf-8")
        with atomic_path(place, overwrite=True) as draft:
            # empty: the video has no such image, and need not be asked again
            draft.write_bytes(b"" if image is None else _coded(image))

    def _place(self, moment: int, view: int) -> Path | None:
        """File of a frame in the copy, None when the camera has no such frame."""
        file = self._file(moment, view)
        if file is None:
            return None
        video, number = file
        identity = self._identities[view, video.path]
        return None if identity is None else self.folder / identity.key / f"{number}.jpg"

    def _file(self, moment: int, view: int) -> tuple[VideoFile, int] | None:
        """Video file of a frame, and its number there."""
        frame, camera = self._video.frame_of(moment, view), self._video.cameras[view]
        if frame is None or camera is None:
            return None
        try:
            return camera.view.locate(frame)
        except IndexError:
            return None


def _coded(image: Image) -> bytes:
    """An image (H, W) or (H, W, 3) RGB as JPEG."""
    shown = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, coded = cv2.imencode(".jpg", shown, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return coded.tobytes()


def _identity(folder: Path) -> Identity | None:
    """Which video a folder of frames is of; None when it is no such folder."""
    try:
        return Identity.model_validate_json((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None

"""The video files of one camera while it is recorded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import av.error
import cv2
import numpy as np
from av.video.frame import PictureType

from napari_sdannce.capture.cameras import PixelLayout
from napari_sdannce.capture.codecs import SUFFIX
from napari_sdannce.recording import VideoFile
from napari_sdannce.video import VideoError
from napari_sdannce.video.mp4_tables import whole_media
from napari_sdannce.video.output import VideoOutput
from napari_sdannce.video.uncoded_frames import Channels, UncodedFrames

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.video import Encoding
    from napari_sdannce.video.output import Footage

LONGEST_PAUSE_US = 30 * 60 * 1_000_000
"""After more than this, frames with exact times begin a new file: in one mp4 file, 36 minutes
between two frames are the most that there can be."""
_DEMOSAIC = {
    PixelLayout.BAYER_RG: cv2.COLOR_BayerRGGB2RGB,
    PixelLayout.BAYER_BG: cv2.COLOR_BayerBGGR2RGB,
    PixelLayout.BAYER_GR: cv2.COLOR_BayerGRBG2RGB,
    PixelLayout.BAYER_GB: cv2.COLOR_BayerGBRG2RGB,
}
_CHANNELS: dict[PixelLayout, Channels] = {PixelLayout.MONO: "gray", PixelLayout.BGR: "bgr24"}


class CameraVideoWriter:
    """Writes the frames of a camera to files named by their first frame: 0.mp4, 500.mp4 ...

    A file can be read while it is written, and up to the last frame but one when the program is
    killed. Nothing is ever scaled. Frames are evenly spaced in the file unless `footage` has a tick
    of a microsecond; readers that count by time (imageio, which s-DANNCE uses) lose count then.

    Parameters
    ----------
    folder
        Where the files go.
    layout
        Of the images.
    footage
        Their size and rate, and whether they carry exact times.
    encoding
        Codec, quality, keyframes.
    frames_per_file
        A new file begins after so many; None: only when `split` is called.

    Raises
    ------
    VideoError
        When the encoder does not open, or there is no room.
    FileExistsError
        When there is a video already.
    """

    def __init__(
        self,
        folder: Path,
        layout: PixelLayout,
        footage: Footage,
        encoding: Encoding,
        *,
        frames_per_file: int | None = None,
    ) -> None:
        self.folder = folder
        self.layout = layout
        self.footage = footage
        self.encoding = encoding
        self.frames_per_file = frames_per_file
        self.n_frames = 0
        """Frames written so far, in all files; when one could not be, those that can be read."""
        self.files: tuple[VideoFile, ...] = ()
        """Files that were begun, also the one in work."""
        self._bytes_before = 0
        self._key_us = 0
        self._start_us = 0
        self._last_us = 0
        self._output: VideoOutput | None = None
        self._is_closed = False
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file in work, or the last one."""
        return self.files[-1].path

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more, because it was closed or something went wrong."""
        return self._is_closed

    @property
    def n_bytes(self) -> int:
        """Bytes of pictures that were written."""
        return self._bytes_before + (0 if self._output is None else self._output.n_bytes)

    def write(self, image: Image, time_us: int) -> int:
        """Append an image.

        Parameters
        ----------
        image
            (H, W) or (H, W, 3) uint8, as the layout says.
        time_us
            Time of its exposure from any beginning (microseconds). Where exact times are written,
            one that does not rise becomes one microsecond more than the one before.

        Returns
        -------
        Number of the frame among those of the camera's files.

        Raises
        ------
        ValueError
            When shape or type are others.
        VideoError
            When encoder or disk fail. What was written before can be read, but for the last frame
            perhaps; the writer is closed.
        """
        self._check(image)
        if self._output is None or self._is_full or self._paused_long(time_us):
            self._begin()
        self._encode(image, time_us)
        self.n_frames += 1
        return self.n_frames - 1

    def split(self) -> None:
        """Let the next frame begin a new file."""
        if self._n_in_file:
            self._finish()

    def close(self) -> None:
        """Finish the last file; one without frames is removed.

        Raises
        ------
        VideoError
            When the disk is full; what is there can be read.
        """
        self._finish()
        self._is_closed = True
        if not self._n_in_file and self.files:
            self.path.unlink(missing_ok=True)
            self.files = self.files[:-1]

    @property
    def _n_in_file(self) -> int:
        return self.n_frames - self.files[-1].first_frame if self.files else 0

    @property
    def _is_full(self) -> bool:
        return self.frames_per_file is not None and self._n_in_file >= self.frames_per_file

    def _paused_long(self, time_us: int) -> bool:
        is_exact = self.footage.tick is not None
        return is_exact and bool(self._n_in_file) and time_us - self._last_us > LONGEST_PAUSE_US

    def _check(self, image: Image) -> None:
        size = (self.footage.height, self.footage.width)
        expected = size if self.layout.channels == 1 else (*size, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(
                f"{self.folder}: image is {image.shape} {image.dtype}, expected {expected} uint8"
            )
        if self._is_closed:
            raise VideoError(self.path, "is closed; expected an open writer")

    def _begin(self) -> None:
        self._finish()
        path = self.folder / f"{self.n_frames}{SUFFIX}"
        if path.exists():
            raise FileExistsError(f"{path} exists and is not replaced; choose another folder")
        try:
            self._output = VideoOutput(path, self.footage, self.encoding)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._is_closed = True
            path.unlink(missing_ok=True)
            what = f"can not be begun with '{self.encoding.codec}'"
            raise VideoError(path, f"{what}: {_reason(error)}") from error
        self._frames = UncodedFrames(self._output.pixel_format, self.encoding)
        self.files = (*self.files, VideoFile(path, self.n_frames))

    def _encode(self, image: Image, time_us: int) -> None:
        output = self._output
        assert output is not None
        frame = self._frames.make(self._colored(image), _CHANNELS.get(self.layout, "rgb24"))
        is_first = not self._n_in_file
        if is_first:
            self._start_us = time_us
        elif self.footage.tick is not None:
            time_us = max(time_us, self._last_us + 1)
        frame.pts = self._n_in_file if self.footage.tick is None else time_us - self._start_us
        frame.time_base = self.footage.time_base
        if is_first or self._is_due(time_us):
            frame.pict_type, self._key_us = PictureType.I, time_us
        self._last_us = time_us
        try:
            output.encode(frame)
        except (av.error.FFmpegError, OSError) as error:
            what = f"frame {self.n_frames} was not written"
            raise self._failure(output, what, error) from error

    def _is_due(self, time_us: int) -> bool:
        """Whether this frame, or else one too late, must be a keyframe."""
        half_a_step = (time_us - self._last_us) / 2
        return time_us - self._key_us + half_a_step > 1e6 * self.encoding.keyframe_seconds

    def _colored(self, image: Image) -> Image:
        code = _DEMOSAIC.get(self.layout)
        return image if code is None else np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)

    def _finish(self) -> None:
        output = self._output
        if output is None:
            return
        try:
            output.encode(None)
            output.close()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(output, "could not be finished", error) from error
        self._bytes_before += output.n_bytes
        self._output = None

    def _failure(self, output: VideoOutput, what: str, error: Exception) -> VideoError:
        """Let go of a file in which something went wrong, so that it can be read up to there."""
        self._output, self._is_closed = None, True
        self._bytes_before += output.n_bytes
        output.abandon()
        end, n_whole = whole_media(self.path)
        if end:
            os.truncate(self.path, end)
        self.n_frames = min(self.n_frames, self.files[-1].first_frame + n_whole)
        return VideoError(
            self.path, f"{what}: {_reason(error)}; all before can be read, but perhaps the last"
        )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

"""Videos that play the part of a camera: to try a set-up without one, and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.capture.back_ends.pictures import NotWholeError, PictureCamera, flag
from napari_sdannce.capture.back_ends.refusing import (
    choose_layout,
    refuse_other_size,
    refuse_others,
)
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    CameraLostError,
    Capabilities,
    Format,
    Level,
    PixelLayout,
)
from napari_sdannce.files.video_folders import find_cameras
from napari_sdannce.recording import VideoFile, View
from napari_sdannce.video import CameraVideo, VideoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.back_ends.pictures import Clock
    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.settings.capture import CameraSettings

_TAKES = ("width", "height", "pixel_format", "features")


class Replay:
    """Videos as cameras. The serial number is the path of a file, or of a camera's folder."""

    name = "replay"
    serials = "path of a video, or of the folder of one camera"
    capabilities = Capabilities(
        software_trigger=Level.FULL,
        hardware_trigger=Level.NONE,
        camera_clock=Level.FULL,
        frame_count=Level.FULL,
        exact_fps=Level.FULL,
    )

    def discover(self) -> Sequence[CameraInfo]:
        """None: any video will do, and none is looked for."""
        return []

    def open(self, serial: str) -> ReplayCamera:
        """Open a video."""
        return ReplayCamera(CameraInfo(self.name, serial, "video"))


class ReplayCamera(PictureCamera):
    """A video that plays the part of a camera.

    Parameters
    ----------
    clock
        Time, and waiting for it.
    """

    features = ("paced", "loop")

    def __init__(self, info: CameraInfo, clock: Clock | None = None) -> None:
        super().__init__(info, clock)
        self._view = _view_of(Path(info.serial))
        self._loops = False
        try:
            self._video = CameraVideo(self._view, color="auto", threads=1)
            self._n_frames = self._video.n_frames
        except VideoError as error:
            raise CameraError(str(error)) from error

    def __str__(self) -> str:
        return f"replay of {self.info.serial}"

    def prepare(self, wanted: CameraSettings, fps: float) -> Format:
        """Choose colour or grey; any rate will do."""
        refuse_others(str(self), wanted, _TAKES)
        video = self._video
        refuse_other_size(str(self), wanted, video.width, video.height)
        layout = choose_layout(str(self), wanted, is_gray=video.is_gray)
        is_gray = layout is PixelLayout.MONO
        if is_gray != video.is_gray:
            video.close()
            self._video = CameraVideo(self._view, color="gray" if is_gray else "rgb", threads=1)
        self._loops = flag(str(self), wanted, "loop", default=False)
        return Format(video.width, video.height, layout, fps)

    def arm(self) -> None:
        """Make it ready: the video begins anew, also one that was over."""
        self._lost = None
        super().arm()

    def picture(self, number: int) -> Image:
        """A frame of the video."""
        if number >= self._n_frames and not self._loops:
            raise CameraLostError(f"{self} is over after {self._n_frames} frames")
        try:
            return self._video.read(number % self._n_frames)
        except VideoError as error:
            raise NotWholeError(str(error)) from error

    def close(self) -> None:
        """Close the files."""
        super().close()
        self._video.close()


def _view_of(path: Path) -> View:
    """The files of a path, in their order."""
    if path.is_file():
        return View(path.name, (VideoFile(path),))
    found = find_cameras(path)[0] if path.is_dir() else []
    if len(found) != 1 or found[0].videos[0].path.parent != path:
        there = "no folder of one camera" if path.is_dir() else "neither"
        raise CameraError(f"a replay needs a video, or the folder of one camera; {path} is {there}")
    return View(found[0].name, found[0].videos)

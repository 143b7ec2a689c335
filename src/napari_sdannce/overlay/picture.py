"""Pictures of all cameras at a moment, with what is known drawn over them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.overlay.colors import ColorBy, animal_colors, bone_colors, keypoint_colors
from napari_sdannce.overlay.drawing import (
    WHITE,
    draw_centres,
    draw_dots,
    draw_lines,
    write_line,
)
from napari_sdannce.overlay.follow import middle_of_animals, steady
from napari_sdannce.overlay.marks import project_inside
from napari_sdannce.overlay.window import Panes, Window, round_point, whole
from napari_sdannce.settings.render import LookSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.predictions.com import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]

FOLLOW_SECONDS = 0.25
"""How slowly a zoomed view follows: standard deviation of its smoothing."""
USUAL_FPS = 50.0


class Overlay:
    """Draws keypoints, bones and centres of mass over the cameras of a recording.

    Parameters
    ----------
    video
        The recording's images.
    marks
        What is drawn: `PoseMarks` or `LabelMarks`.
    com
        Centres of mass, drawn as ringed dots.
    look
        Zoom, size and colours.
    cameras
        Names of those shown, in this order; default: all with a video.

    Raises
    ------
    ValueError
        When a camera is not known or has no video, or when a zoom is asked for and a camera is not
        calibrated.

    Examples
    --------
    >>> with RecordingVideo(recording) as video:  # doctest: +SKIP
    ...     marks = PoseMarks(recording, video.sample_ids, poses)
    ...     image = Overlay(video, marks).picture(100)  # (height, width, 3) uint8
    """

    def __init__(
        self,
        video: RecordingVideo,
        marks: Marks,
        com: ComTrace | None = None,
        look: LookSettings | None = None,
        cameras: Sequence[str] = (),
    ) -> None:
        self.video, self.marks, self.com = video, marks, com
        self.look = look or LookSettings()
        self.views = _views_with_video(video, cameras)
        sizes = [size for view in self.views if (size := video.sizes[view]) is not None]
        self.panes = Panes.for_images(sizes, self.look.columns, self.look.width)
        self._windows = [whole(size, self.panes.size) for size in sizes]
        if self.look.zoom is not None:
            _check_calibrated(video.recording, self.views)

    def picture(self, moment: int) -> Image:
        """Picture (height, width, 3) RGB of one moment."""
        images = self.video.read(moment, self.views)
        return self._drawn(moment, images, self._middles([moment])[0])

    def pictures(self, moments: Sequence[int]) -> Iterator[Image]:
        """Pictures (height, width, 3) RGB of moments in turn, decoded ahead."""
        middles = self._middles(moments)
        frames = self.video.frames(moments, self.views)
        for moment, images, middle in zip(moments, frames, middles, strict=True):
            yield self._drawn(moment, images, middle)

    def _middles(self, moments: Sequence[int]) -> FloatArray:
        """(n, 3) mm that panes have in their middle; NaN without zoom."""
        if self.look.zoom is None:
            return np.full((len(moments), 3), np.nan)
        track = middle_of_animals(self.marks, moments, self.video.sample_ids, self.com)
        return steady(track, FOLLOW_SECONDS * (self.video.fps or USUAL_FPS))

    def _drawn(self, moment: int, images: list[Image | None], middle: FloatArray) -> Image:
        picture = self.panes.empty()
        for place, (pane, image) in enumerate(zip(self.panes.of(picture), images, strict=True)):
            window = self._window(place, middle)
            if image is not None:
                window.fill(pane, image)
            self._mark(pane, moment, self.views[place], window)
            if self.look.caption:
                self._caption(pane, moment, place, missing=image is None)
        return picture

    def _window(self, place: int, middle: FloatArray) -> Window:
        camera = self.video.recording.views[self.views[place]].camera
        if self.look.zoom is None or camera is None:
            return self._windows[place]
        found = round_point(camera, middle, self.look.zoom, self.panes.size)
        return found or self._windows[place]

    def _mark(self, pane: Image, moment: int, view: int, window: Window) -> None:
        drawing = self.marks.draw(moment, view)
        bones = np.array(self.marks.skeleton.bones, dtype=np.int64).reshape(-1, 2)
        lines = window.place(drawing.joints[:, bones]).reshape(-1, 2, 2)
        draw_lines(pane, lines, self._line_colors, max(1.0, 0.45 * self._radius))
        sizes = self._radius * (0.55 + 0.45 * self.marks.certainty(moment).ravel())
        for kind, points in zip(self.marks.kinds, drawing.points, strict=True):
            dots = window.place(points).reshape(-1, 2)
            draw_dots(pane, dots, self._dot_colors, sizes, hollow=kind.hollow)
        if self.com is not None:
            centres = self.com.at(self.video.sample_ids[[moment]]).positions[0]
            camera = self.video.recording.views[view].camera
            places = window.place(project_inside(camera, centres))
            draw_centres(pane, places, animal_colors(range(len(places))), 1.2 * self._radius)

    def _caption(self, pane: Image, moment: int, place: int, *, missing: bool) -> None:
        view = self.views[place]
        frame = self.video.frame_of(moment, view)
        number = "no frame" if frame is None else f"frame {frame}"
        words = [(self.video.recording.names[view], WHITE), (number, (190.0, 190.0, 190.0))]
        if missing and frame is not None:
            words.append(("no image", WHITE))
        height = max(14, round(0.05 * pane.shape[0]))
        write_line(pane, words, (0, 0), height)
        if place == 0 and len(self.marks.animals) > 1 and self._by is ColorBy.ANIMAL:
            write_line(pane, self._legend(), (0, height), height)

    def _legend(self) -> list[tuple[str, tuple[float, ...]]]:
        """Names of the animals, each in its colour."""
        colors = np.rint(animal_colors(self.marks.palette)[:, :3] * 255).tolist()
        return [(n, tuple(c)) for n, c in zip(self.marks.animals, colors, strict=True)]

    @property
    def _radius(self) -> float:
        """Of a keypoint, px of the pane."""
        return max(1.5, min(self.panes.size) / 125)

    @property
    def _by(self) -> ColorBy:
        if self.look.colors is not None:
            return ColorBy(self.look.colors)
        return ColorBy.ANIMAL if len(self.marks.animals) > 1 else ColorBy.KEYPOINT

    @cached_property
    def _line_colors(self) -> FloatArray:
        return bone_colors(self.marks.skeleton, self.marks.palette, self._by).reshape(-1, 4)

    @cached_property
    def _dot_colors(self) -> FloatArray:
        return keypoint_colors(self.marks.skeleton, self.marks.palette, self._by).reshape(-1, 4)


def _views_with_video(video: RecordingVideo, names: Sequence[str]) -> list[int]:
    """Numbers of the cameras that are shown."""
    recording = video.recording
    recording.select(names or recording.names)  # says which camera is not known
    wanted = [recording.names.index(name) for name in names or recording.names]
    without = [recording.names[view] for view in wanted if video.sizes[view] is None]
    if (names and without) or len(without) == len(wanted):
        raise ValueError(
            f"{recording.folder}: no video that can be read for {', '.join(without)}; without one "
            "there is nothing to draw over"
        )
    return [view for view in wanted if video.sizes[view] is not None]


def _check_calibrated(recording: Recording, views: Sequence[int]) -> None:
    missing = [recording.names[view] for view in views if recording.views[view].camera is None]
    if missing:
        raise ValueError(
            f"{recording.folder}: to zoom in on animals takes a calibration, and there is none for "
            f"{', '.join(missing)}"
        )

"""Overlay videos: a stretch of a recording with poses or labels drawn over every camera."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import cv2

from napari_sdannce.files.label_file import open_labels
from napari_sdannce.overlay.marks import LabelMarks, Marks, PoseMarks
from napari_sdannce.overlay.picture import USUAL_FPS, Overlay
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import open_predictions, read_com_trace
from napari_sdannce.predictions.opening import find_poses, read_used_com
from napari_sdannce.settings.events import Event, JobDone, Message, Progress
from napari_sdannce.settings.render import RenderSettings
from napari_sdannce.video import Encoding, RecordingVideo, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.video.pixels import Image

LABELS_FPS = 1.0
"""Labelled moments lie far apart: each is shown for a while."""
SECONDS_BETWEEN = 0.5
FAST = {"preset": "veryfast"}
"""Encoding takes most of the time; drawn lines look the same at half of it."""


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """What is drawn: marks, centres of mass if any, and the file they come from."""

    marks: Marks
    com: ComTrace | None
    path: Path
    fps: float | None = None
    is_sparse: bool = False
    """Moments between those with marks are left out."""


def render(recording: Recording, settings: RenderSettings) -> Generator[Event, None, None]:
    """Write an overlay video.

    Parameters
    ----------
    recording
        Cameras and videos.
    settings
        What is drawn, how, and which moments.

    Yields
    ------
    Event
        Progress in frames; the last one names the video.

    Raises
    ------
    ValueError
        When there is nothing to draw, or nothing to draw over, or the video would replace one of
        the recording's.
    FileNotFoundError, FileFormatError
        As `open_predictions` and `open_labels`.

    Examples
    --------
    >>> settings = RenderSettings(predictions="DANNCE/predict", zoom=400)  # doctest: +SKIP
    >>> for event in render(open_recording("experiment"), settings):  # doctest: +SKIP
    ...     print(event)
    """
    started = time.monotonic()
    with RecordingVideo(recording) as video:
        drawn = _to_draw(recording, video, settings)
        overlay = Overlay(video, drawn.marks, drawn.com, settings, settings.cameras)
        moments = _moments(drawn, video, settings)
        path = _output(recording, drawn, moments, settings)
        fps = settings.fps or drawn.fps or video.fps
        if fps is None:
            yield Message(text=f"the videos do not say how fast they were taken: {USUAL_FPS} fps")
        pictures = overlay.pictures(moments)
        yield from write_pictures(
            pictures,
            len(moments),
            path,
            fps or USUAL_FPS,
            Encoding(quality=settings.quality, options=FAST),
        )
    yield JobDone(seconds=time.monotonic() - started, outputs=(str(path),))


def write_pictures(
    pictures: Iterator[Image], n: int, path: Path, fps: float, encoding: Encoding
) -> Generator[Event, None, None]:
    """Write `n` pictures (height, width, 3) as a video; it appears when it is whole."""
    started, told = time.monotonic(), 0.0
    path.parent.mkdir(parents=True, exist_ok=True)
    first = next(pictures)
    with VideoWriter(path, first.shape[1], first.shape[0], fps, encoding=encoding) as writer:
        for done, picture in enumerate(chain([first], pictures), start=1):
            writer.write(picture)
            now = time.monotonic()
            if now - told > SECONDS_BETWEEN:
                told = now
                left = (now - started) / done * (n - done)
                yield Progress(task="render", done=done, total=n, seconds_left=left)
    yield Progress(task="render", done=n, total=n)


def write_overlay_picture(recording: Recording, predictions: Path, path: Path) -> None:
    """Draw the middle moment of predictions over every camera, and write one picture (.png)."""
    with RecordingVideo(recording) as video:
        drawn = _to_draw(recording, video, RenderSettings(predictions=predictions))
        moments = drawn.marks.moments()
        picture = Overlay(video, drawn.marks, drawn.com).picture(int(moments[len(moments) // 2]))
    cv2.imwrite(str(path), picture[..., ::-1])


def _to_draw(recording: Recording, video: RecordingVideo, settings: RenderSettings) -> Drawn:
    """Open what the settings name, or the only predictions of the recording."""
    sample_ids = video.sample_ids
    com = None if settings.com is None else read_com_trace(settings.com)
    if settings.labels is not None:
        if settings.predictions is not None:
            raise ValueError("predictions and labels are given: one of them can be drawn")
        marks = LabelMarks(recording, sample_ids, open_labels(settings.labels))
        return Drawn(marks, com, settings.labels, LABELS_FPS, is_sparse=True)
    if settings.predictions is None and settings.com is not None and com is not None:
        return Drawn(PoseMarks(recording, sample_ids, _dots(com)), None, settings.com)
    place = find_poses(settings.predictions or _only_predictions(recording))
    poses = open_predictions(place, skeleton=recording.skeleton)
    return Drawn(PoseMarks(recording, sample_ids, poses), com or read_used_com(place), place)


def _only_predictions(recording: Recording) -> Path:
    found = recording.prediction_files
    if len(found) == 1:
        return found[0]
    there = ", ".join(map(str, found)) or "none"
    raise ValueError(
        f"{recording.folder}: say what to draw (predictions, labels or com); predictions found "
        f"in it: {there}"
    )


def _dots(com: ComTrace) -> Poses:
    """Centres of mass as animals of one keypoint."""
    return Poses(
        com.positions[:, :, None], com.confidence[:, :, None], com.sample_ids, com.animals, ("com",)
    )


def _moments(drawn: Drawn, video: RecordingVideo, settings: RenderSettings) -> list[int]:
    """Moments that are shown."""
    there = drawn.marks.moments()
    if not len(there):
        raise ValueError(f"{drawn.path}: there is not one moment in it to draw")
    start = int(there[0]) if settings.start is None else settings.start
    if drawn.is_sparse:
        chosen = [int(moment) for moment in there if moment >= start][: settings.count]
    elif settings.count is None:
        chosen = list(range(start, int(there[-1]) + 1))
    else:
        chosen = list(range(start, min(start + settings.count, video.n_moments)))
    if not chosen:
        raise ValueError(
            f"{drawn.path}: nothing to show from moment {start} on; the recording has "
            f"{video.n_moments} moments, there is something to draw in {there[0]} to {there[-1]}"
        )
    return chosen


def _output(
    recording: Recording, drawn: Drawn, moments: Sequence[int], settings: RenderSettings
) -> Path:
    """Video to write; never one that was recorded."""
    name = f"overlay_{moments[0]}-{moments[-1]}.mp4"
    path = (settings.output or drawn.path.with_name(name)).absolute()
    recorded = {file.path.resolve() for view in recording.views for file in view.videos}
    if path.resolve() in recorded:
        raise ValueError(f"{path} is a video of the recording and is not replaced")
    return path

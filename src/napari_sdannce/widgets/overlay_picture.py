"""Poses drawn over all cameras of one moment, without napari and Qt."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.overlay.colors import ColorBy, bone_colors, keypoint_colors
from napari_sdannce.overlay.marks import PoseMarks

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.overlay.marks import Marks

Image = npt.NDArray[np.uint8]


def write_overlay_picture(recording_folder: Path, predictions: Path, path: Path) -> None:
    """Draw the middle moment of predictions over every camera, and write one picture."""
    from napari_sdannce.files import open_recording
    from napari_sdannce.predictions import open_predictions
    from napari_sdannce.video import RecordingVideo

    recording = open_recording(recording_folder)
    with RecordingVideo(recording) as video:
        marks = PoseMarks(recording, video.sample_ids, open_predictions(predictions))
        moments = marks.moments()
        moment = int(moments[len(moments) // 2])
        images = []
        for view, image in enumerate(video.read(moment)):
            if image is None:
                width, height = video.sizes[view] or (640, 512)
                image = np.zeros((height, width, 3), dtype=np.uint8)
            images.append(draw_over(image, marks, moment, view))
    tiled = tile(images)
    cv2.imwrite(str(path), tiled[..., ::-1])


def draw_over(image: Image, marks: Marks, moment: int, view: int) -> Image:
    """Draw marks over an RGB image; returns a new one."""
    drawn: Any = np.ascontiguousarray(image)
    joints = marks.draw(moment, view).joints
    by = ColorBy.ANIMAL if len(marks.animals) > 1 else ColorBy.KEYPOINT
    lines = bone_colors(marks.skeleton, marks.palette, by) * 255
    dots = keypoint_colors(marks.skeleton, marks.palette, by) * 255
    radius = max(2, image.shape[1] // 200)
    for animal, points in enumerate(joints):
        seen = np.isfinite(points).all(axis=-1)
        for bone, (a, b) in enumerate(marks.skeleton.bones):
            if seen[a] and seen[b]:
                ends = np.rint(points[[a, b]]).astype(int).tolist()
                cv2.line(drawn, ends[0], ends[1], lines[animal, bone, :3].tolist(), 1, cv2.LINE_AA)
        for keypoint in np.flatnonzero(seen):
            centre = np.rint(points[keypoint]).astype(int).tolist()
            color = dots[animal, keypoint, :3].tolist()
            cv2.circle(drawn, centre, radius, color, -1, cv2.LINE_AA)
    return np.asarray(drawn)


def tile(images: list[Image]) -> Image:
    """Put images beside and below one another, each in a cell as large as the largest."""
    columns = ceil(sqrt(len(images)))
    rows = ceil(len(images) / columns)
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    whole = np.zeros((rows * height, columns * width, 3), dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * height, (i % columns) * width
        whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole

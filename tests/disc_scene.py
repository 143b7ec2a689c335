"""A scene of discs: quick to draw, with known truth, and enough for a network to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_sdannce.files import open_recording
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.synthetic import camera_ring
from napari_sdannce.video import Encoding, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry import Camera
    from napari_sdannce.recording import Recording

SIZE = (160, 128)
N_FRAMES = 48
# nose, left, right, tail, mm from the animal's middle; one colour each
BODY = np.array([[30.0, 0, 10], [0, 18, 0], [0, -18, 0], [-35, 0, -5]])
COLOURS = np.array([[230, 40, 40], [40, 220, 40], [60, 60, 240], [230, 210, 30]])
TORSOS = ((250, 250, 250), (10, 10, 10))


@dataclass(frozen=True)
class DiscScene:
    """Folder, recording, and where everything is: keypoints (T, A, 4, 3), com (T, A, 3) mm."""

    folder: Path
    recording: Recording
    keypoints: np.ndarray
    com: np.ndarray

    @property
    def pose_labels(self) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob("pose*_dannce.mat")))

    @property
    def com_labels(self) -> Path:
        return self.folder / "com_dannce.mat"


def write_disc_scene(folder: Path, seed: int = 5) -> DiscScene:
    """Draw two animals that turn and wander, and write videos and label files.

    The cameras are always the same; the seed decides where the animals are.
    """
    cameras = camera_ring(4, image_size=SIZE, radius_mm=500, height_mm=400, seed=3)
    keypoints = _motion(np.random.default_rng(seed))
    for camera in cameras:
        path = folder / "videos" / camera.name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, *SIZE, fps=25, encoding=Encoding(quality=10)) as video:
            for moment in keypoints:
                video.write(_draw(camera, moment))
    sync = Sync.identity(N_FRAMES, len(cameras))
    discs = Skeleton("discs", ("nose", "left", "right", "tail"), ((0, 1), (0, 2), (1, 3), (2, 3)))
    for animal in range(2):
        path = folder / f"pose{animal}_dannce.mat"
        _write(path, cameras, sync, discs, keypoints[:, animal])
    com = keypoints.mean(axis=2)
    _write(folder / "com_dannce.mat", cameras, sync, Skeleton("com", ("white", "black")), com)
    np.savez(folder / "truth.npz", keypoints=keypoints)
    return DiscScene(folder, open_recording(folder), keypoints, com)


def _motion(rng: np.random.Generator) -> np.ndarray:
    """Two animals at random places, apart from one another, heading anywhere."""
    heading = rng.uniform(-np.pi, np.pi, (N_FRAMES, 2))
    c, s = np.cos(heading), np.sin(heading)
    bodies = np.stack(
        [
            c[..., None] * BODY[:, 0] - s[..., None] * BODY[:, 1],
            s[..., None] * BODY[:, 0] + c[..., None] * BODY[:, 1],
            np.broadcast_to(BODY[:, 2], (N_FRAMES, 2, len(BODY))),
        ],
        axis=-1,
    )
    places = rng.uniform(-45, 45, (N_FRAMES, 2, 3)) * (1, 1, 0.3)
    places[:, 0, 0] -= 60
    places[:, 1, 0] += 60
    return bodies + places[:, :, None]


def _draw(camera: Camera, moment: np.ndarray) -> np.ndarray:
    image = np.full((SIZE[1], SIZE[0], 3), 90, dtype=np.uint8)
    for animal, torso in zip(moment, TORSOS, strict=True):
        _disc(image, camera, animal.mean(axis=0), 22, torso)
        depth = camera.to_camera_frame(animal)[:, 2]
        for k in np.argsort(-depth):
            _disc(image, camera, animal[k], 8, COLOURS[k])
    return image


def _disc(
    image: np.ndarray, camera: Camera, place: np.ndarray, radius_mm: float, colour: tuple[int, ...]
) -> None:
    radius = radius_mm * camera.matrix[0, 0] / camera.to_camera_frame(place)[2]
    centre = tuple(int(value) for value in np.round(camera.project(place) * 16))
    plain = tuple(int(value) for value in colour)
    cv2.circle(image, centre, round(radius * 16), plain, -1, cv2.LINE_AA, shift=4)


def _write(
    path: Path, cameras: tuple[Camera, ...], sync: Sync, skeleton: Skeleton, points: np.ndarray
) -> None:
    names = tuple(camera.name for camera in cameras)
    frames = sync.frames.T.copy()
    labels = Labels.empty(names, skeleton, ("animal",), sync.sample_ids, frames)
    labels.points_3d[:] = points[:, None]
    for view, camera in enumerate(cameras):
        labels.points_2d[view] = camera.project(points[:, None])
    labels.states[:] = LabelState.HUMAN
    write_dannce(path, dannce_from_labels(path, labels, cameras, sync))

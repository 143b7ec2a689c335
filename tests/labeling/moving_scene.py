"""Two animals that move as we say: textured discs on a textured floor, seen from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.commands import By
from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.synthetic import camera_ring

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.frame_labels import FrameLabels

SIZE = (640, 512)
N_MOMENTS = 25
SKELETON = Skeleton("turtle", ("head", "left", "right", "middle", "tail"))
KEYPOINTS = np.array([[25.0, 0, 9], [0, 21, 9], [0, -21, 9], [5, 0, 13], [-26, 0, 9]])
ANNA = By(0, 1.5e9)


@dataclass(frozen=True)
class MovingScene:
    """Cameras, keypoints (T, A, K, 3) mm, and one grey image a moment and camera."""

    cameras: tuple[Camera, ...]
    keypoints: np.ndarray
    images: tuple[tuple[np.ndarray, ...], ...]

    def pixels(self, moment: int) -> np.ndarray:
        """(V, A, K, 2) px."""
        return np.stack([camera.project(self.keypoints[moment]) for camera in self.cameras])

    def session(self, sync: Sync | None = None) -> LabelingSession:
        names = tuple(camera.name for camera in self.cameras)
        sync = sync or Sync.identity(len(self.images), len(names))
        subject = Subject(names, self.cameras, SKELETON, ("one", "two"), sync)
        session = LabelingSession(subject, Author(name="anna", session="anna"))
        session.open()
        return session

    def clicks(self, moment: int, views: tuple[int, ...], labels: FrameLabels) -> FrameLabels:
        """Labels with a click on every keypoint in these views."""
        pixels = self.pixels(moment)
        for view, animal, keypoint in np.ndindex(len(views), 2, len(KEYPOINTS)):
            cell = (views[view], animal, keypoint)
            labels = commands.place(labels, *cell, pixels[cell], ANNA)
        return labels


def moving_scene(n_views: int = 4, n_moments: int = N_MOMENTS, seed: int = 1) -> MovingScene:
    """Draw a scene; the animals walk 4 mm and turn 2 degrees from moment to moment."""
    rng = np.random.default_rng(seed)
    cameras = camera_ring(n_views, image_size=SIZE, radius_mm=500, height_mm=500, seed=3)
    floor = _spots(rng, 900, 190.0, 0.0)
    backs = [_spots(rng, 260, 44.0, 8.0) for _ in range(2)]
    turns = np.deg2rad(np.arange(n_moments) * 2)
    keypoints, images = [], []
    for moment, turn in enumerate(turns):
        placed = [
            (
                _placed(KEYPOINTS, animal, turn, moment),
                _placed(backs[animal][0], animal, turn, moment),
            )
            for animal in range(2)
        ]
        keypoints.append([each[0] for each in placed])
        spots = [(floor[0], floor[1]), *((placed[a][1], backs[a][1]) for a in range(2))]
        images.append(tuple(_draw(camera, spots, rng) for camera in cameras))
    return MovingScene(tuple(cameras), np.array(keypoints), tuple(images))


def _spots(
    rng: np.random.Generator, n: int, radius: float, height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 3) mm on a disc, a little domed, and grey values (n,)."""
    away = radius * np.sqrt(rng.uniform(0, 1, n))
    angle = rng.uniform(-np.pi, np.pi, n)
    rise = height * (1 + 0.6 * (1 - (away / radius) ** 2))
    places = np.stack([away * np.cos(angle), away * np.sin(angle), rise], axis=-1)
    return places, rng.uniform(30, 225, n)


def _placed(points: np.ndarray, animal: int, turn: float, moment: int) -> np.ndarray:
    c, s = np.cos(turn), np.sin(turn)
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    sign = 1 - 2 * animal
    return turned + np.array([sign * (4.0 * moment - 50), sign * 70.0, 0.05 * moment**1.5])


def _draw(
    camera: Camera, layers: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> np.ndarray:
    image = np.full(SIZE[::-1], 120, np.uint8)
    for places, grays in layers:
        pixels = np.round(camera.project(places) * 16).astype(int)
        radii = 3.2 * camera.matrix[0, 0] / camera.to_camera_frame(places)[:, 2]
        for (x, y), radius, gray in zip(pixels.tolist(), radii, grays.tolist(), strict=True):
            cv2.circle(image, (x, y), round(radius * 16), gray, -1, cv2.LINE_AA, shift=4)
    noisy = image + rng.normal(0, 2.5, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)

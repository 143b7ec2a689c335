"""A scene with known answers: cameras in a ring, two animals with five keypoints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.synthetic import camera_ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.geometry import Camera

sys.path.insert(0, str(Path(__file__).parent))

SKELETON = Skeleton(
    "fish",
    ("nose", "finL", "finR", "body", "tail"),
    edges=((0, 3), (1, 3), (2, 3), (3, 4)),
    pairs=((1, 2),),
)


@dataclass(frozen=True)
class Scene:
    """Cameras, and where the keypoints are: (A, K, 3) mm and (V, A, K, 2) px."""

    cameras: tuple[Camera, ...]
    points: np.ndarray
    pixels: np.ndarray

    @property
    def subject(self) -> Subject:
        names = tuple(camera.name for camera in self.cameras)
        sync = Sync.identity(20, len(names))
        return Subject(names, self.cameras, SKELETON, ("one", "two"), sync)

    def session(self, name: str = "anna") -> LabelingSession:
        return LabelingSession(self.subject, Author(name=name, session=name))


@pytest.fixture
def scene_of() -> Callable[[int], Scene]:
    """A scene of so many cameras."""

    def make(n_views: int) -> Scene:
        cameras = tuple(camera_ring(n_views, image_size=(1000, 800)))
        points = np.random.default_rng(3).uniform(-60, 60, (2, 5, 3)) + np.array([0, 0, 60])
        pixels = np.stack([camera.project(points) for camera in cameras])
        return Scene(cameras, points, pixels)

    return make


@pytest.fixture
def scene(scene_of: Callable[[int], Scene]) -> Scene:
    return scene_of(5)

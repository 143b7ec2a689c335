"""A small recording of our own: three cameras of different sizes, one of them shorter."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.geometry import Camera
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.poses import Poses
from napari_sdannce.recording import Recording, Sync, VideoFile, View
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.video import Encoding, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"left": (96, 64), "right": (128, 96), "top": (64, 64)}
LENGTHS = {"left": 12, "right": 12, "top": 9}
T = 12
SKELETON = Skeleton(
    "stick",
    ("nose", "neck", "tail"),
    edges=((0, 1), (1, 2)),
    colors=((1.0, 0.2, 0.2, 1.0), (0.2, 0.6, 1.0, 1.0)),
)
ANIMALS = ("anna", "bert")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a display Qt would end the whole process: leave those tests out."""
    if sys.platform != "linux" or os.environ.get("DISPLAY"):
        return
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(pytest.mark.skip(reason="no display: run under xvfb-run"))


@pytest.fixture(scope="session", autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep out of the settings of the person who runs the tests."""
    os.environ["NAPARI_CONFIG"] = str(tmp_path_factory.mktemp("napari") / "settings.yaml")


@pytest.fixture(scope="session", autouse=True)
def _shaders_read_once() -> None:
    """Remember what variables vispy finds in the text of a shader.

    It looks for them again for every layer of every window: a seventh of the time of these tests.
    """
    from vispy.gloo.program import Program

    read = Program._parse_variables_from_code
    known: dict[tuple[str, ...], dict[str, object]] = {}

    def read_once(self: Program, update_variables: bool = True) -> None:
        text = tuple(shader.code for shader in self._shaders)
        if text not in known:
            read(self, update_variables=False)
            known[text] = self._code_variables
        self._code_variables = dict(known[text])
        if update_variables:
            self._process_pending_variables()

    Program._parse_variables_from_code = read_once


def a_camera(name: str, azimuth: float, height: float) -> Camera:
    """A distorted camera that looks at the origin from 500 mm away."""
    centre = np.array([500 * np.cos(azimuth), 500 * np.sin(azimuth), height])
    forward = -centre / np.linalg.norm(centre)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    width, tall = SIZES[name]
    matrix = np.array([[150.0, 0, width / 2 - 3], [0, 150, tall / 2 + 2], [0, 0, 1]])
    return Camera(
        name,
        matrix,
        rotation,
        -rotation @ centre,
        radial=np.array([-0.12, 0.02]),
        tangential=np.array([0.002, -0.001]),
        image_size=(width, tall),
    )


CAMERAS = (a_camera("left", 0.3, 250.0), a_camera("right", 2.2, 300.0), a_camera("top", 4.2, 500.0))


def brightness(camera: int, frame: int) -> int:
    """Every frame is flat; its grey value says which it is."""
    return 20 + 60 * camera + 4 * frame


def positions() -> npt.NDArray[np.float64]:
    """(T, A, K, 3) mm: two sticks that walk; one keypoint is missing, one animal leaves."""
    stick = np.array([[40.0, 0, 20], [0, 0, 25], [-40, 0, 15]])
    found = np.zeros((T, 2, 3, 3))
    for t in range(T):
        for a in range(2):
            found[t, a] = stick + np.array([8 * t - 40, 60 * a - 30 + 3 * t, 0])
    found[3, 0, 2] = np.nan
    found[5, 1] = np.nan
    found[7, 0, :, 0] += 4000
    return found


def stick_labels() -> Labels:
    """Labels of the first animal at the moments 2 and 6: by a person in two views."""
    frames = np.array([2, 6])
    labels = Labels.empty(
        tuple(SIZES), SKELETON, ANIMALS[:1], frames, np.repeat(frames[None], 3, axis=0)
    )
    labels.points_3d[:] = positions()[frames][:, :1]
    for v, camera in enumerate(CAMERAS):
        labels.points_2d[v] = camera.project(labels.points_3d) + (1.5 if v < 2 else 0.0)
    labels.states[:2] = LabelState.HUMAN
    labels.states[2] = LabelState.REPROJECTED
    return labels


def poses_of(animal: int) -> Poses:
    """Poses of one animal alone, under its name."""
    one = slice(animal, animal + 1)
    return Poses(
        positions()[:, one],
        np.ones((T, 1, 3)),
        np.arange(T),
        ANIMALS[one],
        SKELETON.keypoints,
        30.0,
    )


class Small:
    """What is known of the recording, for the tests to compare with."""

    cameras = CAMERAS
    sizes = SIZES
    animals = ANIMALS
    skeleton = SKELETON
    n_moments = T
    brightness = staticmethod(brightness)
    positions = staticmethod(positions)
    labels = staticmethod(stick_labels)
    poses = staticmethod(poses_of)


@pytest.fixture(scope="session")
def small() -> type[Small]:
    """What is known of the recording."""
    return Small


@pytest.fixture(scope="session")
def poses() -> Poses:
    """What would be predicted; sample ids are those of the recording."""
    return Poses(positions(), np.ones((T, 2, 3)), np.arange(T), ANIMALS, SKELETON.keypoints, 30.0)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment folder with videos, calibration and a label file of one animal."""
    root = tmp_path_factory.mktemp("session") / "monday"
    for c, (name, (width, height)) in enumerate(SIZES.items()):
        path = root / "videos" / name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, width, height, 30.0, encoding=Encoding(quality=10)) as video:
            for t in range(LENGTHS[name]):
                video.write(np.full((height, width, 3), brightness(c, t), dtype=np.uint8))
    write_anipose(root / "calibration.toml", CAMERAS)
    path = root / "walk_dannce.mat"
    write_dannce(path, dannce_from_labels(path, stick_labels(), CAMERAS, Sync.identity(T, 3)))
    return root


@pytest.fixture(scope="session")
def recording(folder: Path) -> Recording:
    """The same as the folder, made by hand."""
    views = tuple(
        View(camera.name, (VideoFile(folder / "videos" / camera.name / "0.mp4"),), camera)
        for camera in CAMERAS
    )
    return Recording(folder, views, skeleton=SKELETON)


@dataclass
class Shift:
    """A recording whose cameras started at different times."""

    recording: Recording
    frames: npt.NDArray[np.int64]


@pytest.fixture(scope="session")
def shifted(recording: Recording) -> Shift:
    """Sample ids 100, 110, ...; the camera `right` started three frames late."""
    frames = np.repeat(np.arange(T)[:, None], 3, axis=1)
    frames[:, 1] -= 3
    frames[frames < 0] = -1
    sync = Sync(100 + 10 * np.arange(T), frames)
    return Shift(Recording(recording.folder, recording.views, sync, SKELETON), frames)

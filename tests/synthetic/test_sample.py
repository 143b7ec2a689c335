"""The bundled sample is what it says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import napari_sdannce
from napari_sdannce.files import open_labels
from napari_sdannce.synthetic import two_rats
from napari_sdannce.video import VideoReader

if TYPE_CHECKING:
    from pathlib import Path

N_FRAMES = 200


@pytest.fixture(scope="module")
def sample(checkout: Path) -> Path:
    return checkout / "sample_data" / "two_rats"


@pytest.fixture(scope="module")
def truth(sample: Path) -> dict[str, np.ndarray]:
    with np.load(sample / "truth.npz") as found:
        return dict(found)


def test_sample_is_small(sample: Path) -> None:
    assert sum(path.stat().st_size for path in sample.rglob("*") if path.is_file()) < 4_000_000


def test_truth_is_what_the_scene_makes(truth: dict[str, np.ndarray]) -> None:
    scene = two_rats()
    assert np.allclose(truth["keypoints"], scene.motion.keypoints, atol=0.5)
    assert truth["com"].shape == (N_FRAMES, 2, 3)
    assert truth["visibility"].shape == (6, N_FRAMES, 2, 23)
    assert truth["cameras"].tolist() == [camera.name for camera in scene.cameras]


def test_rats_approach_touch_and_part(truth: dict[str, np.ndarray]) -> None:
    points = truth["keypoints"]
    gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1).min(axis=(1, 2))
    assert gap[0] > 80
    assert gap.min() < 20
    assert gap[-1] > 80
    assert points[:, 0, 0, 2].max() > 100


def test_labels_reproject_onto_themselves(sample: Path, truth: dict[str, np.ndarray]) -> None:
    recording = napari_sdannce.open_recording(sample)
    for a in range(2):
        labels = open_labels(next(sample.glob(f"*_rat{a + 1}_dannce.mat")))
        assert len(labels) == 40
        assert np.allclose(labels.points_3d[:, 0], truth["keypoints"][labels.sample_ids, a])
        for v, camera in enumerate(recording.cameras):
            pixels = camera.project(labels.points_3d)
            assert np.abs(pixels - labels.points_2d[v]).max() < 1e-6


def test_videos_are_whole_and_show_each_rat_in_its_colour(
    sample: Path, truth: dict[str, np.ndarray]
) -> None:
    recording = napari_sdannce.open_recording(sample)
    levels: dict[int, list[float]] = {0: [], 1: []}
    for v, camera in enumerate(recording.cameras):
        with VideoReader(sample / "videos" / camera.name / "0.mp4") as video:
            assert video.n_frames == N_FRAMES
            assert (video.width, video.height) == (640, 512)
            for t in (0, 40):
                image = video.read(t)
                pixels = np.round(camera.project(truth["keypoints"][t])).astype(int)
                for a in (0, 1):
                    # between the shoulders: dark on the hooded rat
                    if truth["visibility"][v, t, a, 3]:
                        x, y = pixels[a, 3]
                        levels[a].append(float(image[y - 1 : y + 2, x - 1 : x + 2].mean()))
    assert min(len(found) for found in levels.values()) > 3
    assert np.median(levels[0]) < 90
    assert np.median(levels[1]) > 150
    assert max(levels[0]) < min(levels[1])

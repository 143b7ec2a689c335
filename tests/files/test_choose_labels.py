"""Label files that may be of COMs or of poses: nothing is taken for what it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.labels import Labels
from napari_sdannce.settings import ExperimentSettings
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.training import open_experiment

if TYPE_CHECKING:
    from pathlib import Path


def unnamed_points(scene: Any, path: Path, count: int) -> np.ndarray:
    """Label file of so many points without names beside the videos of a scene; the points."""
    recording = scene.recording
    points = np.random.default_rng(count).uniform(-40, 40, (6, count, 3))
    ids = np.arange(6)
    frames = np.tile(ids, (len(recording.names), 1))
    skeleton = Skeleton("any", tuple(f"p{i}" for i in range(count)))
    labels = Labels.empty(recording.names, skeleton, ("animal",), ids, frames)
    labels.points_3d[:] = points[:, None]
    file = dannce_from_labels(path, labels, recording.cameras, None)
    unnamed = {name: value for name, value in file.variables.items() if name != "skeleton"}
    write_dannce(path, replace(file, variables=unnamed))
    return points


@pytest.mark.parametrize("count", [4, 5])
def test_coms_of_many_animals(disc_scene: Any, tmp_path: Path, count: int) -> None:
    (tmp_path / "videos").symlink_to(disc_scene.folder / "videos")
    points = unnamed_points(disc_scene, tmp_path / "rats_COM_dannce.mat", count)
    opened = open_experiment(ExperimentSettings(folder=tmp_path), "com")
    assert len(opened.labels.animals) == count
    np.testing.assert_allclose(opened.coms, points, atol=1e-6)


@pytest.mark.parametrize("count", [4, 5])
def test_points_that_may_be_animals_or_keypoints(
    disc_scene: Any, tmp_path: Path, count: int
) -> None:
    (tmp_path / "videos").symlink_to(disc_scene.folder / "videos")
    points = unnamed_points(disc_scene, tmp_path / "comet_dannce.mat", count)
    with pytest.raises(ValueError, match=f"comet_dannce.mat has {count} points without names"):
        open_experiment(ExperimentSettings(folder=tmp_path), "com")
    as_animals = open_experiment(ExperimentSettings(folder=tmp_path, skeleton="com"), "com")
    np.testing.assert_allclose(as_animals.coms, points, atol=1e-6)
    # what trains keypoints has keypoints
    pose = open_experiment(ExperimentSettings(folder=tmp_path), "dannce")
    assert pose.labels.points_3d.shape == (6, 1, count, 3)

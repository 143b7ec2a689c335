"""Options of prediction that the reference program has, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.cli.describe import describe
from napari_sdannce.files import open_labels
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.inference import predict_dannce
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder, ReplacedView
from napari_sdannce.models import CheckpointInfo, DannceConfig, build_network, save_checkpoint
from napari_sdannce.models.reliability import Reliability
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import ComTrace, PoseStore
from napari_sdannce.settings import DanncePredictSettings, VolumeSettings
from napari_sdannce.settings.events import Message

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import Recording

VOLUME = VolumeSettings(voxels=8, size_mm=120)
NETWORK = DannceConfig(n_views=4, n_keypoints=4, width=2)


@pytest.fixture
def predict(disc_scene, tmp_path: Path):
    """Poses of the scene into a folder of this name."""
    info = CheckpointInfo(network=NETWORK, volume=VOLUME, keypoints=tuple("abcd"))
    weights = save_checkpoint(tmp_path / "weights", build_network(NETWORK, 0), info)
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))

    def predict(name: str, recording: Recording | None = None, **more: Any) -> PoseStore:
        settings = DanncePredictSettings(
            checkpoint=weights, output=tmp_path / name, device="cpu", **more
        )
        list(predict_dannce(recording or disc_scene.recording, settings, trace))
        return PoseStore.open(tmp_path / name / "poses.zarr")

    return predict


def test_only_labelled_moments(disc_scene, predict, tmp_path: Path) -> None:
    recording = disc_scene.recording
    files = []
    for name, rows in (("a_dannce.mat", [30, 3, 40]), ("b_dannce.mat", [3, 5, 20])):
        labels = open_labels(disc_scene.pose_labels[0]).select_frames(sorted(rows))
        labels.points_2d[:, -1] = np.nan  # the last one is in the file, but not labelled
        labels.points_3d[-1] = np.nan
        labels.states[:, -1] = 0
        cameras, sync = recording.cameras, recording.sync
        write_dannce(tmp_path / name, dannce_from_labels(tmp_path / name, labels, cameras, sync))
        files.append(tmp_path / name)
    labelled = replace(recording, label_files=tuple(files))
    every = predict("all", count=40).poses()
    store = predict("some", labelled, labelled_only=True, start=1, chunk=2)
    assert store.sample_ids().tolist() == [3, 5, 30]
    np.testing.assert_array_equal(store.poses().positions, every.positions[[3, 5, 30]])
    with pytest.raises(ValueError, match=r"none of the 2 moments to predict is labelled \(a_d"):
        predict("none", labelled, labelled_only=True, start=1, count=2)
    with pytest.raises(ValueError, match="there is no label file"):
        predict("none", replace(recording, label_files=()), labelled_only=True)


def test_a_confidence_that_is_no_probability_is_told(disc_scene, tmp_path: Path) -> None:
    curve = Reliability(spread_mm=(1.0, 9.0), probability=(0.9, 0.1), n_points=60)
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    kinds = {"peak": None, "probability": curve}
    for kind, reliability in kinds.items():
        info = CheckpointInfo(network=NETWORK, volume=VOLUME, reliability=reliability)
        weights = save_checkpoint(tmp_path / kind, build_network(NETWORK, 0), info)
        settings = DanncePredictSettings(
            checkpoint=weights, output=tmp_path / f"{kind} out", device="cpu", count=2
        )
        events = list(predict_dannce(disc_scene.recording, settings, trace))
        warned = [e.text for e in events if isinstance(e, Message) and e.level == "warning"]
        assert any("no probability" in text for text in warned) == (kind == "peak")
        store = PoseStore.open(tmp_path / f"{kind} out" / "poses.zarr")
        assert store.job.confidence == store.poses().confidence_kind == kind
        assert f"({kind})" in "\n".join(describe(store.path))
        older = replace(store, job=store.job.model_copy(update={"confidence": None}))
        assert older.confidence_kind == kind
        assert Poses.from_xarray(store.poses().to_xarray()).confidence_kind == kind


def test_another_camera_is_shown(disc_scene) -> None:
    finder = PoseFinder(build_network(NETWORK, 0), disc_scene.recording.cameras, VOLUME)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (128, 160, 3), dtype=np.uint8) for _ in range(4)]
    as_is, shown = (
        finder.fill([MomentInput(images, disc_scene.com[0], replaced)]).volumes
        for replaced in (None, (1, 3))
    )
    for slot, camera in enumerate((0, 3, 2, 3)):
        ours, theirs = slice(3 * slot, 3 * slot + 3), slice(3 * camera, 3 * camera + 3)
        np.testing.assert_array_equal(shown[:, ours], as_is[:, theirs])


def test_which_camera_is_shown_is_drawn() -> None:
    drawn = [ReplacedView(2, 5, seed=1).at(moment) for moment in range(1000)]
    assert {view for view, _ in drawn} == {2}
    counts = np.bincount([other for _, other in drawn], minlength=5)
    assert counts[2] == 0
    assert (np.delete(counts, 2) > 180).all()
    assert drawn == [ReplacedView(2, 5, seed=1).at(moment) for moment in range(1000)]
    assert drawn != [ReplacedView(2, 5, seed=2).at(moment) for moment in range(1000)]


def test_a_replaced_camera_makes_another_job(disc_scene, predict) -> None:
    name = disc_scene.recording.names[1]
    as_is = predict("a", count=6).poses()
    shown = predict("b", count=6, replace_view=name).poses()
    assert (np.abs(shown.positions - as_is.positions).max(axis=(1, 2, 3)) > 0).all()
    # whatever the chunks and the first moment, the same cameras are drawn
    later = predict("c", start=2, count=4, replace_view=name, chunk=3).poses()
    np.testing.assert_array_equal(later.positions[:3], shown.positions[2:5])
    with pytest.raises(ValueError, match=r"made for another job.*replaced"):
        predict("a", count=6, replace_view=name)
    with pytest.raises(ValueError, match=r"settings\.replaced\.seed is 0 there, 1 here"):
        predict("b", count=6, replace_view=name, seed=1)
    with pytest.raises(ValueError, match="no camera 'Nine'"):
        predict("d", count=6, replace_view="Nine")

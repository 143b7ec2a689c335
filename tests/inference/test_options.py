"""Options of prediction that the reference program has, too."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_sdannce.cli.describe import describe
from napari_sdannce.files import open_labels
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder, ReplacedView
from napari_sdannce.models import (
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    build_network,
    save_checkpoint,
)
from napari_sdannce.models.poses import find_poses
from napari_sdannce.models.reliability import Curve, Reliability
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import ComTrace, PoseStore, read_com_trace
from napari_sdannce.predictions.job import OtherJobError
from napari_sdannce.recording import Sync
from napari_sdannce.settings import (
    ComImageSettings,
    ComPredictSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    VolumeSettings,
)
from napari_sdannce.settings.events import Message
from napari_sdannce.training import open_experiment
from napari_sdannce.training.dannce_examples import read_examples
from napari_sdannce.training.volume_maker import VolumeMaker

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
    with pytest.raises(ValueError, match=r"none of the 2 frames to predict is labelled \(a_d"):
        predict("none", labelled, labelled_only=True, start=1, count=2)
    with pytest.raises(ValueError, match="there is no label file"):
        predict("none", replace(recording, label_files=()), labelled_only=True)


def test_only_labelled_moments_have_centres(disc_scene, tmp_path: Path) -> None:
    network = ComConfig(n_animals=2, width=2)
    info = CheckpointInfo(network=network, image=ComImageSettings(downsample=4))
    weights = save_checkpoint(tmp_path / "weights", build_network(network, 0), info)
    recording = disc_scene.recording
    labels = open_labels(disc_scene.com_labels).select_frames([3, 5, 30])
    file = tmp_path / "some_dannce.mat"
    write_dannce(file, dannce_from_labels(file, labels, recording.cameras, recording.sync))
    recording = replace(recording, label_files=(file,))
    values = {"checkpoint": weights, "device": "cpu", "chunk": 2, "min_peak": -9}
    found = []
    for name, more in (("some", {"labelled_only": True, "start": 4}), ("all", {"count": 31})):
        settings = ComPredictSettings.model_validate({**values, **more, "output": tmp_path / name})
        list(predict_com(recording, settings))
        found.append(read_com_trace(tmp_path / name))
    assert found[0].sample_ids.tolist() == [5, 30]
    np.testing.assert_array_equal(found[0].positions, found[1].positions[[5, 30]])


def test_a_network_of_brightness_is_shown_brightness(disc_scene, tmp_path: Path) -> None:
    """What it is shown in prediction is what it would be shown in training (defect D27)."""
    network = build_network(NETWORK.model_copy(update={"channels_per_view": 1}), 0)
    info = CheckpointInfo(network=network.config, volume=VOLUME, keypoints=tuple("abcd"))
    settings = DanncePredictSettings(
        checkpoint=save_checkpoint(tmp_path / "mono", network, info),
        output=tmp_path / "out",
        device="cpu",
        count=4,
    )
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    list(predict_dannce(disc_scene.recording, settings, trace))
    found = PoseStore.open(tmp_path / "out" / "poses.zarr").poses().positions
    training = DannceTrainSettings(volume=VOLUME, mono=True, com_jitter_mm=0)
    maker = VolumeMaker(training, torch.device("cpu"), ())
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    for example in islice(read_examples(experiment, training), 8):
        assert example is not None
        volume = maker.plain(example).volume
        assert len(volume) == 4  # one channel a camera
        centre = torch.from_numpy(example.com).float()[None]
        with torch.inference_mode():
            pose = find_poses(network.eval(), volume[None], VOLUME.voxel_mm, centre)
        expected = pose.positions[0].numpy() + example.com
        apart = np.abs(found[example.moment[1]] - expected).max(axis=(1, 2))
        assert apart.min() < 1e-3


def test_a_confidence_that_is_no_probability_is_told(disc_scene, tmp_path: Path) -> None:
    curve = Curve(spread_mm=(1.0, 9.0), probability=(0.9, 0.1))
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    kinds = {
        "peak": None,
        "probability": Reliability(curves=(curve,) * NETWORK.n_keypoints, n_points=60),
    }
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


def test_another_cube_than_in_training_is_told(disc_scene, tmp_path: Path) -> None:
    info = CheckpointInfo(network=NETWORK, volume=VOLUME, keypoints=tuple("abcd"))
    weights = save_checkpoint(tmp_path / "weights", build_network(NETWORK, 0), info)
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    for size_mm, is_told in ((VOLUME.size_mm, False), (VOLUME.size_mm / 2, True)):
        settings = DanncePredictSettings(
            checkpoint=weights, output=tmp_path / f"{size_mm}", device="cpu", count=2,
            volume={"size_mm": size_mm},
        )  # fmt: skip
        events = list(predict_dannce(disc_scene.recording, settings, trace))
        said = [each.text for each in events if isinstance(each, Message)]
        assert any("the network learned with a cube of" in text for text in said) == is_told


def test_a_limit_that_leaves_no_position_is_told(predict) -> None:
    with pytest.raises(ValueError, match="no position within 'com_limit_mm' at any of the 4"):
        predict("near", count=4, com_limit_mm=1e-3)


@pytest.mark.parametrize("other", ["calibration", "sync"])
def test_a_store_is_of_one_calibration_and_sync(disc_scene, predict, other: str) -> None:
    predict("out", count=4)
    predict("out", count=4)
    recording = disc_scene.recording
    if other == "calibration":
        first, *others = recording.cameras
        moved = replace(first, translation=first.translation + 40)
        recording = recording.calibrated([moved, *others])
    else:
        ids = np.arange(48)
        frames = np.tile(np.minimum(ids + 1, 47)[:, None], (1, 4))
        recording = replace(recording, sync=Sync(ids, frames))
    with pytest.raises(OtherJobError, match=f"was made for another job: .* another {other}"):
        predict("out", recording, count=4)


def test_a_recording_that_ends_early_is_told(disc_scene, tmp_path: Path) -> None:
    info = CheckpointInfo(network=NETWORK, volume=VOLUME)
    settings = DanncePredictSettings(
        checkpoint=save_checkpoint(tmp_path / "net", build_network(NETWORK, 0), info),
        output=tmp_path / "out",
        device="cpu",
        start=46,
        count=9,
    )
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    events = list(predict_dannce(disc_scene.recording, settings, trace))
    told = "9 frames from 46 on are asked for; the recording ends after 2"
    assert any(isinstance(event, Message) and event.text == told for event in events)


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
    # a number counts the cameras from 1
    second = predict("e", count=6, replace_view="2").poses()
    np.testing.assert_array_equal(second.positions, shown.positions)
    for wrong in ("Nine", "0", "5"):
        with pytest.raises(ValueError, match=f"no camera '{wrong}'"):
            predict("d", count=6, replace_view=wrong)

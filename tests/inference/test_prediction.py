"""From training to files, on a scene that small networks can learn."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_sdannce.files.com_mat import read_com
from napari_sdannce.files.pose_mat import read_poses
from napari_sdannce.inference import open_to_predict, predict_com, predict_dannce
from napari_sdannce.inference.common import completed, that_fit
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder, stand_ins
from napari_sdannce.models import (
    CheckpointError,
    CheckpointInfo,
    DannceConfig,
    build_network,
    load_checkpoint,
    save_checkpoint,
)
from napari_sdannce.models.reliability import calibration_error
from napari_sdannce.models.volume_samplers import SAMPLERS, by_torch
from napari_sdannce.predictions import ComStore, ComTrace, Job, PoseStore, Reason, read_com_trace
from napari_sdannce.predictions.find_com import find_com
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    VolumeSettings,
)
from napari_sdannce.settings.base import ExperimentSettings
from napari_sdannce.settings.events import JobDone, Message, Progress
from napari_sdannce.training import train_com, train_dannce
from napari_sdannce.training.experiments import open_experiment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.models.volume_samplers import Sampler
    from napari_sdannce.settings.events import Event

VOLUME = {"voxels": 16, "size_mm": 120}


@dataclass(frozen=True)
class Learned:
    com: Path
    dannce: Path
    held_out: np.ndarray


@pytest.fixture(scope="module")
def learned(disc_scene, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Networks trained for a few seconds, with eight frames held out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("learned")
    common = {
        "experiments": [{"folder": disc_scene.folder}],
        "learning_rate": 3e-3,
        "validation_frames": 8,
        "validate_every": 100,
        "device": "cpu",
    }
    com = ComTrainSettings(
        output=out / "com", width=8, steps=100, image={"downsample": 2}, sigma_px=8, **common
    )
    dannce = DannceTrainSettings(
        output=out / "dannce",
        width=8,
        steps=200,
        volume=VOLUME,
        com_jitter_mm=8,
        views="all",
        **common,
    )
    for job in (train_com(com), train_dannce(dannce)):
        for _ in job:
            pass
    torch.set_num_threads(threads)
    from napari_sdannce.training.splits import stratified_split

    held_out = stratified_split([len(disc_scene.com)], 8).validation
    best = "checkpoints/best.safetensors"
    return Learned(out / "com" / best, out / "dannce" / best, held_out)


def run(events: Iterable[Event]) -> list[Event]:
    return list(events)


def test_confidence_is_how_often_keypoints_are_right(disc_scene, tmp_path: Path) -> None:
    hasty = DannceTrainSettings(
        experiments=[{"folder": disc_scene.folder}], output=tmp_path / "run", width=4, steps=140,
        learning_rate=3e-3, validation_frames=12, volume=VOLUME, com_jitter_mm=8, views="all",
        validate_every=100, device="cpu",
    )  # fmt: skip
    run(train_dannce(hasty))
    checkpoint = tmp_path / "run/checkpoints/last.safetensors"
    draw = sys.modules[type(disc_scene).__module__].write_disc_scene
    sure, away, spread = (np.concatenate(each) for each in zip(
        *(unseen(checkpoint, draw(tmp_path / str(seed), seed=seed)) for seed in (77, 78, 79, 80)),
        strict=True,
    ))  # fmt: skip
    right = away < 5
    assert len(right) > 1500
    assert 0.1 < right.mean() < 0.95
    assert calibration_error(sure, right, n_bins=10) <= 0.05
    # the covariance is no less sure where it is wrong
    assert np.corrcoef(spread, away)[0, 1] > 0.3


def unseen(checkpoint: Path, scene: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, error and spread (n,), mm, of keypoints the network did not learn from."""
    settings = DanncePredictSettings(checkpoint=checkpoint, output=scene.folder / "out")
    com = ComTrace(scene.com, np.ones(scene.com.shape[:2]), np.arange(len(scene.com)))
    run(predict_dannce(scene.recording, settings, com))
    store = PoseStore.open(scene.folder / "out" / "poses.zarr")
    assert store.confidence_kind == store.poses().confidence_kind == "probability"
    found = store.read()
    assert found.covariance is not None
    spread = np.sqrt(found.covariance[..., [0, 3, 5]].sum(axis=-1))
    away = distances(found.positions, scene.keypoints)
    return found.confidence.ravel(), away.ravel(), spread.ravel()


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


@pytest.fixture(scope="module")
def predicted(disc_scene, learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COMs and poses of the whole recording, chunks of 20."""
    out = tmp_path_factory.mktemp("predicted")
    common = {"device": "cpu", "chunk": 20, "batch_size": 5}
    run(
        predict_com(
            disc_scene.recording,
            ComPredictSettings(checkpoint=learned.com, output=out / "com", **common),
        )
    )
    run(
        predict_dannce(
            disc_scene.recording,
            DanncePredictSettings(
                checkpoint=learned.dannce, output=out / "pose", com=out / "com", **common
            ),
        )
    )
    return out


def test_coms_are_found_and_told_apart(disc_scene, learned: Learned, predicted: Path) -> None:
    trace = read_com_trace(predicted / "com")
    error = distances(trace.positions, disc_scene.com)[learned.held_out]
    swapped = distances(trace.positions, disc_scene.com[:, ::-1])[learned.held_out]
    assert np.nanmedian(error) < 8
    assert np.nanmedian(swapped) > 60
    assert np.isfinite(error).mean() > 0.8


def test_poses_beat_the_constant_pose(disc_scene, learned: Learned, predicted: Path) -> None:
    poses = PoseStore.open(predicted / "pose/poses.zarr").poses()
    truth = disc_scene.keypoints
    error = distances(poses.positions, truth)[learned.held_out]
    train = np.setdiff1d(np.arange(len(truth)), learned.held_out)
    mean = (truth - disc_scene.com[:, :, None])[train].mean(axis=(0, 1))
    constant = distances(disc_scene.com[:, :, None] + mean, truth)[learned.held_out]
    assert np.nanmean(error) < 0.75 * constant.mean()
    assert poses.keypoints == ("nose", "left", "right", "tail")
    assert ((poses.confidence > 0) & (poses.confidence <= 1)).mean() > 0.8


def test_files_of_the_reference_program(disc_scene, predicted: Path) -> None:
    store = ComStore.open(predicted / "com/com.zarr")
    both = read_com(predicted / "com/com3d.mat")
    np.testing.assert_array_equal(both.positions, store.trace().positions)
    for animal in range(2):
        one = read_com(predicted / f"com/instance{animal}com3d.mat")
        np.testing.assert_array_equal(one.positions[:, 0], both.positions[:, animal])
    peaks = store.read()
    assert peaks.peaks.shape == (48, 4, 2, 2)
    assert np.isfinite(peaks.peaks).all()

    pose_store = PoseStore.open(predicted / "pose/poses.zarr")
    poses = read_poses(predicted / "pose/save_data_AVG0.mat")
    np.testing.assert_allclose(poses.positions, pose_store.poses().positions)
    np.testing.assert_allclose(poses.confidence, pose_store.read().heatmap_max)
    used = read_com(predicted / "pose/com3d_used.mat")
    np.testing.assert_array_equal(used.positions, both.positions)


def test_mat_files_are_written_where_wanted(disc_scene, learned: Learned, tmp_path: Path) -> None:
    settings = ComPredictSettings(
        checkpoint=learned.com, output=tmp_path, count=4, device="cpu", mat_files=False
    )
    run(predict_com(disc_scene.recording, settings))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["com.zarr", "com_review.csv"]
    wanted = settings.model_copy(update={"mat_files": True})
    events = run(predict_com(disc_scene.recording, wanted))
    names = ["com3d0.mat", "instance0com3d0.mat", "instance1com3d0.mat", "com_review.csv"]
    assert isinstance(events[-1], JobDone)
    assert events[-1].outputs == tuple(str(tmp_path / name) for name in ("com.zarr", *names))
    assert read_com(tmp_path / "com3d0.mat").positions.shape == (4, 2, 3)


def test_a_mat_file_beyond_the_format_is_named(tmp_path: Path) -> None:
    many = Job(animals=("one",), keypoints=tuple(map(str, range(2000))))
    store = PoseStore.create(tmp_path / "poses.zarr", np.arange(50_000), many)
    (warning,) = that_fit(store.twins(), store.path)
    assert warning.level == "warning"
    assert "save_data_AVG0.mat is not written" in warning.text
    assert "poses.zarr holds everything" in warning.text


def test_batches_do_not_matter(
    disc_scene, learned: Learned, predicted: Path, tmp_path: Path
) -> None:
    com = ComPredictSettings(
        checkpoint=learned.com, output=tmp_path / "com", batch_size=1, chunk=7, device="cpu"
    )
    run(predict_com(disc_scene.recording, com))
    together = read_com_trace(predicted / "com").positions
    np.testing.assert_allclose(read_com_trace(tmp_path / "com").positions, together, atol=1e-2)
    pose = DanncePredictSettings(
        checkpoint=learned.dannce,
        output=tmp_path / "pose",
        com=predicted / "com",
        batch_size=1,
        chunk=7,
        device="cpu",
    )
    run(predict_dannce(disc_scene.recording, pose))
    one = PoseStore.open(tmp_path / "pose/poses.zarr").poses()
    many = PoseStore.open(predicted / "pose/poses.zarr").poses()
    np.testing.assert_allclose(one.positions, many.positions, atol=1e-3)
    np.testing.assert_allclose(one.confidence, many.confidence, atol=1e-4)


def test_a_stopped_job_goes_on(
    disc_scene, learned: Learned, predicted: Path, tmp_path: Path
) -> None:
    settings = DanncePredictSettings(
        checkpoint=learned.dannce,
        output=tmp_path / "pose",
        com=predicted / "com",
        batch_size=5,
        chunk=20,
        device="cpu",
    )
    job = predict_dannce(disc_scene.recording, settings)
    done = 0
    for event in job:
        if isinstance(event, Progress):
            done = event.done
        if done > 30:
            break
    job.close()
    half = PoseStore.open(tmp_path / "pose/poses.zarr")
    assert half.missing_chunks() == (range(20, 40), range(40, 48))
    events = run(predict_dannce(disc_scene.recording, settings))
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total == 28
    whole = PoseStore.open(predicted / "pose/poses.zarr").read()
    again = PoseStore.open(tmp_path / "pose/poses.zarr").read()
    np.testing.assert_array_equal(again.positions, whole.positions)
    # a third run has nothing to do and says so
    assert not [
        e for e in run(predict_dannce(disc_scene.recording, settings)) if isinstance(e, Progress)
    ]


def test_another_job_does_not_overwrite(disc_scene, learned: Learned, predicted: Path) -> None:
    settings = ComPredictSettings(
        checkpoint=learned.com, output=predicted / "com", subpixel=False, device="cpu"
    )
    with pytest.raises(ValueError, match=r"made for another job.*subpixel"):
        run(predict_com(disc_scene.recording, settings))


def test_results_of_others_are_not_overwritten(
    disc_scene, learned: Learned, tmp_path: Path
) -> None:
    com = ComPredictSettings(checkpoint=learned.com, output=tmp_path, count=2, device="cpu")
    pose = DanncePredictSettings(checkpoint=learned.dannce, output=tmp_path, count=2, device="cpu")
    trace = ComTrace(disc_scene.com[:2], np.ones((2, 2)), np.arange(2))
    for name, predict in (
        ("com3d.mat", lambda: predict_com(disc_scene.recording, com)),
        ("save_data_AVG0.mat", lambda: predict_dannce(disc_scene.recording, pose, trace)),
    ):
        (tmp_path / name).write_bytes(b"of another program")
        with pytest.raises(FileExistsError, match=rf"{name} is there.*choose another folder"):
            run(predict())
        assert (tmp_path / name).read_bytes() == b"of another program"
        (tmp_path / name).unlink()
    # both in one folder do not disturb one another, in any order
    run(predict_dannce(disc_scene.recording, pose, trace))
    run(predict_com(disc_scene.recording, com))
    (tmp_path / "file").write_bytes(b"")
    inside = com.model_copy(update={"output": tmp_path / "file"})
    with pytest.raises(NotADirectoryError, match="file is a file, expected a folder"):
        run(predict_com(disc_scene.recording, inside))


def test_results_are_registered_in_the_project(
    disc_scene, learned: Learned, tmp_path: Path
) -> None:
    recording = replace(disc_scene.recording, folder=tmp_path)
    com = ComPredictSettings(
        checkpoint=learned.com, output=tmp_path / "COM/predict", count=2, device="cpu"
    )
    pose = DanncePredictSettings(
        checkpoint=learned.dannce, output=tmp_path / "out", count=2, device="cpu"
    )
    run(predict_com(recording, com))
    assert [path.name for path in tmp_path.iterdir()] == ["COM"]
    (tmp_path / "sdannce.yaml").write_text("# ours\nfps: 25\n")
    run(predict_com(recording, com))
    run(predict_dannce(recording, pose))
    text = (tmp_path / "sdannce.yaml").read_text()
    assert text == (
        "# ours\nfps: 25\ncom:\n- COM/predict/com.zarr\npredictions:\n- out/poses.zarr\n"
    )


def test_a_registered_trace_is_found(disc_scene, predicted: Path, tmp_path: Path) -> None:
    recording = replace(disc_scene.recording, folder=tmp_path / "exp", com_files=())
    with pytest.raises(ValueError, match="no COM trace; predict it first"):
        find_com(recording)
    one, other = predicted / "com" / "com.zarr", tmp_path / "exp" / "x" / "com3d.mat"
    assert find_com(replace(recording, com_files=(one,))) == one
    with pytest.raises(ValueError, match=r"several COM files \(.*com.zarr, x/com3d.mat\); choose"):
        find_com(replace(recording, com_files=(one, other)))


def test_moments_without_com_stay_with_their_reason(
    disc_scene, learned: Learned, tmp_path: Path
) -> None:
    coms = disc_scene.com.copy()
    coms[3] = np.nan
    coms[5, 1] = np.nan
    trace = ComTrace(coms[:8], np.ones((8, 2)), np.arange(8))
    settings = DanncePredictSettings(
        checkpoint=learned.dannce, output=tmp_path, start=2, count=10, com_gap=0, device="cpu"
    )
    events = run(predict_dannce(disc_scene.recording, settings, trace))
    store = PoseStore.open(tmp_path / "poses.zarr")
    found = store.read()
    assert store.sample_ids().tolist() == list(range(2, 12))
    expected = np.zeros((10, 2), dtype=int)
    expected[1] = expected[3, 1] = expected[6:] = Reason.NO_COM
    np.testing.assert_array_equal(found.reasons, expected)
    np.testing.assert_array_equal(np.isnan(found.positions).all(axis=(-1, -2)), expected > 0)
    assert (tmp_path / "save_data_AVG2.mat").is_file()
    said = [event.text for event in events if isinstance(event, Message)]
    assert any("missing: 11 no com" in text for text in said)
    assert "the COM trace has no position at 5 of 10 frames; they get no pose" in said
    assert isinstance(events[-1], JobDone)


def test_unreadable_cameras(disc_scene, learned: Learned, tmp_path: Path) -> None:
    folder = tmp_path / "experiment"
    shutil.copytree(disc_scene.folder, folder)
    names = disc_scene.recording.names
    (folder / "videos" / names[1] / "0.mp4").write_bytes(b"no video")
    settings = DanncePredictSettings(
        experiment=folder, checkpoint=learned.dannce, output=tmp_path / "a", count=4, device="cpu"
    )
    trace = ComTrace(disc_scene.com[:4], np.ones((4, 2)), np.arange(4))
    events = run(predict_dannce(open_to_predict(settings), settings, trace))
    assert any(
        isinstance(event, Message) and event.level == "warning" and names[1] in event.text
        for event in events
    )
    found = PoseStore.open(tmp_path / "a/poses.zarr").read()
    assert np.isfinite(found.positions).all()
    for name in names[2:]:
        (folder / "videos" / name / "0.mp4").write_bytes(b"no video")
    settings = settings.model_copy(update={"output": tmp_path / "b"})
    run(predict_dannce(open_to_predict(settings), settings, trace))
    found = PoseStore.open(tmp_path / "b/poses.zarr").read()
    assert (found.reasons == Reason.UNREADABLE_FRAME).all()


def test_a_calibration_of_other_images_is_refused_before_the_work(
    disc_scene, learned: Learned, tmp_path: Path
) -> None:
    recording = disc_scene.recording
    views = tuple(
        replace(view, camera=replace(view.camera, image_size=(320, 200)))
        for view in recording.views
    )
    odd = replace(recording, views=views)
    predicting = predict_com(
        odd, ComPredictSettings(checkpoint=learned.com, output=tmp_path / "o", count=2)
    )
    labels = open_experiment(ExperimentSettings(folder=disc_scene.folder), "com")
    training = train_com(
        ComTrainSettings(output=tmp_path / "t", width=4, steps=1, device="cpu"),
        [replace(labels, recording=odd)],
    )
    for events in (predicting, training):
        with pytest.raises(ValueError, match="is for images of 320 x 200 px"):
            next(event for event in events if isinstance(event, Progress))


def test_which_camera_stands_in() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    assert stand_ins([image] * 3) == [0, 1, 2]
    assert stand_ins([image, None, image, None]) == [0, 2, 2, 0]
    assert stand_ins([image, None, None, None]) is None
    assert stand_ins([image, None]) is None
    assert stand_ins([image]) == [0]
    assert stand_ins([None]) is None


def test_volumes_are_centred_and_views_in_order(disc_scene) -> None:
    network = build_network(DannceConfig(n_views=4, n_keypoints=4, width=2), 0)
    finder = PoseFinder(
        network, disc_scene.recording.cameras, DannceTrainSettings(volume=VOLUME).volume
    )
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.volumes import fill_volumes

    with RecordingVideo(disc_scene.recording) as video:
        images = video.read(4)
    given = finder.fill([MomentInput(images, disc_scene.com[4])])
    expected = fill_volumes(
        images, disc_scene.recording.cameras, disc_scene.com[4], size=120, voxels=16
    )
    np.testing.assert_array_equal(given.volumes.movedim(1, -1), expected)
    assert given.filled.tolist() == [[True, True]]


def test_torch_fills_the_same_volumes(
    disc_scene, learned: Learned, predicted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What CUDA uses, forced upon the CPU."""
    used = []

    def spied(*given: object) -> Sampler:
        used.append(given[2])
        return by_torch(*given)

    monkeypatch.setitem(SAMPLERS, "cpu", spied)
    settings = DanncePredictSettings(
        checkpoint=learned.dannce,
        output=tmp_path,
        com=predicted / "com",
        count=20,
        batch_size=5,
        device="cpu",
    )
    run(predict_dannce(disc_scene.recording, settings))
    assert used == [torch.device("cpu")]
    found = PoseStore.open(tmp_path / "poses.zarr").read()
    expected = PoseStore.open(predicted / "pose/poses.zarr").read(range(20))
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.heatmap_max, expected.heatmap_max)


@pytest.mark.gpu
def test_a_gpu_finds_the_same(
    disc_scene, learned: Learned, predicted: Path, tmp_path: Path
) -> None:
    common = {"device": "cuda", "batch_size": 5}
    com = ComPredictSettings(checkpoint=learned.com, output=tmp_path / "com", **common)
    run(predict_com(disc_scene.recording, com))
    off = distances(
        read_com_trace(tmp_path / "com").positions, read_com_trace(predicted / "com").positions
    )
    assert np.nanmedian(off) < 0.5
    pose = DanncePredictSettings(
        checkpoint=learned.dannce, output=tmp_path / "pose", com=predicted / "com", **common
    )
    run(predict_dannce(disc_scene.recording, pose))
    one = PoseStore.open(tmp_path / "pose/poses.zarr").poses()
    other = PoseStore.open(predicted / "pose/poses.zarr").poses()
    assert np.nanmedian(distances(one.positions, other.positions)) < 0.5


def test_network_and_recording_must_fit(disc_scene, learned: Learned, tmp_path: Path) -> None:
    recording = disc_scene.recording.select(disc_scene.recording.names[:3])
    trace = ComTrace(disc_scene.com, np.ones((48, 2)), np.arange(48))
    settings = DanncePredictSettings(checkpoint=learned.dannce, output=tmp_path / "x")
    with pytest.raises(ValueError, match=r"takes 4 views, .* has 3 cameras"):
        run(predict_dannce(recording, settings, trace))
    wrong = settings.model_copy(update={"checkpoint": learned.com})
    with pytest.raises(
        CheckpointError, match="holds a com network, expected a dannce or sdannce network"
    ):
        run(predict_dannce(disc_scene.recording, wrong, trace))
    with pytest.raises(ValueError, match=r"no COM trace; predict it first"):
        run(predict_dannce(disc_scene.recording, settings))
    late = settings.model_copy(update={"start": 48})
    with pytest.raises(ValueError, match="nothing to predict from moment 48 on; the recording"):
        run(predict_dannce(disc_scene.recording, late, trace))
    other = ComTrace(disc_scene.com, np.ones((48, 2)), np.arange(48) + 1000)
    with pytest.raises(ValueError, match=r"no position at any .* 0 to 47, .* 1000 to 1047"):
        run(predict_dannce(disc_scene.recording, settings, other))
    com = ComPredictSettings(checkpoint=learned.com, output=tmp_path / "x", cameras=("Camera9",))
    with pytest.raises(ValueError, match="no camera 'Camera9'; there are Camera1"):
        run(predict_com(disc_scene.recording, com))
    with pytest.raises(ValueError, match="needs at least two cameras, there is only Camera2"):
        run(predict_com(disc_scene.recording, com.model_copy(update={"cameras": ("Camera2",)})))
    assert not (tmp_path / "x").exists()


def test_what_is_not_said_is_as_in_training() -> None:
    trained = VolumeSettings(size_mm=120, voxels=16, interpolation="linear")
    assert completed(VolumeSettings(voxels=32), trained) == VolumeSettings(
        size_mm=120, voxels=32, interpolation="linear"
    )
    assert completed(VolumeSettings(size_mm=240), trained).size_mm == 240
    assert completed(None, trained) == trained
    assert completed(VolumeSettings(voxels=32), None) == VolumeSettings(voxels=32)
    assert completed(None, None) is None


def test_checkpoint_without_volume_or_cameras(disc_scene, learned: Learned, tmp_path: Path) -> None:
    network = load_checkpoint(learned.dannce).network
    bare = save_checkpoint(tmp_path / "bare", network, CheckpointInfo(network=network.config))
    trace = ComTrace(disc_scene.com[:2], np.ones((2, 2)), np.arange(2))
    settings = DanncePredictSettings(
        checkpoint=bare, output=tmp_path / "out", count=2, device="cpu"
    )
    with pytest.raises(ValueError, match="set 'volume'"):
        run(predict_dannce(disc_scene.recording, settings, trace))
    settings = settings.model_copy(update={"volume": VolumeSettings(**VOLUME)})
    run(predict_dannce(disc_scene.recording, settings, trace))
    assert PoseStore.open(tmp_path / "out/poses.zarr").job.keypoints == ("kp1", "kp2", "kp3", "kp4")


def test_other_pixel_origin_is_told(disc_scene, learned: Learned, tmp_path: Path) -> None:
    recording = replace(disc_scene.recording, pixel_origin="zero")
    settings = ComPredictSettings(
        checkpoint=learned.com, output=tmp_path, count=1, chunk=1, device="cpu"
    )
    events = run(predict_com(recording, settings))
    assert any(
        "learned with pixel origin 'matlab'" in e.text for e in events if isinstance(e, Message)
    )
    assert (
        open_to_predict(
            ComPredictSettings(checkpoint=learned.com, experiment=disc_scene.folder)
        ).pixel_origin
        == "matlab"
    )

"""Training on data that do not suffice, or do not fit: it works, or says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from napari_sdannce.predictions import ComTrace
from napari_sdannce.recording import Problem, Sync
from napari_sdannce.settings import DannceTrainSettings, ExperimentSettings, SdannceTrainSettings
from napari_sdannce.settings.events import Message, TrainingStep
from napari_sdannce.training import Experiment, open_experiment, train_dannce
from napari_sdannce.training.batches import BatchPlan, make_batch
from napari_sdannce.training.dannce import pose_lesson
from napari_sdannce.training.dannce_examples import read_examples
from napari_sdannce.training.experiments import without_keypoints
from napari_sdannce.training.lesson import teach
from napari_sdannce.training.run_folder import RunFolder
from napari_sdannce.training.volume_maker import VolumeMaker

if TYPE_CHECKING:
    from pathlib import Path

N_LABELLED = 4
BASE = {
    "volume": {"voxels": 16, "size_mm": 120},
    "width": 2,
    "device": "cpu",
    "steps": 2,
    "batch_size": 4,
}
TEMPORAL = ["L1Loss", "TemporalLoss:0.1,temporal_chunk_size=3"]


def settings_for(model: Any = DannceTrainSettings, **changes: Any) -> Any:
    return model.model_validate({**BASE, **changes})


@pytest.fixture
def experiment(disc_scene) -> Experiment:
    """Four labelled moments of one animal."""
    paths = {"folder": disc_scene.folder, "labels": disc_scene.pose_labels[:1]}
    whole = open_experiment(ExperimentSettings(**paths), "dannce")
    rows = np.arange(4, 4 + 8 * N_LABELLED, 8)
    return Experiment.of(whole.recording, whole.labels.select_frames(rows))


def steps(events: Any) -> int:
    return sum(isinstance(event, TrainingStep) for event in events)


def write_masks(experiment: Experiment, folder: Path, size: tuple[int, int], inside: int) -> Path:
    for name in experiment.recording.names:
        (folder / name).mkdir(parents=True)
        for frame in experiment.labels.sample_ids:
            mask = np.zeros((size[1], size[0]), np.uint8)
            mask[20:80, 20:80] = inside
            cv2.imwrite(str(folder / name / f"{frame}.png"), mask)
    return folder


@pytest.mark.parametrize(
    ("size", "inside", "complaint"),
    [((80, 64), 255, "the mask is 80 x 64 px, the video 160 x 128"), ((160, 128), 1, "is 1 ins")],
)
def test_masks_that_do_not_fit_are_errors(
    experiment: Experiment, tmp_path: Path, size: Any, inside: int, complaint: str
) -> None:
    masks = write_masks(experiment, tmp_path / "masks", size, inside)
    settings = settings_for(losses=["L1Loss", "SilhouetteLoss"], output=tmp_path / "run")
    with pytest.raises(ValueError, match=complaint):
        list(train_dannce(settings, [replace(experiment, masks=masks)]))


def test_moments_that_the_recording_lacks_need_no_masks(
    experiment: Experiment, tmp_path: Path
) -> None:
    masks = write_masks(experiment, tmp_path / "masks", (160, 128), 255)
    labels = replace(experiment.labels, sample_ids=experiment.labels.sample_ids + 3 * (10**6))
    labels.sample_ids[1:] = experiment.labels.sample_ids[1:]
    own = Experiment.of(experiment.recording, labels, masks=masks)
    found = list(read_examples(own, settings_for()))
    assert [each is None for each in found].count(True) == 1


def test_chunks_of_unreadable_frames_are_left_out(experiment: Experiment) -> None:
    settings = settings_for(losses=TEMPORAL, batch_size=12)
    examples = [each for each in read_examples(experiment, settings) if each is not None]
    assert len(examples) == 3 * N_LABELLED
    # a neighbour of the first labelled moment could not be read
    plan = BatchPlan(examples[1:], settings)
    assert [len(unit) for unit in plan.units] == [1, 3, 3, 3]
    assert plan.examples[plan.units[0][0]].is_labelled
    batch = make_batch(
        plan, range(4), 0, VolumeMaker(settings, torch.device("cpu"), tuple(range(4)))
    )
    assert batch.rows.chunks.shape == (3, 3)


def test_neighbours_do_not_validate(experiment: Experiment, tmp_path: Path) -> None:
    settings = settings_for(losses=TEMPORAL, validation_frames=1, output=tmp_path / "run")
    said = [e.text for e in train_dannce(settings, [experiment]) if isinstance(e, Message)]
    expected = f"{N_LABELLED - 1} labelled poses and {2 * (N_LABELLED - 1)} without labels train"
    assert any(f"{expected}, 1 validate" in text for text in said)


def test_losses_that_find_nothing_to_compare_say_so(experiment: Experiment, tmp_path: Path) -> None:
    long = ["L1Loss", "TemporalLoss:0.1,temporal_chunk_size=99"]
    with pytest.raises(ValueError, match="no frame to learn from has 99 frames 1 apart"):
        list(train_dannce(settings_for(losses=long, output=tmp_path / "a"), [experiment]))
    assert not (tmp_path / "a").exists()
    points = np.repeat(experiment.labels.points_3d, 2, axis=1)
    points[::2, 0] = points[1::2, 1] = np.nan
    labels = replace(
        experiment.labels,
        animals=("a", "b"),
        points_3d=points,
        **{
            name: np.repeat(getattr(experiment.labels, name), 2, axis=2)
            for name in ("points_2d", "states", "labelers", "times")
        },
    )
    never_together = Experiment.of(experiment.recording, labels)
    settings = settings_for(losses=["L1Loss", "PairRepulsionLoss"], output=tmp_path / "b")
    with pytest.raises(ValueError, match="in no frame to learn from there are two animals"):
        list(train_dannce(settings, [never_together]))


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        ((), r"mirror: skeleton '.*' does not say which keypoints are left and right"),
        (("1-2",), "mirror_pairs: expected LEFT:RIGHT, got '1-2'"),
        (("1:9",), r"pair \(1, 9\) points outside its 4 keypoints"),
        (("ear:1",), "has no keypoint 'ear'; it has "),
    ],
)
def test_a_mirror_needs_left_and_right(
    experiment: Experiment, tmp_path: Path, pairs: tuple[str, ...], complaint: str
) -> None:
    settings = settings_for(mirror=True, mirror_pairs=pairs, output=tmp_path / "run")
    labels = experiment.labels
    without = replace(labels, skeleton=replace(labels.skeleton, pairs=()))
    with pytest.raises(ValueError, match=complaint):
        list(train_dannce(settings, [replace(experiment, labels=without)]))
    assert not (tmp_path / "run").exists()


def test_dropped_keypoints_are_not_learned_from(experiment: Experiment, tmp_path: Path) -> None:
    less = without_keypoints(experiment, (1, 3)).labels.points_3d
    assert np.isnan(less[:, :, [1, 3]]).all()
    np.testing.assert_array_equal(less[:, :, [0, 2]], experiment.labels.points_3d[:, :, [0, 2]])
    values: dict[str, Any] = {"losses": ["L1Loss"], "drop_keypoints": [0, 1, 2, 3]}
    with pytest.raises(ValueError, match="no labelled poses can be read"):
        list(train_dannce(settings_for(output=tmp_path / "a", **values), [experiment]))
    values["drop_keypoints"] = [1, 3]
    assert steps(train_dannce(settings_for(output=tmp_path / "b", **values), [experiment])) == 2
    values["drop_keypoints"] = [4]
    with pytest.raises(ValueError, match="there is no keypoint 4, only 0 to 3"):
        list(train_dannce(settings_for(output=tmp_path / "c", **values), [experiment]))


def test_waiting_for_validation_needs_some(experiment: Experiment, tmp_path: Path) -> None:
    settings = settings_for(stop_after=2, validation_frames=0, output=tmp_path / "run")
    with pytest.raises(ValueError, match="stop_after 2 counts validations, and no labelled poses"):
        list(train_dannce(settings, [experiment]))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 1},
        {"batch_size": 100},
        {"validation_frames": 99},
        {"train_frames": 1},
        {"train_frames": 1, "split": "reference", "validation_frames": 1},
        {"losses": ["L1Loss", "ConsistencyLoss:copies_per_sample=12"], "batch_size": 12},
        {"views": "without_replacement", "n_views": 1},
        {"mirror": True, "rotate": "any", "norm": "batch", "batch_size": 1},
        {"camera_dropout": 0.9, "augment_hue": 0.1},
    ],
)
def test_few_labels_and_odd_batches(
    experiment: Experiment, tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert steps(train_dannce(settings_for(output=tmp_path / "run", **changes), [experiment])) == 2


@pytest.mark.parametrize("n_cameras", [1, 2])
def test_few_cameras(experiment: Experiment, tmp_path: Path, n_cameras: int) -> None:
    names = experiment.recording.names[:n_cameras]
    few = Experiment.of(experiment.recording.select(names), experiment.labels.select_views(names))
    assert steps(train_dannce(settings_for(output=tmp_path / "run"), [few])) == 2


def test_a_graph_normalised_over_a_batch_of_one(experiment: Experiment, tmp_path: Path) -> None:
    coms = np.repeat(experiment.coms, 12, axis=0)
    trace = ComTrace(
        coms + np.arange(48)[:, None, None] * 0.1, np.ones((48, 1)), np.arange(48, dtype=np.int64)
    )
    own = Experiment.of(experiment.recording, experiment.labels, trace)
    settings = settings_for(
        SdannceTrainSettings, batch_size=1, unlabelled="1000", losses=["L1Loss", "SeparationLoss"],
        graph={"hidden": 4, "layers": 1, "fuse": 4}, initial_weight=1.0, mirror=True,
        views="without_replacement", n_views=2, output=tmp_path / "run",
    )  # fmt: skip
    events = list(train_dannce(settings, [own]))
    assert all(np.isfinite(e.loss) for e in events if isinstance(e, TrainingStep))
    said = [e.text for e in events if isinstance(e, Message)]
    assert any(f"and {48 - N_LABELLED} without labels" in text for text in said)


@pytest.mark.parametrize("odd", [np.inf, -np.inf])
def test_traces_with_infinities(experiment: Experiment, odd: float) -> None:
    ids = experiment.labels.sample_ids
    positions = np.repeat(experiment.coms, 2, axis=1)
    positions[:, 1] += 500
    positions[1] = odd
    own = Experiment.of(
        experiment.recording, experiment.labels, ComTrace(positions, np.ones((len(ids), 2)), ids)
    )
    np.testing.assert_allclose(own.coms[[0, 2, 3]], experiment.coms[[0, 2, 3]])
    found = [e for e in read_examples(own, settings_for()) if e is not None]
    assert len(found) == N_LABELLED - 1


def warnings(experiments: list[Experiment], run: Path, **changes: Any) -> list[str]:
    events = train_dannce(settings_for(output=run, **changes), experiments)
    return [e.text for e in events if isinstance(e, Message) and e.level == "warning"]


def test_labelled_poses_without_a_com_are_told(experiment: Experiment, tmp_path: Path) -> None:
    coms = experiment.coms.copy()
    assert warnings([experiment], tmp_path / "a", validation_frames=1) == []
    coms[1:] = np.nan  # whichever frame validates, it is one of these
    lacking = Experiment(experiment.recording, experiment.labels, coms)
    said = warnings([lacking], tmp_path / "b", validation_frames=1)
    assert any("3 of 4 labelled poses are left out: the COM trace has no" in text for text in said)
    assert any("nothing validates: none of the 1 frames kept" in text for text in said)


def test_the_same_labels_twice_are_an_error(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="experiment is there twice, with the same labels"):
        warnings([experiment, experiment], tmp_path / "run")
    # other moments of the same recording are no repetition
    parts = [
        Experiment.of(experiment.recording, experiment.labels.select_frames(rows))
        for rows in ([0, 1], [2, 3])
    ]
    assert warnings(parts, tmp_path / "parts") == []


def test_videos_of_another_size_than_the_calibration(
    experiment: Experiment, tmp_path: Path
) -> None:
    first, *others = experiment.recording.cameras
    wrong = replace(first, image_size=(320, 256))
    recording = experiment.recording.calibrated([wrong, *others])
    own = Experiment(recording, experiment.labels, experiment.coms)
    with pytest.raises(ValueError, match=r"for images of 320 x 256 px, the videos have 160 x 128"):
        warnings([own], tmp_path / "run")


def test_what_was_wrong_at_opening_is_told(experiment: Experiment, tmp_path: Path) -> None:
    damaged = Problem(experiment.recording.folder / "calibration.toml", "not used: damaged")
    recording = replace(experiment.recording, problems=(damaged,))
    own = Experiment(recording, experiment.labels, experiment.coms)
    assert warnings([own], tmp_path / "run") == [str(damaged)]


def test_frames_that_contradict_the_sync_are_told(experiment: Experiment, tmp_path: Path) -> None:
    frames = experiment.labels.frames.copy()
    frames[2, 1:] += 5
    labels = replace(experiment.labels, frames=frames)
    ids = np.arange(48)
    sync = Sync(ids, np.tile(ids[:, None], (1, len(frames))))
    recording = replace(experiment.recording, sync=sync)
    (said,) = warnings([Experiment(recording, labels, experiment.coms)], tmp_path / "run")
    name, moment = recording.names[2], int(labels.sample_ids[1])
    assert (
        f"put moment {moment} at frame {moment + 5} of {name}, the sync at frame {moment}" in said
    )
    assert "3 of 4 labelled frames differ" in said


def test_a_camera_without_videos_is_told(experiment: Experiment, tmp_path: Path) -> None:
    views = list(experiment.recording.views)
    views[1] = replace(views[1], videos=())
    recording = replace(experiment.recording, views=tuple(views))
    own = Experiment(recording, experiment.labels, experiment.coms)
    said: list[str] = []

    def train() -> None:
        for event in train_dannce(settings_for(output=tmp_path / "run"), [own]):
            said.extend([event.text] if isinstance(event, Message) else [])

    with pytest.raises(ValueError, match="no labelled poses can be read"):
        train()
    assert any(f"no videos of {views[1].name}: nothing is seen there" in text for text in said)


@pytest.mark.parametrize("moved", ["com", "camera"])
def test_a_run_that_goes_on_with_other_numbers_says_so(
    experiment: Experiment, tmp_path: Path, moved: str
) -> None:
    settings = settings_for(output=tmp_path / "run", steps=1)
    list(train_dannce(settings, [experiment]))
    recording, coms = experiment.recording, experiment.coms
    if moved == "com":
        coms = coms + 1.0
    else:
        first, *others = recording.cameras
        moved_camera = replace(first, translation=first.translation + 1)
        recording = recording.calibrated([moved_camera, *others])
    other = Experiment(recording, experiment.labels, coms)
    for n_steps, own, expected in ((2, experiment, False), (3, other, True)):
        longer = settings.model_copy(update={"steps": n_steps})
        events = teach(pose_lesson(longer, [own]), longer, RunFolder(tmp_path / "run"))
        said = [e.text for e in events if isinstance(e, Message)]
        assert any("is not what it was" in text for text in said) is expected

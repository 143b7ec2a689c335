"""Frames without labels: the right ones of every camera, and only for training."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.predictions import ComTrace
from napari_sdannce.recording import Sync
from napari_sdannce.settings import DannceTrainSettings, ExperimentSettings
from napari_sdannce.settings.events import Message
from napari_sdannce.settings.losses import L1Loss
from napari_sdannce.settings.volume import VolumeSettings
from napari_sdannce.training import Experiment, open_experiment, train_dannce
from napari_sdannce.training.dannce_examples import cut_to_reach, read_examples
from napari_sdannce.training.start import split_frames
from napari_sdannce.training.wanted import amount, candidates, draw
from napari_sdannce.video import VideoReader

if TYPE_CHECKING:
    from pathlib import Path

N, FIRST_ID, STEP = 40, 1000, 7
LABELLED = np.arange(0, N, 4)


def settings_for(wanted: str) -> DannceTrainSettings:
    return DannceTrainSettings(
        volume=VolumeSettings(size_mm=120, voxels=8),
        com_jitter_mm=0,
        unlabelled=wanted,
        losses=["L1Loss", "SeparationLoss"],
        validation_frames=3,
    )


@pytest.fixture
def experiment(disc_scene) -> Experiment:
    """Keys that are no frame numbers, and cameras that began one after the other."""
    keys = FIRST_ID + STEP * np.arange(N)
    n_cameras = len(disc_scene.recording.views)
    frames = np.arange(N)[:, None] + np.arange(n_cameras)
    recording = replace(disc_scene.recording, sync=Sync(keys, frames))
    poses = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce").labels
    labels = replace(
        poses.select_frames(LABELLED),
        sample_ids=keys[LABELLED],
        frames=frames[LABELLED].T.copy(),
    )
    trace = ComTrace(disc_scene.com[:N], np.ones((N, 2)), keys)
    return Experiment.of(recording, labels, trace)


def examples(experiment: Experiment, wanted: str):
    found = [each for each in read_examples(experiment, settings_for(wanted)) if each is not None]
    return [e for e in found if e.is_labelled], [e for e in found if not e.is_labelled]


def test_every_camera_shows_its_own_frame_of_the_moment(experiment):
    _, without = examples(experiment, "equal")
    assert len(without) == 2 * len(LABELLED)
    for view, camera in enumerate(experiment.recording.cameras):
        with VideoReader(experiment.recording.views[view].videos[0].path) as video:
            for each in without:
                row = (each.moment[1] - FIRST_ID) // STEP
                expected, _ = cut_to_reach(video.read(row + view), camera, each.com, 60.0)
                assert np.array_equal(each.images[view], expected)


def test_they_are_others_than_the_labelled_and_never_validate(experiment):
    with_labels, without = examples(experiment, "equal")
    assert not {e.moment for e in without} & {e.moment for e in with_labels}
    split = split_frames([experiment], settings_for("equal"))
    assert len(split.validation) == 3
    assert not {e.frame for e in without} & set(split.validation)
    assert {e.frame for e in with_labels} == {*split.train, *split.validation}


@pytest.mark.parametrize(("amount", "count"), [("none", 0), ("6", 6), ("0.5", 2 * len(LABELLED))])
def test_how_many(experiment, amount, count):
    assert len(examples(experiment, amount)[1]) == count


@pytest.mark.golden
@pytest.mark.parametrize(("name", "asked"), [("equal", "equal"), ("frac0.5", "0.5"), ("n7", "7")])
def test_drawn_as_the_reference_draws(golden: Path, name: str, asked: str) -> None:
    stored = json.loads((golden / "unlabeled_sampling.json").read_text())
    given = np.load(golden / "unlabeled_sampling_inputs.npz")
    labelled = given["labeled"]
    moments = np.setdiff1d(np.arange(len(given["com0"])), labelled)
    chosen = draw(moments, amount(asked, len(labelled)), seed=1024)
    assert sorted([*labelled.tolist(), *chosen.tolist()]) == stored[f"{name}_single"]


@pytest.mark.golden
def test_social_moments_are_those_the_reference_draws_from(golden: Path) -> None:
    stored = json.loads((golden / "unlabeled_sampling.json").read_text())
    given = np.load(golden / "unlabeled_sampling_inputs.npz")
    both = np.stack([given["com0"], given["com1"]], axis=1)
    trace = ComTrace(both, np.ones(both.shape[:2]), np.arange(len(both)))
    near = np.flatnonzero(candidates(trace, within_mm=120))
    drawn = set(stored["equal_pair"]) - set(given["labeled"].tolist())
    assert drawn <= set(near.tolist())
    assert len(near) < len(both) / 2


def test_not_read_where_no_loss_learns_from_them(experiment):
    settings = settings_for("equal").model_copy(update={"losses": (L1Loss(),)})
    found = [each for each in read_examples(experiment, settings) if each is not None]
    assert len(found) == 2 * len(LABELLED)
    assert all(each.is_labelled for each in found)


def test_fewer_than_asked_for_are_told(experiment, tmp_path: Path) -> None:
    def warnings(**changes: Any) -> list[str]:
        settings = settings_for("equal").model_copy(
            update={"output": tmp_path / f"run{len(changes)}", "steps": 1, "width": 1, **changes}
        )
        events = train_dannce(settings, [experiment])
        return [e.text for e in events if isinstance(e, Message) and e.level == "warning"]

    assert not any("without labels" in text for text in warnings())
    (told,) = [text for text in warnings(unlabelled_within_mm=1.0) if "without labels" in text]
    assert f"{experiment.recording.folder}: 0 of the 20 poses without labels" in told
    assert "another animal within 1 mm" in told

"""Two animals of a recording, which are two entries of ``exp`` in the reference program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from napari_sdannce.files import open_labels
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.files.reference_config import read_reference_config
from napari_sdannce.files.reference_training import (
    to_dannce_train_settings,
    to_sdannce_train_settings,
)
from napari_sdannce.settings.events import JobDone, Message
from napari_sdannce.training import open_experiment, train_dannce
from napari_sdannce.training.dannce_examples import read_examples

if TYPE_CHECKING:
    from pathlib import Path

LABELLED = np.arange(0, 48, 6)
MAIN = {
    "io_config": "io.yaml", "n_instances": 2, "vmin": -60, "vmax": 60, "nvox": 8, "epochs": 1,
    "num_validation_per_exp": 2, "n_rand_views": 4, "rand_view_replace": True, "data_split_seed": 3,
    "graph_cfg": {"hidden_dim": 4, "n_layers": 1},
    "loss": {"L1Loss": {}, "BoneLengthLoss": {"compute_priors_from_data": True},
             "PairRepulsionLoss": {"delta": 500}},
}  # fmt: skip
ENTRIES = [
    {"label3d_file": f"rat{i}_dannce.mat", "com_file": f"COM/predict/instance{i}com3d.mat"}
    for i in range(2)
]


@pytest.fixture
def folder(disc_scene, tmp_path: Path) -> Path:
    """An experiment folder of the reference: labels of some moments, COMs of all."""
    (tmp_path / "videos").symlink_to(disc_scene.folder / "videos")
    for i, path in enumerate(disc_scene.pose_labels):
        labels = open_labels(path).select_frames(LABELLED)
        target, recording = tmp_path / f"rat{i}_dannce.mat", disc_scene.recording
        file = dannce_from_labels(target, labels, recording.cameras, recording.sync)
        write_dannce(target, file)
    (tmp_path / "COM/predict").mkdir(parents=True)
    write_com(tmp_path / "COM/predict", disc_scene.com, np.arange(48))
    return tmp_path


def converted(folder: Path, to_settings=to_sdannce_train_settings, exp=ENTRIES, **more: Any):
    (folder / "io.yaml").write_text(yaml.safe_dump({"exp": exp}))
    (folder / "main.yaml").write_text(yaml.safe_dump(MAIN | more))
    found = to_settings(read_reference_config(folder / "main.yaml"))
    return found.settings, {each.key: each.reason for each in found.ignored}


def test_entries_of_a_recording_are_one_experiment(disc_scene, folder):
    settings, told = converted(folder)
    (joined,) = settings.experiments
    assert [path.name for path in joined.labels] == ["rat0_dannce.mat", "rat1_dannce.mat"]
    assert joined.com == folder / "COM/predict/com3d.mat"
    assert (settings.unlabelled, settings.unlabelled_within_mm) == ("equal", 120)
    assert "are one recording of its animals" in told["exp"]
    assert "unlabeled_sampling" not in told
    experiment = open_experiment(joined, "dannce")
    np.testing.assert_allclose(experiment.labels.points_3d, disc_scene.keypoints[LABELLED], 1e-5)
    np.testing.assert_allclose(experiment.coms, disc_scene.com[LABELLED])
    # both animals of moments at which they are close
    examples = [each for each in read_examples(experiment, settings) if not each.is_labelled]
    assert len(examples) == 2 * len(LABELLED)
    moments = np.array(sorted({each.moment[1] for each in examples}))
    apart = np.linalg.norm(disc_scene.com[:, 0] - disc_scene.com[:, 1], axis=-1)
    assert len(moments) == len(LABELLED)
    assert (apart[moments] < 120).all()
    assert not (apart < 120).all()


def test_an_animal_that_is_alone_gives_any_moment(disc_scene, folder):
    """As in the reference, whose configurations may hold both kinds of recordings."""
    settings, _ = converted(folder)
    write_com(folder / "COM", disc_scene.com[:, :1], np.arange(48))
    (joined,) = settings.experiments
    lone = joined.model_copy(update={"labels": joined.labels[:1], "com": folder / "COM/com3d.mat"})
    examples = list(read_examples(open_experiment(lone, "dannce"), settings))
    assert sum(not each.is_labelled for each in examples) == len(LABELLED)


def test_joined_entries_train(folder):
    settings, _ = converted(folder, net_type="dannce")
    settings = settings.model_copy(update={"width": 2, "device": "cpu", "steps": 2})
    events = list(train_dannce(settings))
    assert isinstance(events[-1], JobDone)
    said = [event.text for event in events if isinstance(event, Message)]
    # two of eight moments validate, with both animals
    assert any("12 labelled poses and 16 without labels train, 4 validate" in text for text in said)
    table = (folder / "DANNCE/train/training.csv").read_text().splitlines()
    values = dict(zip(table[0].split(","), map(float, table[1].split(",")), strict=True))
    assert values["train_PairRepulsionLoss"] > 0


def test_com_files_of_animals_alone_serve_together(folder):
    (folder / "COM/predict/com3d.mat").unlink()
    settings, _ = converted(folder)
    (joined,) = settings.experiments
    assert joined.com == folder / "COM/predict"
    assert open_experiment(joined, "dannce").trace is not None


def test_experiments_that_only_validate_are_counted_anew(folder):
    lone = {"label3d_file": "../other/x_dannce.mat"}
    settings, _ = converted(folder, exp=[*ENTRIES, lone], valid_exp=[2])
    assert len(settings.experiments) == 2
    assert settings.validation_experiments == (1,)
    settings, _ = converted(folder, exp=[lone, *ENTRIES], valid_exp=[1, 2])
    assert settings.validation_experiments == (1,)
    settings, told = converted(folder, exp=[lone, *ENTRIES], valid_exp=[2])
    assert settings.validation_experiments == (2,)
    assert "some of them only validate" in told["exp"]


@pytest.mark.parametrize("trouble", ["other centres", "other moments", "three files", "gone"])
def test_entries_that_are_not_surely_together_stay_apart(disc_scene, folder, trouble):
    place = folder / "COM/predict"
    com, moments = disc_scene.com.copy(), np.arange(48)
    if trouble == "three files":
        (place / "com3d.mat").unlink()
        (place / "com.zarr").mkdir()
    elif trouble == "gone":
        (place / "instance1com3d.mat").unlink()
    else:
        whole = [com[::-1], moments] if trouble == "other centres" else [com, moments + 1]
        (place / "new").mkdir()
        write_com(place / "new", *whole)
        (place / "new/com3d.mat").replace(place / "com3d.mat")
    settings, told = converted(folder)
    assert len(settings.experiments) == 2
    assert settings.unlabelled_within_mm is None
    assert "no COM file in" in told["exp"]
    assert "unlabelled_within_mm" in told["unlabeled_sampling"]


@pytest.mark.parametrize(
    "change",
    [
        {"com_file": "COM/predict/com3d.mat"},
        {"com_file": "COM/predict/instance0com3d.mat"},
        {"label3d_file": "rat0_dannce.mat"},
        {"label3d_file": "../day1/rat1_dannce.mat"},
        {"camnames": ["Camera1", "Camera2"]},
    ],
)
def test_what_is_not_of_other_animals_is_not_joined(folder, change):
    settings, told = converted(
        folder, to_dannce_train_settings, exp=[ENTRIES[0], ENTRIES[1] | change]
    )
    assert len(settings.experiments) == 2
    assert "exp" not in told


def test_several_sessions_of_one_folder(folder):
    settings, _ = converted(folder, exp=[dict(each) for each in (*ENTRIES, *ENTRIES)])
    assert [len(each.labels) for each in settings.experiments] == [2, 2]

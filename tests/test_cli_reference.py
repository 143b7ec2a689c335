"""Configurations of the reference program on the command line, run as the reference is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from napari_sdannce.cli import cli, main
from napari_sdannce.cli.options import options_of
from napari_sdannce.cli.reference_options import ALIASES
from napari_sdannce.cli.sources import predict_settings, train_settings
from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.predictions import PoseStore, open_predictions
from napari_sdannce.settings import (
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.losses import BoneLengthLoss, ConsistencyLoss

if TYPE_CHECKING:
    from pathlib import Path

JOBS = {
    "com_mouse": ComTrainSettings,
    "dannce_rat": DannceTrainSettings,
    "sdannce_rat": SdannceTrainSettings,
    "sdannce_mouse": SdannceTrainSettings,
}


@pytest.fixture
def experiment(checkout: Path, tmp_path: Path, monkeypatch) -> Path:
    """An experiment folder with an ``io.yaml``, the current one; configurations lie elsewhere."""
    folder = tmp_path / "day0"
    folder.mkdir()
    shutil.copy(checkout / "configs" / "io_example.yaml", folder / "io.yaml")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", JOBS)
def test_shipped_configurations_in_an_experiment_folder(checkout, experiment, name):
    settings = train_settings(
        JOBS[name], (str(checkout / "configs" / f"{name}.yaml"),), {"epochs": "3"}, "none"
    )
    assert settings.epochs == 3
    assert len(settings.experiments) == 2
    assert settings.experiments[0].folder == experiment / ".." / "day1"
    kind = "COM" if name == "com_mouse" else "DANNCE"
    assert settings.output == experiment / kind / "train"
    if isinstance(settings, SdannceTrainSettings):
        assert ConsistencyLoss(weight=0.1, copies_per_sample=4) in settings.losses


def test_prediction_in_an_experiment_folder(checkout, experiment):
    path = checkout / "configs" / "sdannce_rat.yaml"
    settings = predict_settings(DanncePredictSettings, str(path), {}, "none")
    assert settings.experiment == experiment
    assert settings.com == experiment / "COM" / "predict" / "com3d.mat"


def test_what_lies_beside_the_configuration_goes_first(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        io = {"exp": [{"label3d_file": "x_dannce.mat"}]}
        (folder / "io.yaml").write_text(yaml.safe_dump(io))
    (there / "main.yaml").write_text("io_config: io.yaml\n")
    monkeypatch.chdir(here)
    settings = train_settings(DannceTrainSettings, (str(there / "main.yaml"),), {}, "none")
    assert settings.experiments[0].folder == there


def test_options_by_their_names_in_the_reference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "io.yaml").write_text("dannce_predict_model: m.pth\nmax_num_samples: 9\n")
    (tmp_path / "main.yaml").write_text("io_config: io.yaml\nstart_sample: 3\n")

    def given(*words: str) -> dict[str, Any]:
        command = cli.commands["predict"].commands["dannce"]
        values = command.make_context("dannce", ["main.yaml", *words]).params
        return {name: values[name] for name in values.keys() - {"source", "progress", "events"}}

    for words, expected in (
        (["--start-sample", "5", "--max-num-samples", "7"], (5, 7, False, ())),
        (["--max-num-samples", "max", "--predict-labeled-only"], (3, None, True, ())),
        (
            ["--predict-labeled-only", "False", "--camnames", "['A', 'B']"],
            (3, 9, False, ("A", "B")),
        ),
    ):
        options = given(*words)
        found = predict_settings(DanncePredictSettings, "main.yaml", options, "none")
        assert (found.start, found.count, found.labelled_only, found.cameras) == expected
    for words, message in (
        (["--start-sample", "5", "--start", "6"], "--start-sample and --start are one setting"),
        (["--weighted", "yes"], "--weighted: expected True or False, got 'yes'"),
    ):
        options = given(*words)
        with pytest.raises(ValueError, match=message):
            predict_settings(DanncePredictSettings, "main.yaml", options, "none")


MAIN = {
    "io_config": "io.yaml", "vmin": -60, "vmax": 60, "nvox": 16, "interp": "nearest",
    "net_type": "compressed_dannce", "n_channels_out": 4, "new_n_channels_out": 4, "batch_size": 4,
    "epochs": 1, "lr": 1e-4, "loss": {"L1Loss": {"loss_weight": 1.0}}, "n_rand_views": 4,
    "rand_view_replace": True, "metric": ["euclidean_distance_3D"], "num_validation_per_exp": 2,
    "crop_height": [0, 128], "crop_width": [0, 160], "train_mode": "new", "max_num_samples": 3,
}  # fmt: skip
IO = {
    "dannce_train_dir": "DANNCE/train", "dannce_predict_dir": "DANNCE/predict",
    "dannce_predict_model": "DANNCE/train/checkpoint-epoch1.pth",
    "com_file": "COM/predict/com3d.mat",
    "exp": [{"label3d_file": "rat_dannce.mat", "com_file": "COM/predict/com3d.mat"}],
}  # fmt: skip


def test_training_and_prediction_from_the_files_of_the_reference(
    disc_scene, tmp_path, monkeypatch, capsys
):
    """Two unchanged files, in their experiment folder, again and again."""
    (tmp_path / "videos").symlink_to(disc_scene.folder / "videos")
    (tmp_path / "COM/predict").mkdir(parents=True)
    write_com(tmp_path / "COM/predict", disc_scene.com[:, :1], np.arange(48))
    recording, target = disc_scene.recording, tmp_path / "rat_dannce.mat"
    labels = open_labels(disc_scene.pose_labels[0]).select_frames(np.arange(0, 48, 8))
    write_dannce(target, dannce_from_labels(target, labels, recording.cameras, recording.sync))
    (tmp_path / "io.yaml").write_text(yaml.safe_dump(IO))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(MAIN))
    monkeypatch.chdir(tmp_path)
    main(["train", "dannce", "config.yaml"])
    assert "'dannce_predict_model'" not in capsys.readouterr().err
    main(["predict", "dannce", "config.yaml"])
    said = " ".join(capsys.readouterr().err.split())
    best = tmp_path / "DANNCE/train/checkpoints/best.safetensors"
    assert f"checkpoint-epoch1.pth is not there, and {best} is taken" in said
    poses = open_predictions(tmp_path / "DANNCE/predict/save_data_AVG0.mat")
    assert poses.positions.shape == (3, 1, 4, 3)
    assert np.isfinite(poses.positions).all()
    # nothing is overwritten, and the same job is not done twice
    before = best.read_bytes()
    main(["train", "dannce", "config.yaml"])
    assert "train is not empty, so this run is" in " ".join(capsys.readouterr().err.split())
    main(["predict", "dannce", "config.yaml"])
    last = tmp_path / "DANNCE/train-2/checkpoints/best.safetensors"
    assert f"is not there, and {last} is taken" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in (tmp_path / "DANNCE").iterdir()) == [
        "predict", "train", "train-2",
    ]  # fmt: skip
    assert best.read_bytes() == before
    for _ in range(2):
        main(["predict", "dannce", "config.yaml", "--start-sample", "1"])
        assert "holds other results, so these go to" in " ".join(capsys.readouterr().err.split())
    assert PoseStore.open(tmp_path / "DANNCE/predict-2/poses.zarr").sample_ids().tolist() == [
        1, 2, 3,
    ]  # fmt: skip
    assert not (tmp_path / "DANNCE/predict-3").exists()
    with pytest.raises(SystemExit):
        main(["predict", "dannce", "config.yaml", "--count", "9", "--if-used", "stop"])
    assert "was made for 3 moments, not 9" in capsys.readouterr().err


@pytest.mark.parametrize("model", ALIASES, ids=lambda model: model.__name__)
def test_names_of_the_reference_mean_options_of_ours(model):
    ours = {each.name for each in options_of(model)}
    ours |= {each.name for each in options_of(ExperimentSettings)}
    assert set(ALIASES[model].values()) <= ours
    assert not set(ALIASES[model]) & ours


def test_batches_of_com_networks_count_moments(disc_scene, tmp_path):
    io = {"com_exp": [{"label3d_file": str(disc_scene.com_labels)}], "batch_size": 3}
    (tmp_path / "io.yaml").write_text(yaml.safe_dump(io))
    (tmp_path / "main.yaml").write_text("io_config: io.yaml\ndownfac: 4\n")
    source = (str(tmp_path / "main.yaml"),)
    # the scene has four cameras
    assert train_settings(ComTrainSettings, source, {}, "none").batch_size == 12
    assert train_settings(ComTrainSettings, source, {"batch_size": "5"}, "none").batch_size == 5


def test_videos_in_another_folder(disc_scene, tmp_path):
    shutil.copy(disc_scene.pose_labels[0], tmp_path / "a_dannce.mat")
    shutil.copytree(disc_scene.folder / "videos", tmp_path / "films")
    entry = {"label3d_file": "a_dannce.mat", "viddir": "films"}
    io = {"exp": [entry], "viddir": "films", "dannce_predict_model": "m.pth"}
    (tmp_path / "io.yaml").write_text(yaml.safe_dump(io))
    (tmp_path / "main.yaml").write_text("io_config: io.yaml\n")
    source = str(tmp_path / "main.yaml")
    training = train_settings(DannceTrainSettings, (source,), {}, "none").experiments[0]
    predicting = predict_settings(DanncePredictSettings, source, {}, "none")
    assert training.videos == predicting.videos == tmp_path / "films"
    recording = open_recording(tmp_path, videos=training.videos)
    assert all(view.videos for view in recording.views)
    assert not recording.problems
    (tmp_path / "sdannce.yaml").write_text("cameras: [{name: Camera1, videos: [{file: gone.mp4}]}]")
    recording = open_recording(tmp_path, videos=training.videos)
    assert [video.path.parent.parent.name for video in recording.view("Camera1").videos] == [
        "films"
    ]
    with pytest.raises(FileNotFoundError, match="pictures is no folder"):
        open_recording(tmp_path, videos=tmp_path / "pictures")


@pytest.mark.parametrize("name", JOBS)
def test_ours_fill_in_their_paths(checkout, tmp_path, name):
    path = shutil.copy(checkout / "configs" / "ours" / f"{name}.yaml", tmp_path / "mine.yaml")
    settings = train_settings(JOBS[name], (str(path),), {}, "none")
    assert settings.experiments[0].folder == tmp_path / ".." / "day1"
    assert settings.output is not None
    assert settings.output.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    "loss",
    ["BoneLengthLoss:0.5,priors=p/rat.npy", {"name": "BoneLengthLoss", "priors": "p/rat.npy"}],
)
def test_priors_and_masks_are_found_from_the_file(tmp_path, loss):
    values = {"experiments": [{"folder": "day1", "masks": "m"}], "losses": ["L1Loss", loss]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    settings = train_settings(SdannceTrainSettings, (str(path),), {}, "none")
    assert isinstance(settings.losses[1], BoneLengthLoss)
    assert settings.losses[1].priors == tmp_path / "p" / "rat.npy"
    assert settings.experiments[0].masks == tmp_path / "m"

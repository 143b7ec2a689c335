"""Configurations of the reference program on the command line, run as the reference is run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce.cli.sources import predict_settings, train_settings
from napari_sdannce.settings import (
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
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

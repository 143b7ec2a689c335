"""Files of settings: whose they are, and where their paths lead."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from napari_sdannce.files.settings_file import absolute_paths, read_settings_file
from napari_sdannce.settings import DannceTrainSettings


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    values = {
        "output": "run", "start_from": None, "epochs": 3,
        "experiments": [{"folder": "/data/day1", "labels": ["a.mat", "b.mat"], "com": "c.mat"}],
        "losses": ["L1Loss:2", "BoneLengthLoss:0.5,priors=p.npy,upper_only=true"],
    }  # fmt: skip
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    found = read_settings_file(path, DannceTrainSettings)
    assert found.ignored == ()
    assert found.values == {
        "output": tmp_path / "run", "start_from": None, "epochs": 3,
        "experiments": [{"folder": Path("/data/day1"), "com": tmp_path / "c.mat",
                         "labels": [tmp_path / "a.mat", tmp_path / "b.mat"]}],
        "losses": ["L1Loss:2", f"BoneLengthLoss:0.5,priors={tmp_path / 'p.npy'},upper_only=true"],
    }  # fmt: skip


def test_a_skeleton_is_a_file_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert absolute_paths({"skeleton": "mine.yaml"}, tmp_path) == {
        "skeleton": str(tmp_path / "mine.yaml")
    }
    assert absolute_paths({"skeleton": "rat23"}, tmp_path) == {"skeleton": "rat23"}


def test_the_experiment_is_where_io_may_lie(tmp_path: Path) -> None:
    path = tmp_path / "configs" / "main.yaml"
    experiment = tmp_path / "day0"
    for folder in (path.parent, experiment):
        folder.mkdir()
    path.write_text("io_config: io.yaml\n")
    io = yaml.safe_dump({"exp": [{"label3d_file": "x_dannce.mat"}]})
    (experiment / "io.yaml").write_text(io)
    with pytest.raises(FileNotFoundError, match=r"io_config 'io.yaml' is not in"):
        read_settings_file(path, DannceTrainSettings)
    found = read_settings_file(path, DannceTrainSettings, experiment=experiment)
    assert found.values["experiments"][0]["folder"] == experiment
    (path.parent / "io.yaml").write_text(io)
    found = read_settings_file(path, DannceTrainSettings, experiment=experiment)
    assert found.values["experiments"][0]["folder"] == path.parent


def test_settings_of_no_job_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("epoch: 3\n")
    with pytest.raises(ValueError, match="no settings epoch; did you mean epochs"):
        read_settings_file(path, DannceTrainSettings)
    path.write_text("sigma_px: 20\nepochs: 3\n")
    with pytest.raises(ValueError, match="settings of 'train com', not of 'train dannce'"):
        read_settings_file(path, DannceTrainSettings)
    with pytest.raises(ValueError, match=r"of type '.txt', expected a .yaml"):
        read_settings_file(tmp_path / "mine.txt", DannceTrainSettings)

"""The configurations that come with the program say what their comments promise."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce.files.reference_config import Reference, read_reference_config
from napari_sdannce.files.reference_settings import (
    to_com_predict_settings,
    to_com_train_settings,
    to_dannce_predict_settings,
)
from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings
from napari_sdannce.skeletons import load_skeleton

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = ("com_mouse", "dannce_rat", "sdannce_rat", "sdannce_mouse")


@pytest.fixture
def configs(checkout: Path) -> Path:
    return checkout / "configs"


@pytest.fixture
def read(configs: Path, tmp_path: Path):
    def read_one(name: str) -> Reference:
        shutil.copy(configs / "io_example.yaml", tmp_path / "io.yaml")
        return read_reference_config(configs / f"{name}.yaml", folder=tmp_path)

    return read_one


def test_all_are_known(configs):
    assert {path.stem for path in configs.glob("*.yaml")} == {*REFERENCE, "io_example"}
    assert {path.stem for path in (configs / "ours").glob("*.yaml")} == set(REFERENCE)


def test_com_of_two_mice(read, tmp_path):
    settings = to_com_train_settings(read("com_mouse")).settings
    assert settings.image.downsample == 8
    assert (settings.image.crop_rows, settings.image.crop_columns) == ((0, 1152), (0, 1920))
    assert (settings.epochs, settings.learning_rate, settings.validation_frames) == (20, 5e-5, 2)
    assert len(settings.experiments) == 2
    assert settings.output == tmp_path / "COM" / "train"
    predicting = to_com_predict_settings(read("com_mouse")).settings
    assert predicting.checkpoint == tmp_path / "COM" / "train" / "checkpoint-epoch20.pth"


@pytest.mark.parametrize(
    ("name", "size", "animals"), [("dannce_rat", 240, 1), ("sdannce_rat", 240, 2)]
)
def test_prediction_of_rats(read, tmp_path, name, size, animals):
    settings = to_dannce_predict_settings(read(name)).settings
    assert settings.volume is not None
    assert (settings.volume.size_mm, settings.volume.voxels) == (size, 80)
    assert settings.checkpoint == tmp_path / "DANNCE" / "train" / "checkpoint.pth"
    assert settings.com == tmp_path / "COM" / "predict" / "com3d.mat"


def test_keypoints_are_those_of_the_skeleton(configs):
    for name in REFERENCE[1:]:
        content = yaml.safe_load((configs / f"{name}.yaml").read_text(encoding="utf-8"))
        skeleton = load_skeleton(content["skeleton"])
        assert content["n_channels_out"] == len(skeleton.keypoints)
        bones = content["loss"].get("BoneLengthLoss", {})
        assert max([0, *bones.get("mask", []), bones.get("ref_index", 3)]) < len(skeleton.bones)
    rat = load_skeleton("rat23")
    content = yaml.safe_load((configs / "dannce_rat.yaml").read_text(encoding="utf-8"))
    pairs = zip(content["left_keypoints"], content["right_keypoints"], strict=True)
    assert set(pairs) == set(rat.pairs)


def test_the_reference_bone_is_between_the_ears(configs):
    for name in ("sdannce_rat", "sdannce_mouse"):
        content = yaml.safe_load((configs / f"{name}.yaml").read_text(encoding="utf-8"))
        skeleton = load_skeleton(content["skeleton"])
        bone = skeleton.bones[content["loss"]["BoneLengthLoss"].get("ref_index", 3)]
        assert {skeleton.keypoints[end] for end in bone} == {"EarL", "EarR"}


@pytest.mark.parametrize(
    ("name", "kind"), [("com_mouse", ComTrainSettings), ("dannce_rat", DannceTrainSettings)]
)
def test_ours_are_settings(configs, name, kind):
    content = yaml.safe_load((configs / "ours" / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = kind.model_validate(content)
    assert settings.experiments
    assert set(content) <= set(kind.model_fields)

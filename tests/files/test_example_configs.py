"""The configurations that come with the program say what their comments promise."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce.files.reference_config import Reference, read_reference_config
from napari_sdannce.files.reference_prediction import (
    to_com_predict_settings,
    to_dannce_predict_settings,
)
from napari_sdannce.files.reference_training import (
    to_com_train_settings,
    to_dannce_train_settings,
    to_sdannce_train_settings,
)
from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings, SdannceTrainSettings
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
    assert predicting.checkpoint == tmp_path / "COM/train/checkpoints/best.safetensors"


@pytest.mark.parametrize(
    ("name", "size", "animals"), [("dannce_rat", 240, 1), ("sdannce_rat", 240, 2)]
)
def test_prediction_of_rats(read, tmp_path, name, size, animals):
    settings = to_dannce_predict_settings(read(name)).settings
    assert settings.volume is not None
    assert (settings.volume.size_mm, settings.volume.voxels) == (size, 80)
    assert settings.checkpoint == tmp_path / "DANNCE/train/checkpoints/best.safetensors"
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


def test_the_two_steps_of_rats(read):
    first = to_dannce_train_settings(read("dannce_rat")).settings
    assert (first.epochs, first.learning_rate, first.seed) == (100, 1e-4, 1024)
    assert (first.com_jitter_mm, first.com_jitter_rounds) == (20, 2)
    assert (first.views, first.n_views, first.unlabelled) == ("with_replacement", 6, "none")
    second = to_sdannce_train_settings(read("sdannce_rat")).settings
    assert (second.epochs, second.milestones, second.step_factor) == (40, (20, 35), 0.5)
    assert [loss.name for loss in second.losses] == ["L1Loss", "BoneLengthLoss", "ConsistencyLoss"]
    assert (second.unlabelled, second.copies) == ("equal", 4)
    assert second.graph.dropout == 0.2


@pytest.mark.parametrize("name", REFERENCE[2:])
def test_both_families_ask_for_the_same(read, configs, name):
    theirs = to_sdannce_train_settings(read(name)).settings
    path = configs / "ours" / f"{name}.yaml"
    ours = SdannceTrainSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    for field in ("volume", "width", "losses", "graph", "epochs", "milestones", "step_factor",
                  "schedule", "learning_rate", "batch_size", "views", "n_views", "com_jitter_mm",
                  "unlabelled", "validation_frames", "seed"):  # fmt: skip
        assert getattr(ours, field) == getattr(theirs, field), field


def test_what_they_do_not_follow_is_no_surprise(read):
    expected = {
        "n_channels_out", "new_n_channels_out", "n_instances", "metric", "save_period",
        "medfilt_window", "unlabeled_sampling",
        "exp",  # the two animals, whose COM files are not here
    }  # fmt: skip
    found = {
        each.key for name in REFERENCE[2:] for each in to_sdannce_train_settings(read(name)).ignored
    } | {each.key for each in to_dannce_train_settings(read("dannce_rat")).ignored}
    assert found <= expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("com_mouse", ComTrainSettings),
        ("dannce_rat", DannceTrainSettings),
        ("sdannce_rat", SdannceTrainSettings),
        ("sdannce_mouse", SdannceTrainSettings),
    ],
)
def test_ours_are_settings(configs, name, kind):
    content = yaml.safe_load((configs / "ours" / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = kind.model_validate(content)
    assert settings.experiments
    assert set(content) <= set(kind.model_fields)

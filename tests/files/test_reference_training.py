"""Configurations of the reference program as settings of training pose networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.reference_config import Reference, read_reference_config
from napari_sdannce.files.reference_training import (
    to_com_train_settings,
    to_dannce_train_settings,
    to_sdannce_train_settings,
)
from napari_sdannce.settings.dannce import GraphSettings
from napari_sdannce.settings.losses import BoneLengthLoss, ConsistencyLoss, L1Loss, TemporalLoss

if TYPE_CHECKING:
    from pathlib import Path

EXP = [{"label3d_file": "a_dannce.mat", "com_file": "com3d.mat"}]


def read(folder: Path, **values) -> Reference:
    path = folder / "main.yaml"
    path.write_text(yaml.safe_dump({"exp": EXP, "graph_cfg": {}, **values}, sort_keys=False))
    return read_reference_config(path)


def dannce(folder: Path, **values):
    return to_dannce_train_settings(read(folder, **values)).settings


def test_losses_with_their_arguments(tmp_path):
    loss = {
        "L1Loss": {"loss_weight": 2.0},
        "BoneLengthLoss": {
            "loss_weight": 0.5, "priors": "../priors/rat.npy", "body_profile": "rat23",
            "mask": [2], "relative_scale": True, "ref_loss_weight": 0.0,
        },
        "ConsistencyLoss": {"loss_weight": 0.1, "copies_per_sample": 2},
        "TemporalLoss": {"temporal_chunk_size": 4, "method": "l2"},
    }  # fmt: skip
    one, bones, copies, moments = dannce(tmp_path, loss=loss).losses
    assert one == L1Loss(weight=2)
    assert isinstance(bones, BoneLengthLoss)
    assert bones.priors == tmp_path / "../priors/rat.npy"
    assert (bones.weight, bones.mask, bones.ref_loss_weight) == (0.5, (2,), 0)
    assert copies == ConsistencyLoss(weight=0.1, copies_per_sample=2)
    assert moments == TemporalLoss(temporal_chunk_size=4, method="l2")


def test_priors_from_data_are_shares_of_the_reference_bone(tmp_path):
    arguments = {"compute_priors_from_data": True, "ref_loss_weight": 0.1}
    (bones,) = dannce(tmp_path, loss={"BoneLengthLoss": arguments}).losses
    assert isinstance(bones, BoneLengthLoss)
    assert (bones.priors, bones.relative_scale, bones.ref_loss_weight) == (None, True, 0)
    (bones,) = dannce(tmp_path, loss={"BoneLengthLoss": {"priors": "p.npy"}}).losses
    assert isinstance(bones, BoneLengthLoss)
    assert (bones.relative_scale, bones.ref_loss_weight) == (False, 0.1)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"BoneLossLength": {}}, "there is no 'BoneLossLength', only L1Loss,"),
        ({"L1Loss": 3}, "the arguments of L1Loss are 3"),
        ({"ConsistencyLoss": {"copies": 3}}, "copies"),
        ({"BoneLengthLoss": {"mask": "all"}}, "mask"),
    ],
)
def test_losses_that_make_no_sense(tmp_path, loss, words):
    with pytest.raises(FileFormatError, match=words):
        dannce(tmp_path, loss=loss)


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        (None, ("constant", (), 0.1)),
        ({"type": "MultiStepLR", "args": {"milestones": [20, 35], "gamma": 0.5}},
         ("step", (20, 35), 0.5)),
        ({"type": "StepLR", "args": {"step_size": 30}}, ("step", (30, 60, 90), 0.1)),
        ({"type": "CosineAnnealingLR", "args": {"T_max": 100}}, ("cosine", (), 0.1)),
    ],
)  # fmt: skip
def test_schedules(tmp_path, scheduler, expected):
    settings = dannce(tmp_path, lr_scheduler=scheduler, epochs=100)
    assert (settings.schedule, settings.milestones, settings.step_factor) == expected


def test_a_graph(tmp_path):
    given = {
        "model": "PoseGCN", "hidden_dim": 64, "n_layers": 2, "dropout": 0.2, "use_residual": False,
        "use_features": True, "fuse_dim": 32, "norm_type": "None", "base_block": "modulated",
    }  # fmt: skip
    settings = to_sdannce_train_settings(read(tmp_path, graph_cfg=given)).settings
    assert settings.graph == GraphSettings(
        hidden=64, layers=2, dropout=0.2, residual=False, features=True, fuse=32, norm="none",
        block="modulated",
    )  # fmt: skip
    # what the reference has where nothing is said
    usual = to_sdannce_train_settings(read(tmp_path)).settings.graph
    assert usual == GraphSettings(features=False, fuse=256, residual=True)
    with pytest.raises(FileFormatError, match="s-DANNCE needs it"):
        to_sdannce_train_settings(read(tmp_path, graph_cfg=None))


@pytest.mark.parametrize(
    "graph",
    [{"use_relpose": False}, {"n_instances": 2}, {"inter_social": True}, {"hidden": 3}],
)
def test_graphs_that_contradict_themselves(tmp_path, graph):
    with pytest.raises(FileFormatError, match="'graph_cfg"):
        read(tmp_path, graph_cfg=graph)


@pytest.mark.parametrize(
    ("given", "expected"), [("equal", "equal"), (30, "30"), (0.25, "0.25"), (None, "none")]
)
def test_frames_without_labels(tmp_path, given, expected):
    bones = {"L1Loss": {}, "BoneLengthLoss": {}}
    assert dannce(tmp_path, unlabeled_sampling=given, loss=bones).unlabelled == expected
    # nothing learns of them, or there is no COM to fill volumes round
    assert dannce(tmp_path, unlabeled_sampling=given).unlabelled == "none"
    without = [{"label3d_file": "a_dannce.mat"}]
    settings = dannce(tmp_path, unlabeled_sampling=given, loss=bones, exp=without)
    assert settings.unlabelled == "none"


@pytest.mark.parametrize(
    ("sampling", "fraction", "expected"),
    [
        ("equal", 0.25, "0.2"),  # a quarter as many as labelled ones are a fifth of all
        ("equal", 1.5, "equal"),
        (0.5, 0.25, "0.2"),
        (0.2, 0.5, "0.2"),
        (30, 0.25, "30"),
        ("equal", 12, "equal"),
    ],
)
def test_less_frames_without_labels(tmp_path, sampling, fraction, expected):
    reference = read(
        tmp_path, unlabeled_sampling=sampling, unlabeled_fraction=fraction,
        loss={"L1Loss": {}, "BoneLengthLoss": {}},
    )  # fmt: skip
    found = to_dannce_train_settings(reference)
    assert found.settings.unlabelled == expected
    is_told = "unlabeled_fraction" in [each.key for each in found.ignored]
    assert is_told == (sampling == 30 or fraction == 12)


def test_less_to_learn_from(tmp_path):
    settings = dannce(tmp_path, training_fraction=0.5, drop_landmark=[3, 5])
    assert (settings.train_share, settings.drop_keypoints) == (0.5, (3, 5))
    assert dannce(tmp_path, training_fraction=1).train_share is None
    found = to_com_train_settings(
        read(tmp_path, downfac=4, training_fraction=0.5, drop_landmark=[3], augment_hue=True)
    )
    assert found.settings.train_share == 0.5
    told = {each.key: each.reason for each in found.ignored}
    assert told["augment_hue"] == "images for the COM keep their colours"
    assert told["drop_landmark"] == "COMs are means of all labelled keypoints"


def test_pairs_of_animals_are_told(tmp_path):
    entries = [{"label3d_file": "a_dannce.mat", "com_file": "COM/instance0com3d.mat"}]
    found = to_sdannce_train_settings(read(tmp_path, exp=entries, loss={"BoneLengthLoss": {}}))
    assert "unlabelled_within_mm" in found.ignored[-1].reason
    assert found.settings.unlabelled == "equal"
    assert to_sdannce_train_settings(read(tmp_path, exp=entries)).ignored == ()


def test_changes_of_volumes_and_images(tmp_path):
    usual = dannce(tmp_path)
    assert (usual.rotate, usual.mirror, usual.augment_hue, usual.com_jitter_mm) == (
        "quarters", False, 0, 0,
    )  # fmt: skip
    changed = dannce(
        tmp_path, augment_continuous_rotation=True, mirror_augmentation=True, augment_hue=True,
        COM_augmentation=True, COM_aug_iters=2, COM_aug_radius=8,
    )  # fmt: skip
    assert (changed.rotate, changed.mirror, changed.augment_hue) == ("any", True, 0.05)
    assert (changed.com_jitter_mm, changed.com_jitter_rounds) == (8, 2)
    com = to_com_train_settings(read(tmp_path, downfac=4, augment_rotation=True)).settings
    assert com.augment_turn_deg == 5


def test_left_and_right(tmp_path):
    sides = {"left_keypoints": [1, 4], "right_keypoints": [2, 5]}
    assert dannce(tmp_path, **sides).mirror_pairs == ()  # nothing is mirrored
    assert dannce(tmp_path, mirror_augmentation=True, **sides).mirror_pairs == ("1:2", "4:5")
    assert dannce(tmp_path, mirror_augmentation=True).mirror_pairs == ()
    with pytest.raises(FileFormatError, match="2 keypoints on the left can not be swapped with 1"):
        dannce(tmp_path, mirror_augmentation=True, **sides | {"right_keypoints": [2]})


def test_who_validates(tmp_path):
    settings = dannce(
        tmp_path, exp=[dict(EXP[0]) for _ in range(3)], valid_exp=[2], num_train_per_exp=50
    )
    assert (settings.validation_experiments, settings.train_frames) == ((2,), 50)


def test_continuing_is_another_command_here(tmp_path):
    values = {"train_mode": "continued", "dannce_finetune_weights": "w.pth"}
    found = to_dannce_train_settings(read(tmp_path, **values))
    assert found.settings.start_from == tmp_path / "w.pth"
    assert "sdannce train continue" in found.ignored[-1].reason
    assert not to_dannce_train_settings(
        read(tmp_path, **values | {"train_mode": "finetune"})
    ).ignored


def test_the_head_that_learns_maxima(tmp_path):
    settings = dannce(tmp_path, expval=False, sigma=8, loss={"MSELoss": {}})
    assert (settings.head, settings.sigma_mm) == ("maximum", 8)

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.reference_config import (
    ReferenceConfig,
    known_keys,
    read_reference_config,
)
from napari_sdannce.files.reference_keys import IGNORED
from napari_sdannce.files.reference_prediction import (
    to_com_predict_settings,
    to_dannce_predict_settings,
)
from napari_sdannce.files.reference_training import (
    to_com_train_settings,
    to_dannce_train_settings,
    to_sdannce_train_settings,
)

# the tables of the specification, by hand
COMMON = """
    base_config io_config slurm_config sbatch random_seed gpu_id multi_gpu_train viddir viddir_flag
    immode chunks lockfirst camnames extension n_views mono mirror n_channels_in raw_im_h raw_im_w
    crop_height crop_width downfac n_instances use_npy net net_type batch_size write_npy
    write_visual_hull debug_volume_tifdir debug_train_volume_tifdir
"""
TRAINING = """
    exp data_split_seed training_fraction load_valid valid_exp num_validation_per_exp
    num_train_per_exp drop_landmark augment_hue augment_brightness augment_hue_val
    augment_bright_val augment_rotation_val train_mode epochs save_period lr lr_scheduler loss
    metric norm_method graph_cfg
"""
VOLUMES = """
    dataset dataset_args skeleton is_social_dataset comthresh weighted com_method com_fromlabels
    cthresh medfilt_window depth channel_combo cam3_train use_silhouette use_silhouette_in_volume
    downscale_occluded_view vmin vmax nvox vol_size expval sigma interp use_temporal support_exp
    n_support_chunks unlabeled_temp n_channels_out new_n_channels_out
"""
DANNCE_TRAIN = """
    dannce_train_dir dannce_finetune_weights augment_continuous_rotation mirror_augmentation
    left_keypoints right_keypoints n_rand_views rand_view_replace allow_valid_replace rotate
    heatmap_reg heatmap_reg_coeff replace_view COM_augmentation COM_aug_radius COM_aug_iters
    batch_augmentation batch_aug_size unlabeled_sampling unlabeled_fraction
"""
PREDICT = """
    max_num_samples start_sample start_batch predict_labeled_only label3d_index com_file
    dannce_predict_dir dannce_predict_model com_predict_dir com_predict_weights
"""
COM = """
    com_exp dsmode debug com_debug com_train_dir com_finetune_weights augment_rotation
    augment_shear augment_zoom augment_shear_val augment_zoom_val augment_shift_val
"""
COMMAND_LINE_ONLY = """
    verbose n_layers_locked from_weights predict_model save_pred_targets temporal_loss_weight
    temporal_chunk_size multigpu
"""
UNREACHABLE = "residual norm_upsampling social_big_volume social_joint_training return_full2d"
ALL_KEYS = " ".join(
    [COMMON, TRAINING, VOLUMES, DANNCE_TRAIN, PREDICT, COM, COMMAND_LINE_ONLY, UNREACHABLE]
).split()

RAT = {
    "io_config": "io.yaml",
    "vmin": -120,
    "vmax": 120,
    "nvox": 80,
    "interp": "nearest",
    "net_type": "compressed_dannce",
    "n_channels_out": 23,
    "new_n_channels_out": 23,
    "crop_height": [0, 1200],
    "crop_width": [0, 1920],
    "batch_size": 4,
    "epochs": 100,
    "lr": "1e-4",
    "loss": {"L1Loss": {"loss_weight": 1.0}},
    "COM_augmentation": True,
    "medfilt_window": 30,
    "n_rand_views": 6,
    "rand_view_replace": True,
    "metric": ["euclidean_distance_3D"],
    "data_split_seed": 1024,
    "random_seed": 1024,
    "train_mode": "finetune",
}
IO = {
    "dannce_train_dir": "DANNCE/train",
    "dannce_finetune_weights": "./weights\\rat7m.pth",
    "dannce_predict_model": "DANNCE/train/checkpoint.pth",
    "com_file": "COM/predict/com3d.mat",
    "exp": [
        {"label3d_file": "../day1/x_dannce.mat", "com_file": "../day1/COM/instance0com3d.mat"},
        {"label3d_file": "../day1/y_dannce.mat", "camnames": ["Camera2", "Camera1"]},
    ],
}


def write(folder: Path, main=RAT, io=IO, name="configs/dannce_rat.yaml") -> Path:
    (folder / "day0").mkdir(exist_ok=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(yaml.safe_dump(main, sort_keys=False))
    if io is not None:
        (folder / "day0" / "io.yaml").write_text(yaml.safe_dump(io, sort_keys=False))
    return folder / name


def read(folder: Path, main=RAT, io=IO):
    return read_reference_config(write(folder, main, io), folder=folder / "day0")


def reasons(ignored):
    return {each.key: each.reason for each in ignored}


@pytest.mark.parametrize("key", ALL_KEYS)
def test_every_key_is_mapped_or_ignored_with_a_reason(key):
    assert (key in ReferenceConfig.model_fields) != (key in IGNORED)
    assert key in known_keys()
    assert len(IGNORED.get(key, "mapped to a field")) > 10


OTHER_VALUES = {
    "viddir": "films", "camnames": ["Camera2"], "random_seed": 7, "mono": True, "n_views": 4,
    "crop_height": [8, 100], "crop_width": [4, 90], "downfac": 2, "batch_size": 9,
    "net_type": "dannce", "norm_method": "batch", "exp": [{"label3d_file": "b_dannce.mat"}],
    "com_exp": [{"label3d_file": "c_dannce.mat"}], "data_split_seed": 3,
    "num_validation_per_exp": 9, "train_mode": "finetune", "epochs": 9, "lr": 0.5,
    "lr_scheduler": {"type": "StepLR"}, "loss": {"L2Loss": {}}, "skeleton": "mouse22",
    "com_fromlabels": True, "channel_combo": "random", "cam3_train": True, "vmin": -60,
    "vmax": 60, "vol_size": 90, "nvox": 64, "interp": "linear", "expval": False, "sigma": 5,
    "n_rand_views": 2, "rand_view_replace": True, "rotate": False, "COM_augmentation": True,
    "COM_aug_radius": 5, "dsmode": "dsm", "max_num_samples": 50, "start_sample": 5,
    "predict_labeled_only": True, "replace_view": 2, "n_instances": 2, "n_channels_out": 1,
    "comthresh": 0.5, "weighted": True, "com_method": "mean", "cthresh": 300,
    "medfilt_window": 31,
    "com_file": "z.mat", "com_train_dir": "a", "com_predict_dir": "b",
    "com_predict_weights": "c.pth", "com_finetune_weights": "d.pth", "dannce_train_dir": "e",
    "dannce_predict_dir": "f", "dannce_predict_model": "g.pth",
    "dannce_finetune_weights": "h.pth", "valid_exp": [0], "num_train_per_exp": 9,
    "augment_hue": True, "augment_hue_val": 0.2, "augment_brightness": True,
    "augment_bright_val": 0.3, "augment_rotation": True, "augment_rotation_val": 9,
    "augment_zoom": True, "augment_zoom_val": 0.3, "augment_shift": True,
    "augment_shift_val": 0.3, "augment_continuous_rotation": True,
    "mirror_augmentation": True, "COM_aug_iters": 3, "graph_cfg": {"n_layers": 5},
    "unlabeled_sampling": 0.25, "training_fraction": 0.5, "drop_landmark": [1],
    "unlabeled_fraction": 0.5, "left_keypoints": [3], "right_keypoints": [4],
}  # fmt: skip
BASE: dict[str, Any] = {
    "downfac": 4, "exp": [{"label3d_file": "a_dannce.mat"}], "com_predict_weights": "w.pth",
    "dannce_predict_model": "m.pth", "com_finetune_weights": "x.pth",
    "dannce_finetune_weights": "y.pth", "graph_cfg": {}, "batch_size": 4,
}  # fmt: skip
TOGETHER_WITH: dict[str, dict[str, Any]] = {
    "n_views": {"n_rand_views": 0}, "n_channels_out": {"n_instances": 2},
    "n_instances": {"n_channels_out": 1},
    "replace_view": {"camnames": ["A", "B"]},
    "channel_combo": {"n_rand_views": None}, "rand_view_replace": {"n_rand_views": 3},
    "COM_aug_radius": {"COM_augmentation": True}, "data_split_seed": {"random_seed": None},
    "com_finetune_weights": {"train_mode": "finetune"},
    "dannce_finetune_weights": {"train_mode": "finetune"},
    "COM_aug_iters": {"COM_augmentation": True}, "augment_hue_val": {"augment_hue": True},
    "augment_bright_val": {"augment_brightness": True},
    "augment_rotation_val": {"augment_rotation": True, "augment_continuous_rotation": True},
    "augment_zoom_val": {"augment_zoom": True}, "augment_shift_val": {"augment_shift": True},
    "left_keypoints": {
        "mirror_augmentation": True, "left_keypoints": [1], "right_keypoints": [2]},
    "right_keypoints": {
        "mirror_augmentation": True, "left_keypoints": [1], "right_keypoints": [2]},
    "unlabeled_fraction": {"loss": {"L1Loss": {}, "BoneLengthLoss": {}}},
    "unlabeled_sampling": {"loss": {"L1Loss": {}, "BoneLengthLoss": {}}},
}  # fmt: skip
COM_IMAGES = "mono crop_height crop_width downfac dsmode camnames viddir random_seed"
OF_JOB = {
    to_com_train_settings: f"""
        {COM_IMAGES} {TRAINING} batch_size n_instances n_channels_out sigma com_exp debug com_debug
        com_train_dir com_finetune_weights augment_rotation augment_shear augment_zoom
        augment_shear_val augment_zoom_val augment_shift augment_shift_val""",
    to_com_predict_settings: f"""
        {COM_IMAGES} batch_size n_instances n_channels_out norm_method max_num_samples start_sample
        start_batch predict_labeled_only label3d_index com_predict_dir com_predict_weights debug""",
    to_dannce_train_settings: f"{COMMON} {TRAINING} {VOLUMES} {DANNCE_TRAIN}",
    to_sdannce_train_settings: f"{COMMON} {TRAINING} {VOLUMES} {DANNCE_TRAIN}",
    to_dannce_predict_settings: f"""
        {COMMON} {VOLUMES} {PREDICT} norm_method graph_cfg replace_view""",
}
"""Keys that concern a job, by the specification."""
NOT_OF_JOB = {
    to_com_train_settings: "graph_cfg",
    to_com_predict_settings: "",
    to_dannce_train_settings: "downfac replace_view graph_cfg",  # COM; prediction; s-DANNCE
    to_sdannce_train_settings: "downfac replace_view expval",  # the graph takes expectations only
    # COM, and what the loader of training does
    to_dannce_predict_settings: """
        downfac com_predict_dir com_predict_weights com_fromlabels channel_combo cam3_train
        sigma""",
}
"""Of these, those that do not."""


def keys_of(job) -> list[str]:
    of_job = set(OF_JOB[job].split()) - set(NOT_OF_JOB[job].split())
    return sorted(of_job - {"io_config"})


@pytest.mark.parametrize(
    ("job", "key"), [(job, key) for job in OF_JOB for key in keys_of(job)],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)  # fmt: skip
def test_every_key_of_a_job_is_followed_or_told_by_it(tmp_path, job, key):
    (tmp_path / "day0").mkdir()
    write_com(tmp_path / "day0", np.zeros((3, 1, 3)), np.arange(3))
    (tmp_path / "day0" / "com3d.mat").rename(tmp_path / "day0" / "a_dannce.mat")

    def found(values):
        converted = job(read(tmp_path, values, {}))
        return converted.settings, reasons(converted.ignored)

    base = {**BASE, **TOGETHER_WITH.get(key, {})}
    if key in IGNORED:
        assert key in found({**base, key: 1})[1]
        return
    changed = {**base, key: OTHER_VALUES[key]}
    if key in ("vmin", "vmax"):  # only together
        changed |= {"vmin": -60, "vmax": 60}
    (before, _), (after, told) = found(base), found(changed)
    assert before != after or key in told


def test_keys_belong_to_jobs():
    concerned = {key for job in OF_JOB for key in keys_of(job)}
    assert set(ReferenceConfig.model_fields) - concerned == {"io_config"}


def test_a_rat_configuration(tmp_path):
    found = read(tmp_path)
    training = to_dannce_train_settings(found)
    settings = training.settings
    assert settings.volume.size_mm == 240
    assert settings.volume.voxels == 80
    assert settings.width == 32
    assert settings.learning_rate == 1e-4
    assert (settings.epochs, settings.batch_size, settings.seed) == (100, 4, 1024)
    assert (settings.com_jitter_mm, settings.com_jitter_rounds) == (20, 1)
    assert settings.unlabelled == "none"  # the L1 loss learns nothing of them
    assert (settings.views, settings.n_views) == ("with_replacement", 6)
    assert settings.schedule == "constant"
    assert settings.split == "reference"
    assert settings.start_from == tmp_path / "day0" / "weights" / "rat7m.pth"
    one, two = settings.experiments
    assert os.path.normpath(one.folder) == str(tmp_path / "day1")
    assert one.com is not None
    assert one.com.name == "instance0com3d.mat"
    assert two.com is None
    assert two.cameras == ("Camera2", "Camera1")
    assert one.pixel_origin == "reference"
    told = reasons(training.ignored)
    assert set(told) == {"n_channels_out", "new_n_channels_out", "metric"}
    predicting = to_dannce_predict_settings(found).settings
    assert predicting.checkpoint == tmp_path / "day0" / "DANNCE" / "train" / "checkpoint.pth"
    assert predicting.com == tmp_path / "day0" / "COM" / "predict" / "com3d.mat"
    assert predicting.count is None


def test_nothing_depends_on_the_current_folder(tmp_path, monkeypatch):
    path = write(tmp_path)
    found = []
    for folder in (tmp_path, tmp_path / "day0", Path("/")):
        monkeypatch.chdir(folder)
        found.append(read_reference_config(path, folder=tmp_path / "day0").config)
    assert found[0] == found[1] == found[2]


def test_the_experiment_folder_is_that_of_io(tmp_path):
    main = write(tmp_path, name="day0/main.yaml")
    assert read_reference_config(main).folder == tmp_path / "day0"
    elsewhere = write(tmp_path, {**RAT, "io_config": "../day0/io.yaml"}, name="configs/m.yaml")
    found = read_reference_config(elsewhere)
    assert os.path.normpath(found.folder) == str(tmp_path / "day0")
    with pytest.raises(FileNotFoundError, match=r"io_config 'io\.yaml'"):
        read_reference_config(write(tmp_path))


def test_io_goes_before_the_main_file(tmp_path):
    found = read(tmp_path, {**RAT, "batch_size": 4}, {**IO, "batch_size": 7})
    assert found.config.batch_size == 7


@pytest.mark.parametrize("text", ["5e-5", "'5e-5'", "5.0e-5", "0.00005"])
def test_numbers_written_as_text(tmp_path, text):
    path = write(tmp_path, {"lr": 1}, None)
    path.write_text(f"lr: {text}\n")
    assert read_reference_config(path).config.lr == 5e-5


def test_none_written_as_text(tmp_path):
    found = read(tmp_path, {"n_rand_views": "None", "random_seed": None, "camnames": "None"}, {})
    assert found.config.n_rand_views is None
    assert found.config.random_seed is None


def test_unknown_keys_are_one_error_with_near_matches(tmp_path):
    main = {"lr": 1e-4, "n_rand_view": 6, "completely_new": 1, "learning_rate": 2}
    with pytest.raises(FileFormatError) as error:
        read(tmp_path, main)
    text = str(error.value)
    assert "dannce_rat.yaml" in text
    assert "'n_rand_view' in line 2 (perhaps n_rand_views" in text
    assert "'completely_new' in line 3" in text
    assert "'learning_rate'" in text


@pytest.mark.parametrize(
    ("main", "io", "words"),
    [
        ({"lr": "fast"}, {}, ["dannce_rat.yaml", "line 1", "'lr'"]),
        ({}, {"epochs": 2, "nvox": -4}, ["io.yaml", "line 2", "'nvox'"]),
        ({"vmin": 10, "vmax": -10}, {}, ["vmax -10.0 must be larger"]),
        ({"exp": [{"com_file": "x"}]}, {}, ["'exp.0.label3d_file' is missing"]),
        ({"exp": [{"label3d_file": "x", "colour": "x"}]}, {}, ["'exp.0.colour' is not known"]),
        ({"interp": "cubic"}, {}, ["'interp'", "cubic"]),
    ],
)
def test_values_that_make_no_sense(tmp_path, main, io, words):
    with pytest.raises(FileFormatError) as error:
        read(tmp_path, main, io)
    for word in words:
        assert word in str(error.value)


def test_what_a_job_lacks(tmp_path):
    with pytest.raises(FileFormatError, match="'exp'"):
        to_dannce_train_settings(read(tmp_path, {}, {}))
    with pytest.raises(FileFormatError, match="'downfac'"):
        to_com_train_settings(read(tmp_path, {}, IO))
    with pytest.raises(FileFormatError, match="dannce_predict_model"):
        to_dannce_predict_settings(read(tmp_path, {}, {}))
    with pytest.raises(FileFormatError, match="com_predict_weights"):
        to_com_predict_settings(read(tmp_path, {"downfac": 8}, {}))
    with pytest.raises(FileFormatError, match="centred"):
        to_dannce_train_settings(read(tmp_path, {"vmin": -100, "vmax": 120}, IO))
    with pytest.raises(FileFormatError, match="voxels"):
        to_dannce_train_settings(read(tmp_path, {"nvox": 30}, IO))
    with pytest.raises(FileFormatError, match="needs weights"):
        to_dannce_train_settings(read(tmp_path, {"train_mode": "continued", "exp": IO["exp"]}, {}))


def test_ranges_of_prediction(tmp_path):
    main = {
        "start_sample": 100,
        "max_num_samples": 250,
        "downfac": 8,
        "com_predict_weights": "w.pth",
    }
    found = read(tmp_path, main, IO)
    coms, poses = to_com_predict_settings(found), to_dannce_predict_settings(found)
    assert (coms.settings.start, coms.settings.count) == (100, 250)
    assert (poses.settings.start, poses.settings.count) == (100, 250)
    # the reference predicts 250 centres, but only 150 poses
    assert "max_num_samples" not in reasons(coms.ignored)
    (told,) = [each for each in poses.ignored if each.key == "max_num_samples"]
    assert "is followed in another way: 250 moments from start_sample 100 on" in str(told)
    for change in ({"start_sample": 0}, {"max_num_samples": "max"}):
        poses = to_dannce_predict_settings(read(tmp_path, {**main, **change}, IO))
        assert "max_num_samples" not in reasons(poses.ignored)


def test_the_replaced_view_is_named(tmp_path):
    main = {"dannce_predict_model": "m.pth", "replace_view": 2}
    found = read(tmp_path, {**main, "camnames": ["A", "B"]}, {})
    assert to_dannce_predict_settings(found).settings.replace_view == "B"
    # without names, the cameras of the recording are counted
    assert to_dannce_predict_settings(read(tmp_path, main, {})).settings.replace_view == "2"
    with pytest.raises(FileFormatError, match="there are A"):
        to_dannce_predict_settings(read(tmp_path, {**main, "camnames": ["A"]}, {}))


def test_com_weights_of_the_last_epoch_are_found(tmp_path):
    found = read(tmp_path, {"downfac": 8}, {})
    folder = tmp_path / "day0" / "COM" / "train"
    folder.mkdir(parents=True)
    for name in ("checkpoint-epoch9.pth", "checkpoint-epoch10.pth", "checkpoint.pth"):
        (folder / name).touch()
    settings = to_com_predict_settings(found).settings
    assert settings.checkpoint.name == "checkpoint-epoch10.pth"
    assert settings.triangulation == "pair_median"
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "best.safetensors").touch()
    settings = to_com_predict_settings(found).settings
    assert settings.checkpoint.name == "best.safetensors"
    assert settings.triangulation == "robust"


@pytest.mark.parametrize(
    ("job", "key"),
    [
        (to_com_predict_settings, "com_predict_weights"),
        (to_dannce_predict_settings, "dannce_predict_model"),
        (to_com_train_settings, "com_finetune_weights"),
        (to_dannce_train_settings, "dannce_finetune_weights"),
    ],
)
def test_weights_that_a_training_here_named_otherwise(tmp_path, job, key):
    main = {"downfac": 8, "train_mode": "finetune", key: "train/checkpoint-epoch5.pth"}
    found = read(tmp_path, main, {"exp": IO["exp"]})
    assert key not in reasons(job(found).ignored)
    folder = tmp_path / "day0/train/checkpoints"
    folder.mkdir(parents=True)
    (folder / "best.safetensors").touch()
    converted = job(found)
    assert "is not there, and" in reasons(converted.ignored)[key]
    taken = "start_from" if "finetune" in key else "checkpoint"
    assert getattr(converted.settings, taken) == folder / "best.safetensors"
    # the last of several runs, of those that have weights
    for name in ("train-2", "train-10", "train-11", "train-x", "training-12"):
        run = tmp_path / "day0" / name / "checkpoints"
        run.mkdir(parents=True)
        if name != "train-11":
            (run / "best.safetensors").touch()
    taken_from = getattr(job(found).settings, taken)
    assert taken_from == tmp_path / "day0/train-10/checkpoints/best.safetensors"
    # what is there is taken
    folder.with_name("checkpoint-epoch5.pth").touch()
    assert key not in reasons(job(found).ignored)


def test_com_configuration(tmp_path):
    main = {
        "downfac": 8, "dsmode": "dsm", "crop_height": [0, 1152], "crop_width": [0, 1920],
        "lr": 5e-5, "epochs": 20, "num_validation_per_exp": 2, "mono": False,
        "loss": {"MSELoss": {"loss_weight": 1.0}},
        "com_exp": [{"label3d_file": "com_dannce.mat"}],
    }  # fmt: skip
    found = to_com_train_settings(read(tmp_path, main, IO))
    settings = found.settings
    assert settings.image.downsample == 8
    assert settings.image.method == "mean"
    assert settings.image.crop_rows == (0, 1152)
    assert settings.sigma_px == 30
    assert settings.validation_frames == 2
    assert [each.labels[0].name for each in settings.experiments] == ["com_dannce.mat"]
    (told,) = found.ignored  # a label file that is not there says nothing of cameras
    assert (told.key, settings.batch_size) == ("batch_size", 4)
    named = to_com_train_settings(read(tmp_path, {**main, "camnames": ["A", "B", "C"]}, IO))
    assert (named.settings.batch_size, named.ignored) == (12, ())
    fallback = to_com_train_settings(read(tmp_path, {"downfac": 8}, IO)).settings
    assert [each.labels[0].name for each in fallback.experiments] == [
        "x_dannce.mat",
        "y_dannce.mat",
    ]
    assert fallback.learning_rate == 5e-5


def test_what_is_not_followed_is_told(tmp_path):
    main = {
        "lr_scheduler": {"type": "ReduceLROnPlateau"}, "gpu_id": "1", "viddir": "films",
        "graph_cfg": {"hidden_dim": 128}, "expval": False, "loss": {"MSELoss": {}},
        "unlabeled_sampling": "equal", "augment_shear": True,
    }  # fmt: skip
    found = to_dannce_train_settings(read(tmp_path, main, IO))
    told = reasons(found.ignored)
    assert set(told) == {"lr_scheduler", "gpu_id", "viddir", "augment_shear"}
    assert "no ReduceLROnPlateau here" in told["lr_scheduler"]
    assert str(found.ignored[0]).startswith(str(tmp_path / "configs" / "dannce_rat.yaml"))


def test_several_animals_in_one_heatmap(tmp_path):
    main = {"downfac": 8, "com_predict_weights": "w.pth", "n_instances": 2, "n_channels_out": 1}
    found = read(tmp_path, main, IO)
    assert to_com_train_settings(found).settings.channels == "shared"
    assert to_com_predict_settings(found).settings.n_animals == 2
    for channels in (2, None):
        found = read(tmp_path, {**main, "n_channels_out": channels}, IO)
        training = to_com_train_settings(found)
        assert training.settings.channels == "identity"
        assert "those of the labels" in reasons(training.ignored)["n_instances"]
        assert to_com_predict_settings(found).settings.n_animals is None


def test_how_com_traces_are_taken(tmp_path):
    main = {"medfilt_window": 30, "cthresh": 350, "comthresh": 0.2, "weighted": True}
    found = read(tmp_path, main, IO)
    settings = to_dannce_predict_settings(found).settings
    assert (settings.com_median, settings.com_median_reference) == (30, True)
    assert settings.com_limit_mm == 350
    assert (settings.com_pairs.threshold, settings.com_pairs.weighted) == (0.2, True)
    assert settings.com_gap == 0  # the reference leaves gaps as they are
    plain = to_dannce_predict_settings(read(tmp_path, {}, IO)).settings
    assert (plain.com_median, plain.com_median_reference, plain.com_limit_mm) == (None, False, None)
    training = to_dannce_train_settings(found)
    assert {"comthresh", "weighted"} <= set(reasons(training.ignored))
    first = training.settings.experiments[0]
    # smoothed for training, too, but not pulled to 0 at both ends
    assert (first.com_median, first.com_median_reference) == (30, False)
    assert (first.com_limit_mm, first.com_gap) == (350, 0)

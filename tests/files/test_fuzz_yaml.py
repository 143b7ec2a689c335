"""Damaged and changed project files, configurations and sync tables: read, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.reference_config import known_keys, read_reference_config
from napari_sdannce.files.reference_prediction import (
    to_com_predict_settings,
    to_dannce_predict_settings,
)
from napari_sdannce.files.reference_training import (
    to_com_train_settings,
    to_dannce_train_settings,
    to_sdannce_train_settings,
)

FILES = "napari_sdannce.files"
CAMERA = {
    "name": "A",
    "matrix": [[600.0, 0, 320], [0, 600, 240], [0, 0, 1]],
    "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "translation": [0.0, 0, 900],
    "radial": [0.1, 0.2],
    "image_size": [640, 480],
}
PROJECT = {
    "version": 1,
    "fps": 50.0,
    "pixel_origin": "matlab",
    "skeleton": "rat23",
    "cameras": [{"name": "A", "videos": ["videos/A/0.mp4", {"file": "b.mp4", "first_frame": 9}]}],
    "calibration": [CAMERA],
    "sync": "sync.csv",
    "labels": ["x_dannce.mat"],
    "predictions": ["DANNCE/predict"],
}
CONFIG = {
    "io_config": "io.yaml",
    "exp": [{"label3d_file": "x_dannce.mat", "com_file": "com3d.mat", "viddir": "videos"}],
    "camnames": ["A", "B"],
    "crop_height": [0, 1152],
    "downfac": 8,
    "lr": "5e-5",
    "epochs": 40,
    "lr_scheduler": {"type": "StepLR", "args": {"step_size": 20, "milestones": [20, 35]}},
    "loss": {
        "L1Loss": {"loss_weight": 1.0},
        "BoneLengthLoss": {"priors": "priors.npy", "mask": [2], "ref_loss_weight": 0.0},
    },
    "graph_cfg": {"hidden_dim": 128, "dropout": 0.2, "norm_type": "batch"},
    "unlabeled_sampling": 0.5,
    "nvox": 80,
    "vmin": -120,
    "vmax": 120,
    "max_num_samples": "max",
    "start_sample": 0,
    "n_rand_views": "None",
    "dannce_predict_model": "w.pth",
    "com_predict_weights": "c.pth",
}
WEIRD = st.sampled_from(
    [None, "", "text", "None", "\0", -1, 0, 1.5, 10**400, float("nan"), float("inf"), True, [], {},
     [None], [[1]], {"a": 1}, {1: 2}, "C:\\x\\y", "../" * 20, "a" * 300, "b/" * 3000]
)  # fmt: skip


def places(value, path=()):
    """Paths of everything inside a structure."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield (*path, key)
            yield from places(item, (*path, key))


@st.composite
def changed(draw, structure):
    result = yaml.safe_load(yaml.safe_dump(structure))
    for _ in range(draw(st.integers(1, 3))):
        there = list(places(result))
        if not there:
            break
        *way, key = draw(st.sampled_from(there))
        holder = result
        for step in way:
            holder = holder[step]
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "remove":
            del holder[key]
        elif what == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["unknown", "name", 5, None, True]))] = draw(WEIRD)
        else:
            holder[key] = draw(WEIRD)
    return result


YAML_BYTES = st.one_of(
    st.binary(max_size=100),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", errors="replace")),
    st.sampled_from([b"[" * 20_000, b"{a: " * 5000, b"- " * 20_000, b"a: " + b"9" * 6000]),
    st.sampled_from(
        [
            b"a: &b [*b]", b"a: !!python/name:os.system", b"a: 2001-99-99", b"? [a]\n: b",
            b"a: !!binary x", b"%YAML 9.9\n---\na: 1", b"a: 1\n---\nb: 2", b"a: 0x",
            b"a: 1:60:60:60", b"a: !!timestamp 'x'", b"<<: {a: 1}", b"<<: [1]", b"a: !!set {b}",
            b"a: !!omap [b]", b"\xff\xfea\x00", b"a: !!float x", b"= : 1", b"cameras: =",
            b"a: !!int ''", b"<<: {fps: 1}\nfps: 2", b"<<: [{fps: 1}, {fps: 3}]",
        ]
    ),
)  # fmt: skip


def write(folder, name, content):
    path = folder / name
    data = content if isinstance(content, bytes) else yaml.safe_dump(content).encode()
    path.write_bytes(data)
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.mp4").touch()
    (tmp_path / "sync.csv").write_text("sample_id,A\n1,0\n2,1\n")
    return tmp_path


def test_projects(fuzz, folder):
    content = yaml.safe_dump(PROJECT).encode()

    @fuzz.settings
    @given(changed(PROJECT) | fuzz.damaged(content) | YAML_BYTES)
    def check(value):
        path = write(folder, "sdannce.yaml", value)
        fuzz.check(f"{FILES}.open_project:open_project", path)

    check()
    assert (
        fuzz.check(f"{FILES}.open_project:open_project", write(folder, "sdannce.yaml", PROJECT))
        == "read"
    )


def test_configurations(fuzz, folder):
    content = yaml.safe_dump(CONFIG).encode()
    (folder / "io.yaml").write_text("dannce_train_dir: here\n")

    @fuzz.settings
    @given(changed(CONFIG) | fuzz.damaged(content) | YAML_BYTES)
    def check(value):
        path = write(folder, "main.yaml", value)
        fuzz.check(f"{FILES}.reference_config:read_reference_config", path)

    check()
    path = write(folder, "main.yaml", CONFIG)
    assert fuzz.check(f"{FILES}.reference_config:read_reference_config", path) == "read"


def test_settings_of_configurations(fuzz, folder):
    (folder / "io.yaml").write_text("dannce_train_dir: here\n")
    jobs = (
        to_com_train_settings,
        to_com_predict_settings,
        to_dannce_train_settings,
        to_sdannce_train_settings,
        to_dannce_predict_settings,
    )
    read = 0

    @fuzz.settings
    @given(changed(CONFIG) | st.dictionaries(st.sampled_from(sorted(known_keys())), WEIRD))
    def check(value):
        nonlocal read
        try:
            reference = read_reference_config(write(folder, "main.yaml", value), folder=folder)
        except (FileFormatError, FileNotFoundError):
            return
        read += 1
        for job in jobs:
            try:
                assert all(str(each) for each in job(reference).ignored)
            except (FileFormatError, FileNotFoundError):
                continue

    check()
    assert read > 3


def test_sync_tables(fuzz, folder):
    rows = np.stack([np.arange(20) * 10, np.arange(20), np.arange(20) - 1], axis=1)
    text = "sample_id,A,B\n" + "\n".join(",".join(map(str, row)) for row in rows.tolist()) + "\n"
    write(folder, "sdannce.yaml", {**PROJECT, "cameras": [{"name": "A"}, {"name": "B"}]})

    @fuzz.settings
    @given(fuzz.damaged(text.encode()) | st.binary(max_size=60))
    def check(value):
        write(folder, "sync.csv", value)
        fuzz.check(f"{FILES}.open_project:open_project", folder / "sdannce.yaml")

    check()

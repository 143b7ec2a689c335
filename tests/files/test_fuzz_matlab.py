"""Damaged and changed MATLAB files: read, or refused with the one error."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat_values import cell_row
from napari_sdannce.skeletons import load_skeleton, write_skeleton_yaml

FILES = "napari_sdannce.files"
READERS = [
    ("dannce_mat:read_dannce", "dannce", "x_dannce.mat"),
    ("label_file:open_labels", "dannce", "x_dannce.mat"),
    ("experiment:open_recording", "dannce", "x_dannce.mat"),
    ("label3d:read_label3d_state", "label3d", "x_Label3D.mat"),
    ("label_file:open_labels", "label3d", "x_Label3D.mat"),
    ("experiment:open_recording", "label3d", "x_Label3D.mat"),
    ("skeleton_mat:open_skeleton", "skeleton", "skeleton.mat"),
    ("com_mat:read_com", "com", "com3d.mat"),
    ("com_mat:read_com", "dannce", "x_dannce.mat"),
    ("pose_mat:read_poses", "poses", "save_data_AVG0.mat"),
    ("pose_mat:read_poses", "max_poses", "save_data_MAX.mat"),
    ("hires_params:read_hires_params", "params", "hires_cam1_params.mat"),
]


def content_of(small, what):
    if what == "max_poses":
        values = np.arange(48.0).reshape(4, 3, 4)
        return {"pred": values, "log_pmax": values[:, 0], "sampleID": np.arange(4.0)[None]}
    made = getattr(small, what)()
    if what == "dannce":
        made["animals"] = cell_row(["Ann"])
    return made[2] if what == "params" else made


@pytest.mark.parametrize(
    ("reader", "what", "name", "version"),
    [(*each, "5") for each in READERS] + [(*READERS[1], "7.3")],
)
def test_changed_structures(fuzz, small, reader, what, name, version):
    content = content_of(small, what)
    options = {}
    if what == "max_poses":
        one = {"com": np.arange(12.0).reshape(4, 3), "sampleID": np.arange(4)[None]}
        options["com"] = str(write_mat(fuzz.path("com3d.mat"), one))

    @(fuzz.settings if version == "5" else fuzz.settings_hdf5)
    @given(fuzz.changed(content))
    def check(variables):
        path = fuzz.path(name)
        write_mat(path, variables, version=version)
        fuzz.check(f"{FILES}.{reader}", path, **options)

    check()
    whole = write_mat(fuzz.path(name), content, version=version)
    assert fuzz.check(f"{FILES}.{reader}", whole, **options) == "read"


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_damaged_bytes(fuzz, small, version, compress):
    content = small.dannce()
    path = write_mat(fuzz.path("x_dannce.mat"), content, version=version, compress=compress)
    whole = path.read_bytes()

    @(fuzz.settings if version == "5" else fuzz.settings_hdf5)
    @given(fuzz.damaged(whole), st.sampled_from(["label_file:open_labels", "mat:read_mat"]))
    def check(damaged, reader):
        path = fuzz.path("x_dannce.mat")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.{reader}", path)

    check()


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_pickles(fuzz, small, protocol):
    content = small.pickled_com(12)
    whole = pickle.dumps(content, protocol=protocol)
    changed = fuzz.changed(content).map(lambda value: pickle.dumps(value, protocol=protocol))

    @fuzz.settings
    @given(fuzz.damaged(whole) | changed)
    def check(damaged):
        path = fuzz.path("com3d.pickle")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.com_mat:read_com", path)

    check()


def test_calibration_toml(fuzz, small, tmp_path):
    import tomli_w

    table = {
        "name": "front",
        "size": [640, 480],
        "matrix": [[900.0, 0.0, 320.0], [0.0, 900.0, 240.0], [0.0, 0.0, 1.0]],
        "distortions": [0.1, 0.0, 0.0, 0.0, 0.0],
        "rotation": [0.1, 0.2, 0.3],
        "translation": [0.0, 0.0, 900.0],
    }
    content = {"cam_0": table, "cam_1": {**table, "name": "back"}, "metadata": {"error": 0.3}}
    whole = tomli_w.dumps(content).encode()
    odd = st.sampled_from(["x", [], {}, 1e300, -1, True, [1, "a"], [[1.0]], 10**400])
    changed = st.tuples(st.sampled_from(sorted(table)), odd).map(
        lambda change: tomli_w.dumps({**content, "cam_0": {**table, change[0]: change[1]}}).encode()
    )

    @fuzz.settings
    @given(fuzz.damaged(whole) | changed)
    def check(damaged):
        path = fuzz.path("calibration.toml")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.anipose:read_anipose", path)

    check()


def test_skeleton_yaml(fuzz, tmp_path):
    write_skeleton_yaml(load_skeleton("mouse14"), tmp_path / "a.yaml")
    whole = (tmp_path / "a.yaml").read_bytes()
    odd = st.sampled_from(
        [
            b"a: &a [x, x]\nb: &b [*a, *a]\nkeypoints: [*b, *b]",
            b"keypoints: " + b"[" * 5000,
            b"keypoints: [2020-99-99]",
            b"keypoints: [" + b"9" * 5000 + b"]",
            b"? [a]\n: b",
            b"keypoints: [a, b]\nedges: {a: b}",
            b"keypoints: [a, b]\ncolors: [[.nan, 0, 0]]\nedges: [[a, b]]",
            b"keypoints: !!python/object/apply:os.getcwd []",
        ]
    )

    @fuzz.settings
    @given(fuzz.damaged(whole) | odd)
    def check(damaged):
        path = fuzz.path("a.yaml")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.skeleton_mat:open_skeleton", path)

    check()


@pytest.mark.parametrize("name", ["metadata.csv", "frametimes.npy"])
def test_files_of_the_recorder(fuzz, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("campy")
    (folder / "cam").mkdir()
    (folder / "cam" / "0.mp4").write_bytes(b"")
    place = folder / "cam" / name
    if name.endswith(".npy"):
        np.save(place, np.stack([np.arange(50) + 1.0, np.arange(50) / 30]))
    else:
        place.write_bytes(b'"frameRate","30"\r\n"cameraModel","x"\r\n')
    whole = place.read_bytes()

    @fuzz.settings
    @given(fuzz.damaged(whole))
    def check(damaged):
        place.write_bytes(damaged)
        assert fuzz.check(f"{FILES}.experiment:open_recording", folder) == "read"

    check()

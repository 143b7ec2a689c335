"""Damaged and changed files of 2D keypoints: read, or refused with the one error."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

FILES = "napari_sdannce.files"


def npz_arrays():
    return {
        "points": np.arange(48.0).reshape(2, 4, 3, 2),
        "cameras": np.array(["left", "right"]),
        "keypoints": np.array(["a", "b", "c"]),
        "frames": np.arange(4),
        "scores": np.ones((2, 4, 3)),
        "edges": np.array([[0, 1], [1, 2]]),
    }


def sleap_arrays():
    return {
        "tracks": np.arange(48.0).reshape(2, 2, 3, 4),
        "node_names": np.array([b"a", b"b", b"c"]),
        "track_names": np.array([b"m1", b"m2"]),
        "point_scores": np.ones((2, 3, 4)),
        "edge_inds": np.array([[0, 1], [1, 2]]),
    }


def fixed_arrays():
    """The datasets of a pandas table of layout ``fixed``."""
    items = {
        f"{axis}_level{i}": np.array(level)
        for axis in ("axis0", "block0_items")
        for i, level in enumerate(([b"me"], [b"nose", b"tail"], [b"likelihood", b"x", b"y"]))
    }
    codes = {
        f"{axis}_label{i}": np.array(code, dtype=np.int8)
        for axis in ("axis0", "block0_items")
        for i, code in enumerate(([0] * 6, [0, 0, 0, 1, 1, 1], [1, 2, 0, 1, 2, 0]))
    }
    return {**items, **codes, "axis1": np.arange(3), "block0_values": np.ones((3, 6))}


def write_hdf5(path, arrays, group=None):
    with h5py.File(path, "w") as file:
        place = file
        if group:
            place = file.create_group(group)
            place.attrs["pandas_type"] = np.bytes_("frame")
        for name, value in arrays.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "U":
                value = value.astype("S")
            if isinstance(value, dict):
                place.create_group(name)
            elif not (isinstance(value, np.ndarray) and value.dtype == object):
                place[name] = value
    return path


def table_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "t.h5"
    names = [("s", part, c) for part in ("nose", "tail") for c in ("x", "y", "likelihood")]
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        content = np.zeros(5, dtype=[("index", "i8"), ("values_block_0", "f8", (6,))])
        content["index"] = np.arange(5)
        group.create_dataset("table", data=content, chunks=(2,), compression="gzip")
        group["table"].attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(names, 0))
    return path.read_bytes()


CSV = (
    "scorer,me,me,me,me,me,me\nindividuals,m1,m1,m1,m2,m2,m2\nbodyparts,a,a,a,a,a,a\n"
    "coords,x,y,likelihood,x,y,likelihood\n"
    "labeled-data/v/img003.png,1.5,2,0.9,3,4,0.8\nlabeled-data/v/img004.png,1,2,0.9,,,\n"
)


def test_changed_npz(fuzz):
    @fuzz.settings
    @given(fuzz.changed(npz_arrays()))
    def check(arrays):
        path = fuzz.path("p.npz")
        np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
        fuzz.check(f"{FILES}.points_npz:read_points_npz", path)

    check()
    path = fuzz.path("p.npz")
    np.savez(path, **npz_arrays())
    assert fuzz.check(f"{FILES}.points_npz:read_points_npz", path) == "read"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_npz(fuzz, save):
    save(fuzz.path("p.npz"), **npz_arrays())
    content = fuzz.folder.joinpath("p.npz").read_bytes()

    @fuzz.settings
    @given(fuzz.damaged(content))
    def check(damaged):
        path = fuzz.path("p.npz")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.points_npz:read_points_npz", path)

    check()


def test_changed_sleap(fuzz):
    @fuzz.settings_hdf5
    @given(fuzz.changed(sleap_arrays()))
    def check(arrays):
        path = write_hdf5(fuzz.path("s.h5"), arrays)
        fuzz.check(f"{FILES}.sleap:read_sleap", path)

    check()
    path = write_hdf5(fuzz.path("s.h5"), sleap_arrays())
    assert fuzz.check(f"{FILES}.sleap:read_sleap", path) == "read"


def test_changed_dlc_hdf5(fuzz):
    @fuzz.settings_hdf5
    @given(fuzz.changed(fixed_arrays()))
    def check(arrays):
        path = write_hdf5(fuzz.path("d.h5"), arrays, "df_with_missing")
        fuzz.check(f"{FILES}.deeplabcut:read_deeplabcut", path)

    check()
    path = write_hdf5(fuzz.path("d.h5"), fixed_arrays(), "df_with_missing")
    assert fuzz.check(f"{FILES}.deeplabcut:read_deeplabcut", path) == "read"


@pytest.mark.parametrize("kind", ["sleap", "fixed", "table"])
def test_damaged_hdf5(fuzz, kind, tmp_path_factory):
    if kind == "table":
        content = table_bytes(tmp_path_factory)
    elif kind == "sleap":
        content = write_hdf5(fuzz.path("x.h5"), sleap_arrays()).read_bytes()
    else:
        content = write_hdf5(fuzz.path("x.h5"), fixed_arrays(), "df").read_bytes()

    @fuzz.settings_hdf5
    @given(fuzz.damaged(content))
    def check(damaged):
        path = fuzz.path("x.h5")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.points_sources:read_points", path)

    check()
    path = fuzz.path("x.h5")
    path.write_bytes(content)
    assert fuzz.check(f"{FILES}.points_sources:read_points", path) == "read"


def test_dlc_csv(fuzz):
    @fuzz.settings
    @given(fuzz.damaged(CSV.encode()) | st.binary(max_size=200) | st.text().map(str.encode))
    def check(damaged):
        path = fuzz.path("d.csv")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.deeplabcut:read_deeplabcut", path)

    check()
    path = fuzz.path("d.csv")
    path.write_text(CSV)
    assert fuzz.check(f"{FILES}.deeplabcut:read_deeplabcut", path) == "read"


def test_rearranged_dlc_csv(fuzz):
    cells = [line.split(",") for line in CSV.splitlines()]

    @fuzz.settings
    @given(st.data())
    def check(data):
        changed = [list(row) for row in cells]
        for _ in range(data.draw(st.integers(1, 4))):
            row = changed[data.draw(st.integers(0, len(changed) - 1))]
            if not row:
                continue
            at = data.draw(st.integers(0, len(row) - 1))
            what = data.draw(st.sampled_from(["", "nan", "1e400", "x", "a", '"', "9" * 30, "-1"]))
            if data.draw(st.booleans()):
                row[at] = what
            elif data.draw(st.booleans()):
                del row[at]
            else:
                row.insert(at, what)
        path = fuzz.path("d.csv")
        path.write_text("\n".join(map(",".join, changed)))
        fuzz.check(f"{FILES}.deeplabcut:read_deeplabcut", path)

    check()

"""Readers of 2D keypoints, one format each."""

from __future__ import annotations

import struct
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from napari_sdannce.files.deeplabcut import read_deeplabcut
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.points_npz import read_points_npz
from napari_sdannce.files.points_sources import read_points
from napari_sdannce.files.sleap import read_sleap

RNG = np.random.default_rng(3)


def test_npz(tmp_path):
    points = RNG.random((2, 5, 3, 2)) * 500
    points[0, 1, 2, 0] = np.nan  # x alone: the point is missing
    np.savez(
        tmp_path / "p.npz",
        points=points,
        cameras=["left", "right"],
        keypoints=["a", "b", "c"],
        frames=np.array([10, 12, 14, 16, 18]),
        edges=np.array([[0, 1], [1, 2]]),
    )
    left, right = read_points_npz(tmp_path / "p.npz")
    assert (left.camera, right.camera) == ("left", "right")
    assert left.frames.tolist() == [10, 12, 14, 16, 18]
    assert left.edges == ((0, 1), (1, 2))
    assert left.animals == ("animal1",)
    assert np.isnan(left.points[1, 0, 2]).all()
    np.testing.assert_array_equal(right.points[:, 0], points[1])
    assert np.isnan(left.scores).all()


def test_npz_of_several_animals(tmp_path):
    points = RNG.random((2, 4, 3, 2, 2))
    np.savez(
        tmp_path / "p.npz",
        points=points,
        scores=points[..., 0],
        cameras=["left", "right"],
        keypoints=["a", "b"],
        animals=["x", "y", "z"],
    )
    _, right = read_points_npz(tmp_path / "p.npz")
    np.testing.assert_array_equal(right.points, points[1])
    np.testing.assert_array_equal(right.scores, points[1, ..., 0])
    assert right.animals == ("x", "y", "z")
    assert right.frames.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": np.zeros((3, 5, 3, 2))}, "2 cameras"),
        ({"points": np.zeros((2, 5, 3, 3))}, "shape"),
        ({"keypoints": np.array(["a", "b"])}, "points have the shape"),
        ({"keypoints": np.array(["a", "b", "b"])}, "repeat"),
        ({"keypoints": np.array([1, 2, 3])}, "not a list of names"),
        ({"frames": np.array([0, 1, 2, 3, 3])}, "repeat"),
        ({"frames": np.array([0, 1, 2, 3, -3])}, "frame number -3"),
        ({"frames": np.array([0, 1, 2, 3, 4.5])}, "no frame numbers"),
        ({"edges": np.array([[0, 7]])}, "outside"),
        ({"points": np.array("text")}, "not numbers"),
    ],
)
def test_npz_that_does_not_fit(tmp_path, change, words):
    good = {
        "points": np.zeros((2, 5, 3, 2)),
        "cameras": np.array(["l", "r"]),
        "keypoints": np.array(["a", "b", "c"]),
    }
    np.savez(tmp_path / "p.npz", **{**good, **change})
    with pytest.raises(FileFormatError, match=words) as error:
        read_points_npz(tmp_path / "p.npz")
    assert "p.npz" in str(error.value)


@pytest.mark.parametrize("header", ["{'descr': '<f8', 'shape': (", "\x00", "(" * 500, "9**9**9"])
def test_npz_with_a_damaged_header(tmp_path, header):
    """It is Python source, and fails in many ways."""
    head = header.encode().ljust(118) + b"\n"
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as file:
        file.writestr("points.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    with pytest.raises(FileFormatError, match="not readable"):
        read_points_npz(tmp_path / "p.npz")


def test_npz_without_points(tmp_path):
    np.savez(tmp_path / "p.npz", keypoints=["a"])
    with pytest.raises(FileFormatError, match="no points, cameras in it"):
        read_points_npz(tmp_path / "p.npz")


def write_sleap(path, points, names, **more):
    """SLEAP's own layout: (track, xy, node, frame)."""
    with h5py.File(path, "w") as file:
        file["tracks"] = np.transpose(points, (1, 3, 2, 0))
        file["node_names"] = np.array(names, dtype="S")
        for name, value in more.items():
            file[name] = value


def test_sleap(tmp_path):
    points = RNG.random((7, 2, 3, 2)) * 100
    points[4, 1] = np.nan
    write_sleap(
        tmp_path / "a.h5",
        points,
        ["nose", "back", "tail"],
        track_names=np.array(["m1", "m2"], dtype="S"),
        point_scores=np.transpose(points[..., 0], (1, 2, 0)) / 100,
        edge_inds=np.array([[0, 1], [1, 2]]),
    )
    found = read_sleap(tmp_path / "a.h5", first_frame=30)
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.scores, points[..., 0] / 100)
    assert found.frames.tolist() == list(range(30, 37))
    assert found.animals == ("m1", "m2")
    assert found.keypoints == ("nose", "back", "tail")
    assert found.edges == ((0, 1), (1, 2))


def test_sleap_without_tracks_has_numbered_animals(tmp_path):
    write_sleap(
        tmp_path / "a.h5", np.zeros((4, 3, 2, 2)), ["a", "b"], track_names=np.zeros(0, "S1")
    )
    assert read_sleap(tmp_path / "a.h5").animals == ("animal1", "animal2", "animal3")


def test_sleap_with_named_axes(tmp_path):
    points = RNG.random((7, 2, 3, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = points
        file["tracks"].attrs["dims"] = '["frame", "track", "node", "xy"]'
        file["node_names"] = ["a", "b", "c"]
    np.testing.assert_array_equal(read_sleap(tmp_path / "a.h5").points, points)


def test_sleap_that_does_not_fit(tmp_path):
    write_sleap(tmp_path / "a.h5", np.zeros((4, 3, 2, 2)), ["a", "b", "c"])
    with pytest.raises(FileFormatError, match="3 nodes"):
        read_sleap(tmp_path / "a.h5")
    with pytest.raises(FileNotFoundError):
        read_sleap(tmp_path / "none.h5")


HEADER = "scorer,net,net,net,net,net,net\nbodyparts,nose,nose,nose,tail,tail,tail\n"
COORDS = "coords,x,y,likelihood,x,y,likelihood\n"


def test_dlc_csv_predictions(tmp_path):
    rows = "0,1.5,2.5,0.9,3,4,0.1\n5,10,20,1.0,,,\n"
    (tmp_path / "v.csv").write_text(HEADER + COORDS + rows)
    found = read_deeplabcut(tmp_path / "v.csv")
    assert found.keypoints == ("nose", "tail")
    assert found.animals == ("animal1",)
    assert found.frames.tolist() == [0, 5]
    np.testing.assert_array_equal(found.points[0, 0], [[1.5, 2.5], [3, 4]])
    np.testing.assert_array_equal(found.points[1, 0], [[10, 20], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.scores[:, 0], [[0.9, 0.1], [1.0, np.nan]])


def multi_animal(index):
    columns = pd.MultiIndex.from_product(
        [["me"], ["m1", "m2"], ["nose", "tail"], ["x", "y"]],
        names=["scorer", "individuals", "bodyparts", "coords"],
    )
    values = np.arange(8.0 * len(index)).reshape(len(index), 8)
    values[0, 2:4] = np.nan
    return pd.DataFrame(values, columns=columns, index=index), values.reshape(-1, 2, 2, 2)


IMAGES = {
    "path": ["labeled-data/video7/img003.png", "labeled-data/video7/img017.png"],
    "windows path": ["labeled-data\\video7\\img003.png", "labeled-data\\video7\\img017.png"],
    "levels": pd.MultiIndex.from_tuples(
        [("labeled-data", "video7", "img003.png"), ("labeled-data", "video7", "img017.png")]
    ),
}


@pytest.mark.parametrize("index", IMAGES)
def test_dlc_csv_collected_data(tmp_path, index):
    frame, points = multi_animal(IMAGES[index])
    frame.to_csv(tmp_path / "CollectedData_me.csv")
    found = read_deeplabcut(tmp_path / "CollectedData_me.csv")
    assert found.frames.tolist() == [3, 17]
    assert found.animals == ("m1", "m2")
    np.testing.assert_array_equal(found.points, points)
    assert np.isnan(found.scores).all()


@pytest.mark.parametrize("layout", ["fixed", "table"])
@pytest.mark.parametrize("index", ["path", "levels", "numbers"])
def test_dlc_hdf5(tmp_path, layout, index):
    if (layout, index) == ("table", "levels"):
        layout = "fixed"  # as DeepLabCut does: pandas cannot
    frame, points = multi_animal([3, 17] if index == "numbers" else IMAGES[index])
    frame.to_hdf(tmp_path / "x.h5", key="df_with_missing", format=layout, mode="w")
    found = read_deeplabcut(tmp_path / "x.h5")
    assert found.frames.tolist() == [3, 17]
    assert found.animals == ("m1", "m2")
    assert found.keypoints == ("nose", "tail")
    np.testing.assert_array_equal(found.points, points)


def write_pandas_table(path, names, rows, values):
    """What pandas writes with ``format="table"``, without PyTables."""
    import pickle

    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        kind = [("index", "i8"), ("values_block_0", "f8", (len(names),))]
        content = np.zeros(len(rows), dtype=kind)
        content["index"], content["values_block_0"] = rows, values
        group["table"] = content
        group["table"].attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(names, 0))


def test_dlc_hdf5_table_without_pytables(tmp_path):
    names = [("s", part, c) for part in ("nose", "tail") for c in ("x", "y", "likelihood")]
    values = RNG.random((3, 6))
    write_pandas_table(tmp_path / "x.h5", names, [0, 1, 2], values)
    found = read_deeplabcut(tmp_path / "x.h5")
    np.testing.assert_array_equal(found.points[:, 0, 1], values[:, 3:5])
    np.testing.assert_array_equal(found.scores[:, 0, 0], values[:, 2])


def test_pickles_in_dlc_hdf5_are_not_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'executed')!r}, 'w')",))

    write_pandas_table(tmp_path / "x.h5", [Evil()], [0], np.zeros((1, 1)))
    with pytest.raises(FileFormatError):
        read_deeplabcut(tmp_path / "x.h5")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "nothing"),
        ("a,b\n1,2\n", "begins with a, 1"),
        (HEADER + "coords,x,y\n0,1,2\n", "do not fit"),
        (HEADER + COORDS.replace("likelihood", "z") + "0,1,2,3,4,5,6\n", "column"),
        (HEADER + COORDS + "0,1,2,3,4,5,text\n", "could not convert"),
        (HEADER + COORDS + "first,1,2,3,4,5,6\n", "neither a frame number"),
        (HEADER + COORDS + "0,1,2,3,4,5,6\n0,1,2,3,4,5,6\n", "repeat"),
        (HEADER.replace("tail", "nose") + COORDS + "0,1,2,3,4,5,6\n", "several columns"),
        (HEADER + COORDS.replace("y", "x") + "0,1,2,3,4,5,6\n", "several columns"),
    ],
)
def test_dlc_csv_that_does_not_fit(tmp_path, content, words):
    (tmp_path / "v.csv").write_text(content)
    with pytest.raises(FileFormatError, match=words):
        read_deeplabcut(tmp_path / "v.csv")


def test_formats_are_told_apart(tmp_path):
    write_sleap(tmp_path / "s.h5", np.zeros((4, 1, 2, 2)), ["a", "b"])
    names = [("s", "nose", c) for c in ("x", "y")]
    write_pandas_table(tmp_path / "d.h5", names, [0, 1], np.zeros((2, 2)))
    assert read_points(tmp_path / "s.h5")[0].keypoints == ("a", "b")
    assert read_points(tmp_path / "d.h5")[0].keypoints == ("nose",)
    (tmp_path / "x.txt").touch()
    with pytest.raises(FileFormatError, match=r"\.txt"):
        read_points(tmp_path / "x.txt")
    for name in ("none.npz", "none.csv", "none.h5", "none.txt"):
        with pytest.raises(FileNotFoundError):
            read_points(tmp_path / name)

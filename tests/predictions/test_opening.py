from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.mat import write_mat
from napari_sdannce.predictions import (
    ComStore,
    Job,
    PoseChunk,
    PoseStore,
    open_predictions,
    read_com_trace,
    read_covariance,
)
from napari_sdannce.skeletons import load_skeleton

SKELETON = load_skeleton("rat23")
JOB = Job(animals=("a", "b"), keypoints=SKELETON.keypoints, cameras=("A",), fps=50.0)


def filled_store(path, extras=()) -> PoseStore:
    store = PoseStore.create(path, np.arange(7) * 10 + 1, JOB, chunk=4, extras=extras)
    rng = np.random.default_rng(0)
    for moments in store.missing_chunks():
        shape = (len(moments), 2, 23)
        store.write(
            moments.start,
            PoseChunk(
                positions=rng.normal(size=(*shape, 3)),
                confidence=rng.random(shape),
                com=rng.normal(size=(*shape[:2], 3)),
                initial=rng.normal(size=(*shape, 3)) if "initial" in extras else None,
                covariance=rng.random((*shape, 6)) if "covariance" in extras else None,
                heatmap_max=rng.normal(size=shape) if "heatmap_max" in extras else None,
            ),
        )
    return store


def test_every_way_to_name_a_store(tmp_path):
    store = filled_store(tmp_path / "predict" / "poses")
    expected = store.poses()
    for place in (tmp_path / "predict" / "poses", tmp_path / "predict"):
        poses = open_predictions(place)
        np.testing.assert_array_equal(poses.positions, expected.positions)
        assert poses.animals == ("a", "b")
        assert poses.fps == 50.0


def test_twins(tmp_path):
    store = filled_store(tmp_path / "poses", extras=("initial", "heatmap_max"))
    written = store.write_mat(tmp_path / "mat", start=3)
    assert sorted(path.name for path in written) == [
        "com3d_used.mat",
        "init_save_data_AVG.mat",
        "save_data_AVG3.mat",
    ]
    poses = open_predictions(tmp_path / "mat")
    np.testing.assert_array_equal(poses.positions, store.poses().positions)
    np.testing.assert_array_equal(poses.sample_ids, store.sample_ids())
    np.testing.assert_array_equal(poses.confidence, store.read().heatmap_max)
    assert poses.keypoints == SKELETON.keypoints
    first = open_predictions(tmp_path / "mat" / "init_save_data_AVG.mat")
    np.testing.assert_array_equal(first.positions, store.read().initial)
    used = read_com_trace(tmp_path / "mat" / "com3d_used.mat")
    np.testing.assert_array_equal(used.positions, store.read().com)
    with pytest.raises(FileExistsError):
        store.write_mat(tmp_path / "mat", start=3)
    store.write_mat(tmp_path / "mat", start=3, overwrite=True)


def test_covariances_are_read_where_they_were_kept(tmp_path):
    store = filled_store(tmp_path / "with" / "poses", extras=("covariance",))
    found = read_covariance(tmp_path / "with")
    assert found is not None
    assert found.shape == (*open_predictions(tmp_path / "with").confidence.shape, 6)
    np.testing.assert_array_equal(found, store.read().covariance)
    np.testing.assert_array_equal(store.covariance(range(2, 6)), found[2:6])
    without = filled_store(tmp_path / "without" / "poses")
    assert read_covariance(without.path) is None
    (path, *_) = without.write_mat(tmp_path / "mat")
    assert read_covariance(path) is None


def test_without_extras_p_max_is_the_confidence(tmp_path):
    store = filled_store(tmp_path / "poses")
    written = store.write_mat(tmp_path / "mat")
    assert sorted(path.name for path in written) == ["com3d_used.mat", "save_data_AVG0.mat"]
    poses = open_predictions(tmp_path / "mat")
    np.testing.assert_array_equal(poses.confidence, store.poses().confidence)


def test_a_store_goes_before_its_twins(tmp_path):
    store = filled_store(tmp_path / "poses")
    store.write_mat(tmp_path)
    assert open_predictions(tmp_path).animals == ("a", "b")
    PoseStore.create(tmp_path / "more", np.arange(3), JOB)
    with pytest.raises(FileFormatError, match="several: more, poses"):
        open_predictions(tmp_path)


def test_max_poses_take_the_com_beside_them(tmp_path):
    com = np.arange(12.0).reshape(4, 3) * 100
    write_mat(
        tmp_path / "save_data_MAX.mat",
        {
            "pred": np.ones((4, 3, 23)),
            "log_pmax": np.zeros((4, 23)),
            "sampleID": np.arange(4.0)[None],
        },
    )
    with pytest.raises(FileFormatError, match="COM"):
        open_predictions(tmp_path)
    write_mat(tmp_path / "com3d_used.mat", {"com": com, "sampleID": np.arange(4)[None]})
    np.testing.assert_array_equal(open_predictions(tmp_path).positions[:, 0, 0], com + 1)


def test_what_holds_no_predictions(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        open_predictions(tmp_path / "none")
    with pytest.raises(FileFormatError, match="none of them"):
        open_predictions(tmp_path)
    ComStore.create(tmp_path / "com", np.arange(3), JOB)
    with pytest.raises(FileFormatError, match="'com'"):
        open_predictions(tmp_path / "com")
    (tmp_path / "poses.csv").write_text("x")
    with pytest.raises(FileFormatError, match=r"\.csv"):
        open_predictions(tmp_path / "poses.csv")


def test_zarr_of_others(tmp_path):
    import zarr

    zarr.create_group(tmp_path / "other.zarr", zarr_format=3)
    with pytest.raises(FileFormatError, match="another program"):
        PoseStore.open(tmp_path / "other.zarr")
    with pytest.raises(FileFormatError):
        open_predictions(tmp_path / "other.zarr")


@pytest.mark.realdata
def test_real_predictions(shared_data):
    poses = open_predictions(shared_data / "label3d" / "markerless_mouse_1_save_data_AVG.mat")
    assert poses.positions.shape == (1000, 1, 22, 3)
    assert np.isfinite(poses.positions).all()
    assert poses.sample_ids[:3].tolist() == [1, 11, 21]
    # a mouse: no keypoint is farther than 20 cm from the middle of the animal
    middle = np.median(poses.positions, axis=2, keepdims=True)
    assert np.linalg.norm(poses.positions - middle, axis=-1).max() < 200


@pytest.mark.golden
def test_reference_predictions(golden, tmp_path):
    poses = open_predictions(golden / "infer_inst1_save_data_AVG0.mat")
    assert poses.positions.shape == (3, 1, 23, 3)
    job = Job(animals=poses.animals, keypoints=poses.keypoints)
    store = PoseStore.create(tmp_path / "poses", poses.sample_ids, job)
    store.write(0, PoseChunk(poses.positions, poses.confidence, np.zeros((3, 1, 3))))
    store.write_mat(tmp_path)
    again = open_predictions(tmp_path / "save_data_AVG0.mat")
    # the network's numbers are float32, as the store's are
    np.testing.assert_array_equal(again.positions, poses.positions)

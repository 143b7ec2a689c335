"""Poses, and their form in the `movement` package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.poses import Poses


@pytest.fixture
def poses():
    """5 moments, 2 animals, 3 keypoints; every number different."""
    positions = np.arange(90.0).reshape(5, 2, 3, 3)
    positions[2, 1, 0] = np.nan
    return Poses(
        positions=positions,
        confidence=np.arange(30.0).reshape(5, 2, 3),
        sample_ids=np.array([1, 11, 21, 31, 41]),
        animals=("ann", "bob"),
        keypoints=("nose", "neck", "tail"),
        fps=50.0,
    )


def same(one, other):
    np.testing.assert_array_equal(one.positions, other.positions)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    np.testing.assert_array_equal(one.sample_ids, other.sample_ids)
    names = (one.animals, one.keypoints, one.fps)
    assert names == (other.animals, other.keypoints, other.fps)


def test_layout_of_movement(poses):
    data = poses.to_xarray()
    assert data["position"].dims == ("time", "space", "keypoint", "individual")
    assert data["confidence"].dims == ("time", "keypoint", "individual")
    assert data["time"].values.tolist() == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])
    assert data.attrs["ds_type"] == "poses"
    assert data.attrs["time_unit"] == "seconds"
    assert data.attrs["fps"] == 50
    found = data["position"].sel(individual="bob", keypoint="tail", space="y").values
    np.testing.assert_array_equal(found, poses.positions[:, 1, 2, 1])
    frames = replace(poses, fps=None).to_xarray()
    assert frames["time"].values.tolist() == [0, 1, 2, 3, 4]
    assert frames.attrs["time_unit"] == "frames"
    assert "fps" not in frames.attrs


@pytest.mark.parametrize("fps", [50.0, None])
def test_there_and_back(poses, fps):
    poses = replace(poses, fps=fps)
    same(Poses.from_xarray(poses.to_xarray()), poses)


def test_other_orders_and_older_names(poses):
    data = poses.to_xarray().rename({"keypoint": "keypoints", "individual": "individuals"})
    data = data.transpose("individuals", "keypoints", "space", "time")
    same(Poses.from_xarray(data), poses)


def test_without_confidence_and_keys(poses):
    found = Poses.from_xarray(poses.to_xarray().drop_vars(["confidence", "sample_id"]))
    assert np.isnan(found.confidence).all()
    assert found.sample_ids.tolist() == [0, 1, 2, 3, 4]


def test_refusals(poses):
    data = poses.to_xarray()
    with pytest.raises(ValueError, match="no 'position'"):
        Poses.from_xarray(data.drop_vars("position"))
    with pytest.raises(ValueError, match="individual"):
        Poses.from_xarray(data.isel(individual=0))
    with pytest.raises(ValueError, match="3D"):
        Poses.from_xarray(data.isel(space=slice(0, 2)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positions", np.zeros((5, 2, 3, 2))),
        ("confidence", np.zeros((5, 2))),
        ("animals", ("ann",)),
        ("sample_ids", np.arange(4)),
    ],
)
def test_arrays_must_fit_the_names(poses, name, value):
    with pytest.raises(ValueError, match="has shape"):
        replace(poses, **{name: value})

"""Labels: shapes that must fit, and parts of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.labels import HUMAN_STATES, Labels, LabelState, mean_keypoint
from napari_sdannce.skeletons import Skeleton

SKELETON = Skeleton("three", ("a", "b", "c"))


@pytest.fixture
def labels():
    """2 views, 4 frames, 2 animals, 3 keypoints; every value different."""
    shape = (2, 4, 2, 3)
    empty = Labels.empty(
        ("left", "right"), SKELETON, ("x", "y"), np.array([5, 9, 7, 30]), np.arange(8).reshape(2, 4)
    )
    return replace(
        empty,
        points_2d=np.arange(96.0).reshape(*shape, 2),
        points_3d=np.arange(72.0).reshape(4, 2, 3, 3),
        states=np.arange(48, dtype=np.uint8).reshape(shape) % 9,
        labelers=np.zeros(shape, dtype=np.int16),
        labeler_names=("ann",),
        times=np.arange(48.0).reshape(shape),
    )


def test_empty():
    labels = Labels.empty(("v",), SKELETON, ("x",), np.arange(2), np.zeros((1, 2), dtype=np.int64))
    assert len(labels) == 2
    assert np.isnan(labels.points_2d).all()
    assert (labels.states == LabelState.NONE).all()
    assert (labels.labelers == -1).all()
    assert not labels.any_3d.any()
    assert not labels.complete.any()


def test_complete_needs_every_keypoint(labels):
    points = labels.points_3d.copy()
    points[1, 0, 2, 1] = np.nan
    points[2] = np.nan
    changed = replace(labels, points_3d=points)
    assert changed.complete.tolist() == [[True, True], [False, True], [False, False], [True, True]]
    assert changed.any_3d.tolist() == [True, True, False, True]


@pytest.mark.parametrize("which", [[2, 0], np.array([True, False, True, False]), slice(1, 3)])
def test_frames(labels, which):
    if isinstance(which, slice):
        which = np.arange(4)[which]
    found = labels.select_frames(which)
    index = np.flatnonzero(which) if np.asarray(which).dtype == bool else np.asarray(which)
    assert found.sample_ids.tolist() == labels.sample_ids[index].tolist()
    for name in ("points_2d", "states", "frames", "times", "labelers"):
        expected = getattr(labels, name)[:, index]
        np.testing.assert_array_equal(getattr(found, name), expected)
    np.testing.assert_array_equal(found.points_3d, labels.points_3d[index])


def test_views(labels):
    found = labels.select_views(("right",))
    np.testing.assert_array_equal(found.points_2d, labels.points_2d[1:])
    np.testing.assert_array_equal(found.points_3d, labels.points_3d)
    swapped = labels.select_views(("right", "left"))
    np.testing.assert_array_equal(swapped.frames, labels.frames[::-1])
    with pytest.raises(ValueError, match="left, right, not top"):
        labels.select_views(("top",))


def test_animal(labels):
    found = labels.select_animal(1)
    assert found.animals == ("y",)
    np.testing.assert_array_equal(found.points_2d[:, :, 0], labels.points_2d[:, :, 1])
    np.testing.assert_array_equal(found.points_3d[:, 0], labels.points_3d[:, 1])


def test_equality_takes_nan_for_nan(labels):
    points = labels.points_2d.copy()
    points[0, 0, 0, 0] = np.nan
    one, other = replace(labels, points_2d=points), replace(labels, points_2d=points.copy())
    assert one.equals(other)
    assert not one.equals(labels)
    assert not labels.equals(replace(labels, labeler_names=("bob",)))
    assert not labels.equals(replace(labels, skeleton=SKELETON.renamed("four")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points_2d", np.zeros((2, 4, 2, 3, 3))),
        ("points_3d", np.zeros((4, 2, 4, 3))),
        ("states", np.zeros((2, 4, 2), dtype=np.uint8)),
        ("frames", np.zeros((4, 2), dtype=np.int64)),
        ("times", np.zeros((1, 4, 2, 3))),
    ],
)
def test_shapes_must_fit(labels, name, value):
    with pytest.raises(ValueError, match=f"{name} has shape"):
        replace(labels, **{name: value})


def test_keys_must_differ(labels):
    with pytest.raises(ValueError, match="repeat"):
        replace(labels, sample_ids=np.array([1, 2, 2, 3]))


def test_what_a_person_placed():
    assert LabelState.HUMAN in HUMAN_STATES
    assert LabelState.REPROJECTED not in HUMAN_STATES
    assert LabelState.PREDICTED not in HUMAN_STATES


def test_mean_of_labelled_keypoints() -> None:
    points = np.array([[[0.0, 0, 0], [2, 4, 6], [np.nan, 1, 1]], [[np.nan] * 3] * 3])
    np.testing.assert_array_equal(mean_keypoint(points), [[1, 2, 3], [np.nan] * 3])

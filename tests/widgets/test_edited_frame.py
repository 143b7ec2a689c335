"""One frame sent to edit, without a window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_sdannce as sd
from napari_sdannce.files import open_labels
from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.edited_frame import EditedFrame, save_edit
from napari_sdannce.widgets.recording_layers import RecordingLayers, shown_in

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.poses import Poses
    from napari_sdannce.recording import Recording


@pytest.fixture
def shown(recording: Recording, poses: Poses) -> RecordingLayers:
    viewer = ViewerModel()
    sd.add_poses(viewer, recording, poses)
    found = shown_in(viewer)
    assert found is not None
    return found


@pytest.fixture
def edited(shown: RecordingLayers) -> EditedFrame:
    shown.go_to(3)
    frame = EditedFrame(shown.drawn[0], 3, shown.sample_id)
    shown.add_overlay(frame)
    return frame


def test_what_is_seen_is_copied(edited: EditedFrame, small: Any) -> None:
    left = edited.cameras["left"]
    pixels = small.cameras[0].project(small.positions()[3])
    assert left.keys.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]
    np.testing.assert_allclose(left.points.data[0], pixels[0, 0][::-1])
    assert left.points.features["keypoint"].tolist() == ["nose", "neck", "nose", "neck", "tail"]
    assert len(left.bones.data) == 3
    np.testing.assert_allclose(left.bones.data[0], pixels[0, [0, 1]][:, ::-1], atol=1e-4)


def test_bones_follow_points_and_points_follow_bones(edited: EditedFrame) -> None:
    left = edited.cameras["left"]
    moved = left.points.data.copy()
    moved[1] += (5, -3)
    left.points.data = moved
    np.testing.assert_allclose(left.bones.data[0][1], moved[1], atol=1e-4)
    bones = [np.array(bone) for bone in left.bones.data]
    bones[1][0] = (11.0, 12.0)
    left.bones.data = bones
    owner = left.bone_ends[1, 0]
    np.testing.assert_allclose(left.points.data[owner], (11, 12), atol=1e-4)
    np.testing.assert_allclose(left.bones.data[1][0], (11, 12), atol=1e-4)


def test_seen_at_its_own_moment_only(shown: RecordingLayers, edited: EditedFrame) -> None:
    points = edited.cameras["top"].points
    assert points.opacity == 1
    shown.go_to(4)
    assert points.opacity == 0
    shown.go_to(3)
    assert points.opacity == 1


def test_a_press_chooses_the_camera(shown: RecordingLayers, edited: EditedFrame) -> None:
    viewer = shown.viewer
    assert len(viewer.mouse_drag_callbacks) == 2  # napari has one of its own
    for i, name in enumerate(shown.images):
        viewer.mouse_drag_callbacks[-1](
            viewer, SimpleNamespace(viewbox=viewer.canvas.grid.position(5 * i, viewer.layers))
        )
        assert viewer.layers.selection.active is edited.cameras[name].points
    shown.remove(edited)
    assert len(viewer.mouse_drag_callbacks) == 1
    assert not any("edit" in layer.name for layer in viewer.layers)


def moved(edited: EditedFrame, camera: str, row: int, by: tuple[float, float]) -> None:
    points = edited.cameras[camera].points
    data = points.data.copy()
    data[row] += by
    points.data = data


def test_points_can_be_dragged_at_once(edited: EditedFrame) -> None:
    assert {str(one.points.mode) for one in edited.cameras.values()} == {"select"}


def test_what_was_not_touched_keeps_its_state_and_position(
    shown: RecordingLayers, edited: EditedFrame, small: Any
) -> None:
    labels = edited.labels(shown.recording, np.full(3, 3))
    np.testing.assert_array_equal(labels.points_3d[0], small.positions()[3])
    assert set(np.unique(labels.states)) <= {LabelState.NONE, LabelState.PREDICTED}
    assert not edited.is_unsaved


def test_labels_sent_to_edit_keep_their_clicks(recording: Recording, small: Any) -> None:
    viewer = ViewerModel()
    sd.add_labels(viewer, recording, small.labels())
    shown = shown_in(viewer)
    assert shown is not None
    moment = int(small.labels().sample_ids[0])
    shown.go_to(moment)
    edited = EditedFrame(shown.drawn[0], moment, shown.sample_id)
    shown.add_overlay(edited)
    labels = edited.labels(recording, np.full(3, moment))
    np.testing.assert_array_equal(labels.states[:, 0], small.labels().states[:, 0])
    np.testing.assert_array_equal(labels.points_2d[:, 0], small.labels().points_2d[:, 0])


def test_two_moved_views_decide_where_a_keypoint_is(
    shown: RecordingLayers, edited: EditedFrame, small: Any
) -> None:
    truth = small.positions()[3].copy()
    truth[0, 0] += (4.0, -6.0, 3.0)
    for view in (0, 1):
        one = edited.cameras[small.cameras[view].name]
        row = one.keys.tolist().index([0, 0])
        data = one.points.data.copy()
        data[row] = small.cameras[view].project(truth[0, 0])[::-1]
        one.points.data = data
    labels = edited.labels(shown.recording, np.full(3, 3))
    np.testing.assert_allclose(labels.points_3d[0], truth, atol=0.01)
    assert (labels.states == LabelState.HUMAN).sum() == 2
    assert edited.is_unsaved


def test_a_deleted_point_is_not_in_view(shown: RecordingLayers, edited: EditedFrame) -> None:
    left = edited.cameras["left"]
    left.points.selected_data = {1}
    left.points.remove_selected()
    moved(edited, "left", 1, (2.0, 2.0))  # the third point is the second now
    labels = edited.labels(shown.recording, np.full(3, 3))
    assert labels.states[0, 0].tolist() == [
        [LabelState.PREDICTED, LabelState.NOT_IN_VIEW, LabelState.NONE],
        [LabelState.HUMAN, LabelState.PREDICTED, LabelState.PREDICTED],
    ]
    assert np.isnan(labels.points_2d[0, 0, 0, 1]).all()
    assert len(left.bones.data) == 2  # the bone of the deleted point went with it
    np.testing.assert_allclose(left.bones.data[0][0], left.points.data[1], atol=1e-4)


def test_an_added_point_is_refused_in_words(shown: RecordingLayers, edited: EditedFrame) -> None:
    edited.cameras["left"].points.add([10.0, 10.0])
    with pytest.raises(ValueError, match="a point was added to 'left edit poses"):
        edited.labels(shown.recording, np.full(3, 3))


def test_saved_as_labels(
    shown: RecordingLayers, edited: EditedFrame, small: Any, tmp_path: Path
) -> None:
    moved(edited, "left", 0, (0.02, 0.0))
    path = save_edit(edited, shown, tmp_path / "edited_dannce.mat")
    labels = open_labels(path, skeleton=small.skeleton)
    assert labels.sample_ids.tolist() == [3]
    found = labels.points_3d.reshape(-1, 3)[:2]
    np.testing.assert_allclose(found, small.positions()[3, 0, :2], atol=0.1)
    assert labels.states[0, 0].ravel()[0] == LabelState.HUMAN
    assert not edited.is_unsaved
    with pytest.raises(FileExistsError):
        save_edit(edited, shown, path)

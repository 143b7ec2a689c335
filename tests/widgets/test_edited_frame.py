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


def test_saved_as_labels(
    shown: RecordingLayers, edited: EditedFrame, small: Any, tmp_path: Path
) -> None:
    path = save_edit(edited, shown, tmp_path / "edited_dannce.mat")
    labels = open_labels(path, skeleton=small.skeleton)
    assert labels.sample_ids.tolist() == [3]
    found = labels.points_3d.reshape(-1, 3)[:2]
    np.testing.assert_allclose(found, small.positions()[3, 0, :2], atol=1e-3)
    assert labels.states[0, 0].ravel()[0] == LabelState.HUMAN
    with pytest.raises(FileExistsError):
        save_edit(edited, shown, path)

"""Layers without a window: what is where, at every moment."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

import napari_sdannce as sd
from napari_sdannce.overlay.colors import ColorBy
from napari_sdannce.poses import Poses
from napari_sdannce.video import RecordingVideo
from napari_sdannce.widgets.add_layers import image_layers_data
from napari_sdannce.widgets.recording_layers import RecordingLayers, shown_in

if TYPE_CHECKING:
    from napari_sdannce.recording import Recording


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def let_qt_finish() -> None:
    """Run what waits for the end of the present event, if an earlier test started Qt."""
    if QApplication.instance() is not None:
        QApplication.processEvents()


def shown_by(viewer: ViewerModel) -> RecordingLayers:
    shown = shown_in(viewer)
    assert shown is not None
    return shown


def expected_rows(small: Any, camera: Any, moment: int) -> np.ndarray[Any, Any]:
    """(A*K, 2) row and column of each keypoint, NaN where it must not be seen."""
    pixels = camera.project(small.positions()[moment]).reshape(-1, 2)
    width, height = camera.image_size
    x, y = pixels.T
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return np.where(inside[:, None], np.stack([y, x], axis=1), np.nan)


def test_one_dask_layer_a_camera(viewer: ViewerModel, recording: Recording, small: Any) -> None:
    layers = sd.add_recording(viewer, recording)
    assert [layer.name for layer in layers] == list(small.sizes)
    for layer, (width, height) in zip(layers, small.sizes.values(), strict=True):
        assert isinstance(layer.data, da.Array)
        assert layer.data.shape == (small.n_moments, height, width, 3)
        assert layer.rgb
        assert tuple(layer.contrast_limits) == (0, 255)
        assert layer.axis_labels == ("frame", "y", "x")
    assert viewer.dims.current_step[0] == 0


def test_gray_layers(viewer: ViewerModel, recording: Recording, small: Any) -> None:
    layers = sd.add_recording(viewer, recording, cameras=["top", "left"], color="gray")
    assert [layer.data.ndim for layer in layers] == [3, 3]
    assert [layer.name for layer in layers] == ["top", "left"]
    assert not layers[0].rgb


def test_unknown_camera_is_named(viewer: ViewerModel, recording: Recording) -> None:
    with pytest.raises(ValueError, match="no camera 'bottom'; there are left, right, top"):
        sd.add_recording(viewer, recording, cameras=["bottom"])
    assert not viewer.layers


def test_opening_computes_only_the_first_frame(recording: Recording, small: Any) -> None:
    read: list[int] = []

    class Counting(RecordingVideo):
        def read_view(self, moment: int, view: int) -> Any:
            read.append(moment)
            return super().read_view(moment, view)

    with Counting(recording) as video:
        data = image_layers_data(recording, video)
        assert read == []
        from napari_sdannce.widgets.add_layers import add_images

        shown = add_images(ViewerModel(), recording, video, data)
        assert set(read) == {0}
        shown.close()


def test_frames_on_screen(viewer: ViewerModel, recording: Recording, small: Any) -> None:
    layers = sd.add_recording(viewer, recording)
    for moment in (4, 8, 0):
        viewer.dims.set_current_step(0, moment)
        for c, layer in enumerate(layers):
            seen = np.asarray(layer._slice.image.raw)
            assert abs(float(seen.mean()) - small.brightness(c, moment)) < 3


def test_camera_that_ends_early_is_black(viewer: ViewerModel, recording: Recording) -> None:
    layers = sd.add_recording(viewer, recording)
    viewer.dims.set_current_step(0, 10)
    assert np.asarray(layers[2].data[10]).max() == 0
    assert np.asarray(layers[0].data[10]).max() > 0


def test_keypoints_lie_where_the_camera_sees_them(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    for moment in (*range(small.n_moments), 0):
        viewer.dims.set_current_step(0, moment)
        for layer, camera in zip(layers[1::2], small.cameras, strict=True):
            expected = expected_rows(small, camera, moment)
            seen = np.isfinite(expected).all(axis=1)
            assert layer.shown.tolist() == seen.tolist()
            np.testing.assert_allclose(layer.data[seen], expected[seen], atol=1e-6)
            # napari pays no heed to `shown` in layers of two dimensions
            assert (layer.face_color[~seen, 3] == 0).all()
            assert (layer.border_color[~seen, 3] == 0).all()
            assert (layer.face_color[seen, 3] == 1).all()


def test_nothing_is_seen_over_a_camera_that_never_saw_the_animals(
    viewer: ViewerModel, recording: Recording, small: Any
) -> None:
    """Rows wait in the first pixel; without colour, or there would be a dot."""
    behind = small.cameras[0].centre - 100 * small.cameras[0].rotation[2] + np.zeros((12, 2, 3, 3))
    far = Poses(behind, np.ones((12, 2, 3)), np.arange(12), small.animals, small.skeleton.keypoints)
    bones, points, *_ = sd.add_poses(viewer, recording, far)
    for moment in (0, 5):
        viewer.dims.set_current_step(0, moment)
        assert (points.face_color[:, 3] == 0).all()
        assert (points.border_color[:, 3] == 0).all()
        assert (bones.edge_color[:, 3] == 0).all()


def test_the_scene_hides_something(small: Any) -> None:
    """The tests above must meet missing, leaving and whole animals."""
    seen = [np.isfinite(expected_rows(small, small.cameras[0], t)).all(axis=1) for t in range(12)]
    assert seen[0].all()
    assert seen[3].sum() == 5
    assert not seen[5][3:].any()
    assert not seen[7][:3].any()


def test_bones_join_keypoints(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    owners = [(animal, bone) for animal in range(2) for bone in small.skeleton.bones]
    for moment in (3, 5, 7, 0):
        viewer.dims.set_current_step(0, moment)
        for layer, camera in zip(layers[::2], small.cameras, strict=True):
            joints = expected_rows(small, camera, moment).reshape(2, 3, 2)
            for (start, way), (animal, (a, b)) in zip(layer.data, owners, strict=True):
                if np.isfinite(joints[animal, [a, b]]).all():
                    np.testing.assert_allclose(start, joints[animal, a], atol=1e-3)
                    np.testing.assert_allclose(start + way, joints[animal, b], atol=1e-3)
                else:
                    assert (way == 0).all()


def test_a_keypoint_in_the_corner_is_not_mirrored(
    viewer: ViewerModel, recording: Recording, small: Any
) -> None:
    """A point near the right edge, half way down, has a large column and a middling row."""
    camera = small.cameras[1]
    width, height = camera.image_size
    ray = camera.rays(np.array([width - 6.0, height / 2]))
    xyz = np.zeros((1, 1, 1, 3))
    xyz[0, 0, 0] = camera.centre + 500 * ray
    one = Poses(xyz, np.ones((1, 1, 1)), np.array([0]), ("a",), ("p",))
    layers = sd.add_poses(viewer, recording, one)
    shown = next(layer for layer in layers if layer.name == "right poses")
    np.testing.assert_allclose(shown.data[0], (height / 2, width - 6), atol=1e-3)


def test_poses_meet_the_recording_by_sample_id(
    viewer: ViewerModel, shifted: Any, poses: Poses, small: Any
) -> None:
    some = Poses(
        poses.positions[:2], poses.confidence[:2], np.array([150, 120]), ANIMALS, poses.keypoints
    )
    layers = sd.add_poses(viewer, shifted.recording, some)
    shown = shown_by(viewer)
    assert shown.drawn[0].marks.moments().tolist() == [2, 5]
    points = layers[1]
    viewer.dims.set_current_step(0, 5)
    np.testing.assert_allclose(points.data[0], expected_rows(small, small.cameras[0], 0)[0])
    assert (shown.sample_id, shown.frame_of("left"), shown.frame_of("right")) == (150, 5, 2)
    viewer.dims.set_current_step(0, 1)
    assert not points.shown.any()
    assert shown.frame_of("right") is None


ANIMALS = ("anna", "bert")


def test_poses_of_another_recording_are_refused(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    other = Poses(
        poses.positions, poses.confidence, poses.sample_ids + 900, ANIMALS, poses.keypoints
    )
    with pytest.raises(ValueError, match=r"none of the 12 sample ids \(900 to 911\) occurs"):
        sd.add_poses(viewer, recording, other)


def test_choosing_animals_and_keypoints(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    layers = sd.add_poses(viewer, recording, poses, animals=["bert"], keypoints=["nose", "neck"])
    points, bones = layers[1], layers[0]
    assert points.shown.tolist() == [False, False, False, True, True, False]
    lengths = np.linalg.norm(bones.data[:, 1], axis=1) > 0
    assert lengths.tolist() == [False, False, True, False]
    shown = shown_by(viewer)
    shown.choose(shown.drawn[0], ["anna"], ["nose"])
    assert points.shown.tolist() == [True, False, False, False, False, False]
    with pytest.raises(ValueError, match="no animal 'carl'; there are anna, bert"):
        sd.add_poses(viewer, recording, poses, animals=["carl"])


def test_colours(viewer: ViewerModel, recording: Recording, poses: Poses, small: Any) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    points = layers[1]
    shown = shown_by(viewer)
    by_animal = points.face_color.copy()
    assert (by_animal[:3] == by_animal[0]).all()
    assert (by_animal[0] != by_animal[3]).any()
    shown.paint(ColorBy.KEYPOINT)
    np.testing.assert_allclose(points.face_color[0, :3], small.skeleton.colors[0][:3], atol=0.02)
    np.testing.assert_allclose(points.face_color[0], points.face_color[3])
    np.testing.assert_allclose(layers[0].edge_color[1, :3], small.skeleton.colors[1][:3], atol=0.02)


def test_labels_tell_people_from_reprojections(
    viewer: ViewerModel, recording: Recording, small: Any
) -> None:
    labels = small.labels()
    layers = sd.add_labels(viewer, recording, labels)
    viewer.dims.set_current_step(0, 6)
    left, top = layers[1], layers[5]
    kinds = left.features["kind"].tolist()
    assert kinds == ["placed by a person"] * 3 + ["from 3D"] * 3
    np.testing.assert_allclose(left.data[:3], labels.points_2d[0, 1, 0][:, ::-1])
    reprojected = small.cameras[0].project(labels.points_3d[1, 0])[:, ::-1]
    np.testing.assert_allclose(left.data[3:], reprojected)
    assert (left.face_color[:3, 3] == 1).all()
    assert (left.face_color[3:, 3] == 0).all()
    assert (left.border_color[3:, 3] == 1).all()
    assert top.shown.tolist() == [False] * 3 + [True] * 3


def test_labels_of_other_cameras_are_refused(
    viewer: ViewerModel, recording: Recording, small: Any
) -> None:
    from dataclasses import replace

    labels = replace(small.labels(), views=("a", "b", "c"))
    with pytest.raises(ValueError, match="labels are for the cameras a, b, c"):
        sd.add_labels(viewer, recording, labels)


def test_uncalibrated_camera_shows_its_image_alone(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    from dataclasses import replace

    views = (recording.views[0], replace(recording.views[1], camera=None), recording.views[2])
    layers = sd.add_poses(viewer, replace(recording, views=views), poses)
    assert layers[1].shown.any()
    assert not layers[3].shown.any()


def test_camera_without_video_is_black(
    viewer: ViewerModel, recording: Recording, small: Any
) -> None:
    from dataclasses import replace

    views = (*recording.views[:2], replace(recording.views[2], videos=()))
    layers = sd.add_recording(viewer, replace(recording, views=views))
    width, height = small.sizes["top"]
    assert layers[2].data.shape == (12, height, width)
    assert int(layers[2].data[3].max()) == 0


def test_nothing_to_show_is_one_sentence(viewer: ViewerModel, recording: Recording) -> None:
    from dataclasses import replace

    empty = tuple(replace(view, videos=()) for view in recording.views)
    with pytest.raises(ValueError, match="no video can be shown"):
        sd.add_recording(viewer, replace(recording, views=empty))


def cell_names(viewer: ViewerModel) -> list[set[str]]:
    """Names of the layers in each cell of the grid."""
    grid = viewer.canvas.grid
    return [
        {viewer.layers[i].name for i in contents}
        for _, contents in grid.iter_viewboxes(viewer.layers)
        if contents
    ]


def test_a_camera_and_its_overlays_share_a_cell(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    viewer.add_points(np.zeros((1, 2)), name="foreign")
    sd.add_recording(viewer, recording)
    assert cell_names(viewer) == [{"left"}, {"right"}, {"top"}, {"foreign"}]
    sd.add_poses(viewer, recording, poses)
    sd.add_labels(viewer, recording, small.labels())
    ours = [
        {f"{c}{what}" for what in ("", " poses", " poses bones", " labels", " labels bones")}
        for c in small.sizes
    ]
    assert cell_names(viewer)[:3] == ours


def test_points_without_bones_have_one_layer_over_each_camera(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    from dataclasses import replace

    com = replace(
        poses, positions=poses.positions[:, :, :1], confidence=poses.confidence[:, :, :1],
        keypoints=("COM",),
    )  # fmt: skip
    sd.add_poses(viewer, recording, com, name="COM")
    sd.add_poses(viewer, recording, poses)
    over = ("", " COM", " poses", " poses bones")
    assert cell_names(viewer) == [{f"{c}{what}" for what in over} for c in small.sizes]
    shown = shown_by(viewer)
    points = shown.drawn[0].cameras["left"].points
    assert len(points.data) == len(poses.animals)
    shown.remove(shown.drawn[0])
    assert cell_names(viewer) == [{f"{c}{what}" for what in over if what != " COM"}
                                  for c in small.sizes]  # fmt: skip


def test_hidden_camera(viewer: ViewerModel, recording: Recording, poses: Poses) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    shown = shown_by(viewer)
    shown.show_camera("right", False)
    assert [layer.visible for layer in layers] == [True, True, False, False, True, True]
    assert len(cell_names(viewer)) == 2
    before = layers[3].data.copy()
    viewer.dims.set_current_step(0, 4)
    np.testing.assert_array_equal(layers[3].data, before)
    shown.show_camera("right", True)
    assert (layers[3].data != before).any()
    assert layers[3].visible


def test_images_of_different_sizes_fill_their_cells(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    images = shown_by(viewer).images
    for i, (name, (width, height)) in enumerate(small.sizes.items()):
        image = images[name]
        scale = float(image.scale[-1])
        assert max(width * scale / 128, height * scale / 96) == pytest.approx(1)
        middle = image.data_to_world((0, (height - 1) / 2, (width - 1) / 2))[-2:]
        np.testing.assert_allclose(middle, (47.5, 63.5), atol=1e-6)
        points = layers[2 * i + 1]
        np.testing.assert_allclose(points.scale, image.scale[-2:])
        np.testing.assert_allclose(points.translate, image.translate[-2:])


def test_zoom_brings_the_animal_to_the_same_place(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    shown = shown_by(viewer)
    assert shown.zoom_to(shown.drawn[0], 1)
    for layer, camera in zip(layers[1::2], small.cameras, strict=True):
        joints = expected_rows(small, camera, 0)[3:]
        seen = joints[np.isfinite(joints).all(axis=1)]
        box = (seen.min(axis=0) + seen.max(axis=0)) / 2
        np.testing.assert_allclose(layer.data_to_world(box)[-2:], (0, 0), atol=1e-6)
    shown.go_to(5)
    assert not shown.zoom_to(shown.drawn[0], 1)
    shown.cells.show_whole_images()
    assert float(shown.images["right"].scale[-1]) == 1


def test_removing_an_overlay_layer_removes_the_overlay(
    viewer: ViewerModel, recording: Recording, poses: Poses, small: Any
) -> None:
    layers = sd.add_poses(viewer, recording, poses)
    sd.add_labels(viewer, recording, small.labels())
    viewer.layers.remove(layers[3])
    let_qt_finish()
    assert [drawn.marks.name for drawn in shown_by(viewer).drawn] == ["labels"]
    assert cell_names(viewer)[1] == {"right", "right labels", "right labels bones"}


def test_removing_an_image_removes_its_camera(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    sd.add_poses(viewer, recording, poses)
    viewer.layers.remove("left")
    let_qt_finish()
    shown = shown_by(viewer)
    assert list(shown.images) == ["right", "top"]
    assert "left poses" not in viewer.layers
    viewer.dims.set_current_step(0, 4)
    assert shown.moment == 4


def test_removing_everything_lets_go(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    """Twenty times: no controller, no layer stays, and the viewer calls nobody."""
    gone = []
    listeners = len(viewer.dims.events.point.callbacks)
    for _ in range(20):
        sd.add_recording(viewer, recording, cameras=["top"])
        layers = sd.add_poses(viewer, recording, poses)
        shown = shown_by(viewer)
        gone += [weakref.ref(shown), weakref.ref(layers[0])]
        video = shown.video
        viewer.layers.clear()
        assert not shown.images
        with pytest.raises(ValueError, match="closed"):
            video.cameras[0].read(3)
        del layers, shown, video
    gc.collect()
    assert [ref() for ref in gone] == [None] * 40
    assert len(viewer.dims.events.point.callbacks) == listeners
    viewer.dims.set_current_step(0, 0)


def test_refilling_keeps_the_layer_objects_and_their_length(
    viewer: ViewerModel, recording: Recording, poses: Poses
) -> None:
    """The cost of a step must not grow with the recording: as many rows as points on screen."""
    layers = sd.add_poses(viewer, recording, poses)
    data = layers[1].data
    for moment in (3, 5, 1):
        viewer.dims.set_current_step(0, moment)
        assert layers[1].data is data
        assert len(data) == 6

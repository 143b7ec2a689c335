"""What the panel "Label in 3D" does for a person: proposals, suggestions, doubts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.label_3d.time_strip import Kind, Mark

from .labelling_hands import (
    Labelling,
    _own_keys,
    labelling,
    seen,
    viewer,
)

if TYPE_CHECKING:
    from pathlib import Path

    import napari


__all__ = ["_own_keys", "labelling", "viewer"]

pytestmark = pytest.mark.window


def test_frames_that_are_not_whole_are_gone_to(labelling: Labelling, small: Any) -> None:
    desk, work = labelling.desk, labelling.work
    positions = small.positions()
    for moment in (2, 5):  # the first whole, the second in part
        for view, camera in enumerate(small.cameras):
            for animal, keypoint in np.ndindex(2, 3 if moment == 2 else 2):
                desk.go_to(moment)
                desk.place(view, animal, keypoint, camera.project(positions[0, animal, keypoint]))
    desk.await_moments([2, 8])
    desk.go_to(0)
    for expected in (5, 8, 8):
        labelling.press("J")
        assert desk.moment == expected
    assert labelling.panel.status.startswith("There is no further frame")
    labelling.press("Shift+J")
    assert desk.moment == 5
    labelling.press("Ctrl+Left")
    assert desk.moment == 2
    work.stride.setValue(4)
    labelling.press("]")
    assert desk.moment == 6


def test_other_views_say_where_a_keypoint_lies_and_which_click_would_help(
    labelling: Labelling, small: Any
) -> None:
    desk, views = labelling.desk, labelling.work.views
    truth = small.positions()[0, 0, 0]
    lines = [one.curves.data for one in views.cameras]
    assert not any(each.any() for each in lines)
    labelling.click(0, small.cameras[0].project(truth))
    desk.select(0, 0)
    labelling.work.views.refill()
    assert [bool(one.curves.data.any()) for one in views.cameras] == [False, True, True]
    labelling.click(1, small.cameras[1].project(truth))
    desk.select(0, 0)
    labelling.work.views.refill()
    # an outline in the third view, round where it must lie
    drawn = views.cameras[2].curves.data
    outline = drawn[drawn.any(axis=(1, 2)), 0][:, ::-1]
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    assert middle == pytest.approx(desk.solution.projected[2, 0, 0], abs=0.5)
    titles = [one.title.text() for one in views.cameras]
    assert ["click here next" in title for title in titles] == [False, False, True]
    desk.look_at_view(2, None)
    desk.toggle_not_in_view()
    labelling.work._refill()
    assert "click here next" not in views.cameras[2].title.text()
    assert "place one nose in right" in labelling.work.undo_button.toolTip()


def test_what_is_proposed_is_no_label(labelling: Labelling, small: Any) -> None:
    desk, work = labelling.desk, labelling.work
    for view, keypoint in np.ndindex(2, 3):
        desk.place(view, 0, keypoint, seen(small, view, 0, 0, keypoint))
    labelling.press("Right")
    labelling.press("D")
    assert work.strip.marks() == {0: Mark(Kind.PART), 1: Mark(Kind.PROPOSED)}
    labelling.press("Ctrl+E")
    assert not work.exporting.gaps
    work.exporting.close()
    labelling.press("X")
    desk.place(0, 0, 0, seen(small, 0, 1, 0, 0))
    assert work.strip.marks() == {0: Mark(Kind.PART), 1: Mark(Kind.PART)}
    labelling.press("Ctrl+E")
    told = work.exporting.listed.item(0).text()
    assert told == "frame 1, one: all"
    # its list follows what is labelled while it is open
    desk.clear_frame()
    work._refill()
    assert not work.exporting.gaps
    assert work.exporting.listed.isHidden()


def test_labels_are_carried_to_the_next_frames(
    viewer: napari.Viewer, tmp_path: Path, qtbot: Any
) -> None:
    """On the sample, whose keypoints are known: clicks of one frame, followed through ten."""
    from napari_sdannce.demo_data import sample_folder
    from napari_sdannce.skeletons import load_skeleton

    experiment = tmp_path / "rats"
    shutil.copytree(sample_folder(), experiment)
    labelling = Labelling(viewer, experiment, load_skeleton("rat23"))
    desk, work = labelling.desk, labelling.work
    truth = np.load(experiment / "truth.npz")["keypoints"]
    labelling.press("Y")
    assert labelling.panel.status.startswith("Label this frame first")
    spine = [desk.subject.skeleton.index(name) for name in ("SpineF", "SpineM", "TailBase")]
    for keypoint in spine:
        for view, camera in enumerate(desk.subject.cameras):
            desk.place(view, 0, keypoint, camera.project(truth[0, 0, keypoint]))
    with qtbot.waitSignal(work.carrying.ended, timeout=60_000):
        labelling.press("Y")
    assert labelling.panel.status.startswith("Proposed at 20 frames")
    desk.go_to(5)
    found = desk.solution.points_3d[0, spine]
    followed = (desk.labels.states[:, 0, spine] == LabelState.TRACKED).any(axis=0)
    assert followed.sum() >= 2  # one that the other rat hides may be lost, and is not guessed
    assert not desk.solution.complete.any()
    moved = np.linalg.norm(truth[5, 0, spine] - truth[0, 0, spine], axis=-1)[followed].mean()
    away = np.linalg.norm(found - truth[5, 0, spine], axis=-1)[followed].mean()
    assert away < min(3.0, moved / 2)
    labelling.press("Ctrl+Z")
    assert desk.moments_with_labels() == [0]
    # the files of both rats, as one session
    labelling.panel.close_session()
    start = labelling.panel.start
    start.start_from.setCurrentIndex(start.start_from.count() - 1)
    start.make_button.click()
    assert labelling.work is not None, labelling.panel.status
    assert len(labelling.desk.subject.animals) == 2
    assert len(labelling.desk.moments_with_labels()) == 40
    assert labelling.desk.solution.complete.all(axis=1).tolist() == [True, True]
    labelling.desk.clear_frame()
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_frames_are_suggested_and_predictions_accepted(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any, poses: Any, qtbot: Any
) -> None:
    from napari_sdannce.predictions import Job, PoseChunk, PoseStore

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    job = Job(animals=poses.animals, keypoints=poses.keypoints)
    where = experiment / "DANNCE" / "predict" / "poses.zarr"
    store = PoseStore.create(where, poses.sample_ids, job, chunk=12, extras=("covariance",))
    covariance = np.ones((*poses.confidence.shape, 6))
    covariance[4, 0, 1, [0, 3, 5]] = 100
    com = poses.positions[:, :, 0]
    store.write(0, PoseChunk(poses.positions, poses.confidence, com, covariance=covariance))
    labelling = Labelling(viewer, experiment, small.skeleton)
    work, desk = labelling.work, labelling.desk
    labelling.press("N")
    assert labelling.panel.status.startswith("Ask for suggestions first")
    with qtbot.waitSignal(work.suggestions.suggested, timeout=20_000):
        labelling.press("Ctrl+N")
    assert work.suggestions.list.count() == len(work.suggestions.moments) > 0
    assert "nothing is labelled yet" in work.suggestions.list.item(0).text()
    assert work.strip.suggested == tuple(work.suggestions.moments)
    labelling.press("N")
    assert desk.moment == work.suggestions.moments[0 if work.suggestions.moments[0] else 1]
    labelling.press("P")
    assert not desk.session.frames  # no predictions are chosen
    sources = [work.suggestions.source.itemText(row) for row in range(2)]
    assert sources == ["no predictions", "DANNCE/predict"]
    work.suggestions.source.setCurrentIndex(1)
    with qtbot.waitSignal(work.suggestions.suggested, timeout=20_000):
        work.suggestions.ask_button.click()
    told = [work.suggestions.list.item(row).text() for row in range(work.suggestions.list.count())]
    (uncertain,) = [text for text in told if "uncertain place: " in text]
    assert uncertain.startswith("4: ")
    # at every moment one animal at least is there
    assert work.strip.predicted == (range(12),)
    # the suggested frames are copied, and shown from the copy
    with qtbot.waitSignal(work.suggestions.copying.ended, timeout=20_000):
        work.suggestions.copy_box.click()
    assert labelling.panel.status.startswith("The suggested frames are copied")
    assert all(desk.copy.has(moment) for moment in work.suggestions.moments)
    decoded = [camera.n_packets_decoded for camera in desk.video.cameras]
    labelling.press("Shift+N")
    labelling.press("N")
    assert all(one.has_frame for one in work.views.cameras)
    assert [camera.n_packets_decoded for camera in desk.video.cameras] == decoded
    desk.go_to(1)
    labelling.press("P")
    assert (desk.labels.states == LabelState.PREDICTED).any()
    assert not desk.solution.complete.any()
    labelling.press("T")
    known = desk.solution.complete
    assert known.all()
    np.testing.assert_allclose(desk.solution.points_3d, small.positions()[1], atol=1e-3)
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_odd_bones_and_exchanged_sides_are_told(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    from dataclasses import replace

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, replace(small.skeleton, pairs=((0, 2),)))
    desk, doubts = labelling.desk, labelling.work.doubts
    pose = small.positions()[0, 0]
    for moment in range(6):
        desk.go_to(moment)
        for view, camera in enumerate(small.cameras):
            for keypoint, pixel in enumerate(camera.project(pose)):
                desk.place(view, 0, keypoint, pixel)
    doubts.look()
    assert doubts.isHidden()
    longer = pose[2] + 2 * (pose[2] - pose[1])  # the bone is thrice as long
    for view, camera in enumerate(small.cameras):
        desk.place(view, 0, 2, camera.project(longer))
    doubts.look()
    usual = np.linalg.norm(pose[2] - pose[1])
    assert doubts.text() == f"neck to tail: {3 * usual:.0f} mm, usually {usual:.0f}"
    for _ in small.cameras:
        desk.undo()
    nose, tail = (small.cameras[1].project(pose[keypoint]) for keypoint in (0, 2))
    desk.place(1, 0, 0, tail)
    desk.place(1, 0, 2, nose)
    doubts.look()
    assert "nose and tail exchanged in right?" in doubts.text()
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_depth_of_a_single_click_is_guessed(labelling: Labelling, small: Any) -> None:
    desk, pose = labelling.desk, small.positions()[0, 0]
    pixels = [camera.project(pose) for camera in small.cameras]
    for moment in range(6):
        desk.go_to(moment)
        for view, keypoint in np.ndindex(2, 3 if moment < 5 else 2):
            desk.place(view, 0, keypoint, pixels[view][keypoint])
    desk.select(0, 2)
    labelling.press("Shift+D")
    assert labelling.panel.status.startswith("Click ")
    desk.place(2, 0, 2, pixels[2][2])
    labelling.press("Shift+D")
    assert labelling.panel.status.startswith("Proposed: ")
    states = [LabelState.PREDICTED, LabelState.PREDICTED, LabelState.HUMAN]
    assert desk.labels.states[:, 0, 2].tolist() == states
    first = desk.solution.points_3d[0, 2]
    assert np.linalg.norm(first - pose[2]) < 0.5
    labelling.press("K")
    assert desk.solution.complete[0].all()
    assert desk.solution.residual_px[2, 0, 2] < 1e-3
    assert (desk.solution.states[:2, 0, 2] == LabelState.REPROJECTED).all()
    labelling.press("Shift+D")
    assert np.linalg.norm(desk.solution.points_3d[0, 2] - first) > 1
    assert not desk.solution.complete[0, 2]

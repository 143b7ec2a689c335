from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from napari_sdannce.overlay import Overlay, PoseMarks
from napari_sdannce.overlay.colors import ANIMAL_COLORS
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings.render import LookSettings
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.video import RecordingVideo

PLAIN = LookSettings(caption=False)
WIDTH, HEIGHT = 160, 128
KEYPOINTS = ("nose", "left", "right", "tail")
STICK = Skeleton("stick", KEYPOINTS, ((0, 3),), ((1.0, 0.6, 0.9, 1.0),))


@pytest.fixture(scope="module")
def video(disc_scene):
    with RecordingVideo(disc_scene.recording) as opened:
        yield opened


def poses_of(keypoints: np.ndarray, confidence: float = np.nan) -> Poses:
    """Poses of keypoints (T, A, K, 3)."""
    return Poses(
        keypoints,
        np.full(keypoints.shape[:3], confidence),
        np.arange(len(keypoints)),
        tuple(f"rat{i}" for i in range(keypoints.shape[1])),
        KEYPOINTS[: keypoints.shape[2]],
    )


def drawn(video, keypoints, look=PLAIN, com=None, confidence=np.nan):
    marks = PoseMarks(video.recording, video.sample_ids, poses_of(keypoints, confidence))
    return Overlay(video, marks, com, look)


def bare(video, moment: int) -> list[np.ndarray]:
    return [np.asarray(image) for image in video.read(moment)]


def panes_of(picture: np.ndarray) -> list[np.ndarray]:
    """The four panes of a picture."""
    starts = [(0, 0), (0, WIDTH), (HEIGHT, 0), (HEIGHT, WIDTH)]
    return [picture[y : y + HEIGHT, x : x + WIDTH] for y, x in starts]


def middle_of_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    y, x = np.nonzero((before.astype(int) != after).any(axis=2))
    return np.array([(x.min() + x.max()) / 2, (y.min() + y.max()) / 2])


def test_dots_are_where_the_cameras_see_the_keypoints(video, disc_scene):
    only = disc_scene.keypoints[:, :1, :1]
    picture = drawn(video, only).picture(7)
    assert picture.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    cameras = disc_scene.recording.cameras
    for camera, before, after in zip(cameras, bare(video, 7), panes_of(picture), strict=True):
        place = camera.project(only[7, 0, 0])
        assert np.abs(middle_of_change(before, after) - place).max() < 0.6


def test_bones_join_their_keypoints(video, disc_scene):
    two = disc_scene.keypoints[:, :1]
    ends = disc_scene.recording.cameras[0].project(two[7, 0, [0, 3]])
    known = replace(disc_scene.recording, skeleton=STICK)
    marks = PoseMarks(known, video.sample_ids, poses_of(two))
    after = Overlay(video, marks, None, PLAIN).picture(7)[:HEIGHT, :WIDTH]
    x, y = np.rint(ends.mean(axis=0)).astype(int)
    color = after[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
    wanted = np.rint(np.array(marks.skeleton.bone_colors[0][:3]) * 255)
    assert np.abs(color - wanted).max(axis=1).min() < 30


def test_what_is_missing_is_not_drawn(video, disc_scene):
    nothing = np.full_like(disc_scene.keypoints, np.nan)
    picture = drawn(video, nothing).picture(3)
    for before, after in zip(bare(video, 3), panes_of(picture), strict=True):
        assert (before == after).all()


def test_sure_keypoints_are_larger(video, disc_scene):
    only = disc_scene.keypoints[:, :1, :1]
    before = bare(video, 7)[0]
    changed = []
    for confidence in (0.1, 0.6, 1.0, np.nan):
        after = drawn(video, only, confidence=confidence).picture(7)[:HEIGHT, :WIDTH]
        changed.append(np.abs(before.astype(int) - after).sum())
    assert changed[0] < changed[1] < changed[2] == changed[3]
    # raw maxima of a heatmap are no probabilities
    raw = drawn(video, only, confidence=7.0).picture(7)[:HEIGHT, :WIDTH]
    assert np.abs(before.astype(int) - raw).sum() == changed[2]


def test_animals_have_their_colours_and_com_its_ring(video, disc_scene):
    nothing = np.full_like(disc_scene.keypoints, np.nan)
    com = ComTrace(disc_scene.com, np.full(disc_scene.com.shape[:2], np.nan), video.sample_ids)
    after = drawn(video, nothing, com=com).picture(11)[:HEIGHT, :WIDTH]
    for animal in range(2):
        place = disc_scene.recording.cameras[0].project(disc_scene.com[11, animal])
        x, y = np.rint(place).astype(int)
        assert np.abs(after[y, x] - np.array(ANIMAL_COLORS[animal]) * 255).max() < 12


def test_a_zoomed_picture_follows_what_the_video_shows(video, disc_scene):
    """With only the nose known, the red disc of the nose lies in the middle of every pane."""
    nose = disc_scene.keypoints[:, :1, :1]
    overlay = drawn(video, nose, LookSettings(caption=False, zoom=60))
    middle, seen = np.array([WIDTH - 1, HEIGHT - 1]) / 2, 0
    area = np.pi * (8 / 60 * HEIGHT) ** 2  # of a disc of 8 mm in a pane of 128 px for 60 mm
    for moment in range(0, 48, 3):
        for pane in panes_of(overlay.picture(moment)):
            red = (pane[..., 0] > 150) & (pane[..., 1:] < 110).all(axis=2)
            _, parts, stats, centres = cv2.connectedComponentsWithStats(red.astype(np.uint8))
            part = parts[HEIGHT // 2, WIDTH // 2 + 6]  # beside the dot
            if part and abs(stats[part, cv2.CC_STAT_AREA] / area - 1) < 0.2:  # else half hidden
                assert np.abs(centres[part] - middle).max() < 3
                seen += 1
    assert seen > 8


def test_captions_name_camera_and_frame(video, disc_scene):
    keypoints = disc_scene.keypoints
    with_it = drawn(video, keypoints, LookSettings()).picture(7)
    without = drawn(video, keypoints, PLAIN).picture(7)
    for one, other in zip(panes_of(with_it), panes_of(without), strict=True):
        rows = np.nonzero((one != other).any(axis=(1, 2)))[0]
        assert rows.min() == 0
        assert rows.max() < 30


def test_cameras_are_chosen_by_name(video, disc_scene):
    names = disc_scene.recording.names
    marks = PoseMarks(video.recording, video.sample_ids, poses_of(disc_scene.keypoints))
    both = Overlay(video, marks, None, PLAIN, [names[2], names[0]]).picture(5)
    all_of_them = panes_of(Overlay(video, marks, None, PLAIN).picture(5))
    assert (both[:, :WIDTH] == all_of_them[2]).all()
    assert (both[:, WIDTH:] == all_of_them[0]).all()
    with pytest.raises(ValueError, match="no camera 'Camera9'"):
        Overlay(video, marks, None, PLAIN, ["Camera9"])


def test_zoom_takes_a_calibration(disc_scene):
    views = tuple(replace(view, camera=None) for view in disc_scene.recording.views)
    recording = replace(disc_scene.recording, views=views)
    with RecordingVideo(recording) as video:
        marks = PoseMarks(recording, video.sample_ids, poses_of(disc_scene.keypoints))
        with pytest.raises(ValueError, match="takes a calibration"):
            Overlay(video, marks, None, LookSettings(zoom=100))
        Overlay(video, marks, None, PLAIN).picture(0)


def test_without_videos_there_is_nothing_to_draw_over(disc_scene):
    views = tuple(replace(view, videos=()) for view in disc_scene.recording.views)
    recording = replace(disc_scene.recording, views=views)
    with RecordingVideo(recording) as video:
        marks = PoseMarks(recording, video.sample_ids, poses_of(disc_scene.keypoints))
        with pytest.raises(ValueError, match="no video that can be read"):
            Overlay(video, marks)

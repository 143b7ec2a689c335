"""From files on disk to cameras that stand where they do now: `calibrate check` and `repair`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_file import write_board
from napari_sdannce.calibration.drift.check_recording import check_recording
from napari_sdannce.calibration.drift.mend import mend_by_clip, mend_by_points
from napari_sdannce.calibration.drift.seen_points import points_of_labels, seen_points
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.rigid import exp
from napari_sdannce.cli import main
from napari_sdannce.files import open_recording
from napari_sdannce.files.anipose import read_anipose
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.synthetic.rig import camera_ring
from napari_sdannce.video import VideoWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.geometry import Camera

SKELETON = Skeleton("animal", tuple(f"kp{i}" for i in range(10)), ())
LABEL_FILE = "day_dannce.mat"
CAMERAS = camera_ring(5)


def push(camera: Camera, by: float = 1.0) -> Camera:
    """A camera that somebody bumped into."""
    return replace(
        camera,
        rotation=exp(by * np.radians([1.0, -0.8, 0.6])) @ camera.rotation,
        translation=camera.translation + by * np.array([5.0, -4, 3]),
    )


def pushed(*names: str) -> tuple[Camera, ...]:
    """The cameras where they stand now."""
    return tuple(
        push(camera, 1 + 0.5 * i) if camera.name in names else camera
        for i, camera in enumerate(CAMERAS)
    )


def placed_labels(cameras: Sequence[Camera], n: int = 30) -> Labels:
    """Keypoints that a person placed in what these cameras saw; a fifth of them is hidden."""
    rng = np.random.default_rng(6)
    xyz = rng.uniform((-150, -150, 0), (150, 150, 60), (n, 1, 1, 3))
    xyz = xyz + rng.uniform(-40, 40, (n, 1, len(SKELETON.keypoints), 3))
    names = tuple(camera.name for camera in cameras)
    frames = np.arange(n)
    labels = Labels.empty(names, SKELETON, ("rat",), frames, np.tile(frames, (len(names), 1)))
    for view, camera in enumerate(cameras):
        pixels = camera.project(xyz) + rng.normal(scale=0.8, size=(*xyz.shape[:-1], 2))
        hidden = rng.random(xyz.shape[:-1]) < 0.2
        labels.points_2d[view] = np.where(hidden[..., None], np.nan, pixels)
        labels.states[view] = np.where(hidden, LabelState.NONE, LabelState.HUMAN)
    labels.points_3d[:] = xyz
    return labels


def write_recording(
    folder: Path, now: Sequence[Camera], old: Sequence[Camera] = CAMERAS, **more: Any
) -> Path:
    """A recording by cameras as they stand now, with the calibration of where they stood."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LABEL_FILE
    write_dannce(path, dannce_from_labels(path, placed_labels(now, **more), old))
    return folder


def run(*arguments: Any) -> int:
    """Exit code of ``sdannce calibrate``."""
    try:
        main(["calibrate", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def assert_in_place(found: Camera, truth: Camera, px: float = 0.7) -> None:
    there = np.random.default_rng(1).uniform((-150, -150, 0), (150, 150, 80), (60, 3))
    assert np.linalg.norm(found.project(there) - truth.project(there), axis=1).max() < px


def test_what_a_calibration_projected_says_nothing_of_it() -> None:
    labels = placed_labels(CAMERAS)
    labels.states[0] = LabelState.REPROJECTED
    labels.states[1] = LabelState.REJECTED
    points = points_of_labels(labels, ["Camera2", "nobody", "Camera1"])
    assert points.shape == (3, 300, 2)
    np.testing.assert_array_equal(points[0], labels.points_2d[1].reshape(-1, 2))
    assert np.isnan(points[1:]).all()


def test_labels_and_trackers_are_read_together(tmp_path: Path) -> None:
    opened = open_recording(write_recording(tmp_path / "day", CAMERAS))
    of_labels = seen_points(opened)
    assert of_labels.shape[1] > 290
    assert 0.1 < np.isnan(of_labels).any(axis=2).mean() < 0.3
    pixels = placed_labels(CAMERAS).points_2d[:, :, 0]
    tracker = tmp_path / "tracker.npz"
    scores = np.where(np.arange(10) < 4, 0.9, 0.05) * np.ones(pixels.shape[:-1])
    np.savez(tracker, points=pixels, scores=scores, keypoints=SKELETON.keypoints,
             cameras=opened.names)  # fmt: skip
    alone = seen_points(opened, [tracker])
    # six of ten keypoints were guessed
    assert 110 < alone.shape[1] <= 120
    both = seen_points(opened, [tmp_path / "day" / LABEL_FILE, tracker])
    np.testing.assert_array_equal(both, np.concatenate([of_labels, alone], axis=1))


def test_nothing_to_tell_by(tmp_path: Path) -> None:
    labels = placed_labels(CAMERAS)
    labels.points_2d[1:] = np.nan  # placed in one camera
    path = tmp_path / LABEL_FILE
    write_dannce(path, dannce_from_labels(path, labels, CAMERAS))
    opened = open_recording(tmp_path)
    with pytest.raises(CalibrationError, match=r"day_dannce\.mat: no point was placed in two"):
        check_recording(opened)
    with pytest.raises(CalibrationError, match="it has no labels"):
        check_recording(replace(opened, label_files=()))
    few = write_recording(tmp_path / "few", CAMERAS, n=1)
    with pytest.raises(CalibrationError, match=r"can not be told: at most \d+ points"):
        check_recording(open_recording(few))
    # pairs of cameras that share nothing with a third one
    labels = placed_labels(CAMERAS)
    labels.points_2d[2:] = np.nan
    write_dannce(path, dannce_from_labels(path, labels, CAMERAS), overwrite=True)
    with pytest.raises(CalibrationError, match="at most 0 points"):
        check_recording(opened)


@pytest.mark.parametrize("moved", [(), ("Camera2",), ("Camera1", "Camera4")])
def test_cameras_that_moved_are_told_and_placed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], moved: tuple[str, ...]
) -> None:
    now, out = pushed(*moved), tmp_path / "mended.toml"
    day = write_recording(tmp_path / "day", now)
    assert run("check", day) == bool(moved)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [camera.name for camera in CAMERAS]
    assert [line.split(":")[0] for line in lines if "HAS MOVED, by" in line] == list(moved)
    if not moved:
        assert run("repair", day, "--out", out) == 2
        assert "none has moved" in capsys.readouterr().err
        assert not out.exists()
        return
    assert run("repair", day, "--out", out) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said if "HAS MOVED, by" in line] == list(moved)
    assert [line.split(":")[0] for line in said if "is known to ±" in line] == list(moved)
    assert said[-1] == str(out)
    for camera, truth in zip(read_anipose(out), now, strict=True):
        assert camera.name == truth.name
        assert_in_place(camera, truth, 0.7 if camera.name in moved else 1e-3)
    # with the mended calibration, none has moved
    mended = open_recording(day).calibrated(read_anipose(out))
    assert not any(each.moved for each in check_recording(mended))


def test_several_recordings_get_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_recording(tmp_path / "monday", CAMERAS)
    bad = write_recording(tmp_path / "tuesday", pushed("Camera3"))
    (tmp_path / "empty").mkdir()
    assert run("check", good, good) == 0
    assert run("check", good, tmp_path / "empty") == 2
    capsys.readouterr()
    assert run("check", good, bad, tmp_path / "empty") == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{good}: none of 5 cameras has moved"
    assert second.startswith(f"{bad}: Camera3 HAS MOVED, by ")
    assert "NOT TOLD" in third
    assert run("check", good, bad, "--points", "p.npz") == 2
    assert "those of one RECORDING" in capsys.readouterr().err


def test_images_of_another_size_are_not_to_be_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = placed_labels(CAMERAS)
    labels.points_2d[:] /= 2
    path = tmp_path / LABEL_FILE
    write_dannce(path, dannce_from_labels(path, labels, CAMERAS))
    assert run("check", tmp_path) == 1
    said = capsys.readouterr()
    assert said.out.count("NO PLACE of the camera EXPLAINS its points") == 5
    assert "no repair helps" in said.err
    assert "mend it by" not in said.err
    assert run("check", tmp_path, tmp_path) == 1
    assert "EXPLAINS" in capsys.readouterr().out
    assert run("repair", tmp_path, "--out", tmp_path / "out.toml") == 2
    assert "no repair helps" in capsys.readouterr().err


def test_a_camera_that_shares_too_little_is_not_said_to_stand_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = placed_labels(CAMERAS)
    labels.points_2d[4, 1:] = np.nan
    path = tmp_path / LABEL_FILE
    write_dannce(path, dannce_from_labels(path, labels, CAMERAS))
    assert run("check", tmp_path) == 0
    assert "points with two others, too few to tell" in capsys.readouterr().out.splitlines()[4]
    assert run("check", tmp_path, tmp_path) == 0
    assert "Camera5 shares" in capsys.readouterr().out
    with pytest.raises(CalibrationError, match="Camera5 sees"):
        mend_by_points(open_recording(tmp_path), (), ["Camera5"])


def test_two_cameras_can_not_tell_by_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = write_recording(tmp_path / "day", CAMERAS[:2], CAMERAS[:2])
    assert run("check", day) == 2
    assert "drift needs three cameras, got 2" in capsys.readouterr().err
    out = tmp_path / "mended.toml"
    assert run("repair", day, "--out", out, "--moved", "Camera1") == 2
    assert "record the board again" in capsys.readouterr().err
    assert run("repair", day, "--out", out, "--moved", "Camera7") == 2
    assert "no camera 'Camera7'" in capsys.readouterr().err


def test_where_nothing_can_be_written_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.toml"
    there.write_text("as it was")
    (tmp_path / "folder.toml").mkdir()
    # no recording is there: it would be told next
    for out, more, says in (
        (there, (), "exists and is not replaced"),
        (tmp_path / "nowhere" / "a.toml", (), "there is no folder"),
        (tmp_path / "a.mat", (), "is to be a .toml file"),
        (tmp_path / "folder.toml", ("--overwrite",), "is a folder"),
        (there, ("--overwrite",), "day does not exist"),
        (there, ("--clip", "c"), "--clip needs --board"),
        (there, ("--clip", "c", "--board", "b", "--points", "p"), "not by both"),
    ):
        assert run("repair", tmp_path / "day", "--out", out, *more) == 2
        assert says in capsys.readouterr().err
    assert there.read_text() == "as it was"


def filmed_before(filmed: Any, *moved: int) -> Recording:
    """A recording of the cameras that filmed the board, whose calibration is of before."""
    views = tuple(
        View(camera.name, (), push(camera, 2) if i in moved else camera)
        for i, camera in enumerate(filmed.cameras)
    )
    return Recording(filmed.folder.parent / "day", views)


def test_a_clip_of_the_board_places_a_camera(
    filmed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = filmed_before(filmed, 1).cameras
    day = write_recording(tmp_path / "day", old, old)
    out = tmp_path / "mended.toml"
    given = ("--clip", filmed.folder, "--board", filmed.board_file, "--out", out)
    assert run("repair", day, *given) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["HAS MOVED, by" in line for line in said] == [False, True, False, False]
    for camera, truth in zip(read_anipose(out), filmed.cameras, strict=True):
        assert np.linalg.norm(camera.centre - truth.centre) < 3
        assert camera.image_size == (400, 320)
    assert run("repair", day, *given) == 2
    assert "exists and is not replaced" in capsys.readouterr().err


def test_of_a_clip_another_board_is_named(
    filmed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = filmed_before(filmed, 1).cameras
    day = write_recording(tmp_path / "day", old, old)
    swapped = replace(filmed.board, squares_across=5, squares_down=7)
    board = write_board(tmp_path / "board.toml", swapped)
    out = tmp_path / "mended.toml"
    assert run("repair", day, "--clip", filmed.folder, "--board", board, "--out", out) == 2
    said = capsys.readouterr().err
    assert "rows and columns are exchanged" in said
    assert "find the board 42/42 images" in said


def test_of_cameras_that_all_moved_a_clip_tells_nothing(filmed: Any) -> None:
    with pytest.raises(CalibrationError, match="all cameras stand as they stood"):
        mend_by_clip(filmed_before(filmed), filmed.folder, filmed.board_file)
    two = filmed_before(filmed, 1).select(["Camera1", "Camera2"])
    with pytest.raises(CalibrationError, match=r"no two cameras stand.*calibrate anew"):
        mend_by_clip(two, filmed.folder, filmed.board_file)
    mended = mend_by_clip(two, filmed.folder, filmed.board_file, ["Camera2"])
    assert mended.cameras[0].centre.tolist() == filmed.cameras[0].centre.tolist()
    assert np.linalg.norm(mended.cameras[1].centre - filmed.cameras[1].centre) < 4


def test_a_clip_that_misses_a_camera(filmed: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    for name in ("Camera1", "Camera3"):
        shutil.copytree(filmed.folder / name, clip / name)
    with pytest.raises(CalibrationError, match="has Camera1, Camera3, but not Camera2"):
        mend_by_clip(filmed_before(filmed, 1), clip, filmed.board_file)


def test_a_clip_of_another_resolution(filmed: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    for path in sorted(filmed.folder.glob("*/*.png")):
        small = cv2.resize(cv2.imread(str(path)), (300, 240), interpolation=cv2.INTER_AREA)
        (clip / path.parent.name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(clip / path.parent.name / path.name), small)
    recording = filmed_before(filmed, 1)
    with pytest.raises(CalibrationError, match=r"clip: 'Camera1' was calibrated for .*300 x 240"):
        mend_by_clip(recording, clip, filmed.board_file)
    # a calibration that does not say for which images it is: they are those of the recording
    views = []
    for view in recording.views:
        video = tmp_path / f"{view.name}.mp4"
        with VideoWriter(video, 400, 320, 25) as writer:
            writer.write(np.zeros((320, 400, 3), dtype=np.uint8))
        assert view.camera is not None
        views.append(View(view.name, (VideoFile(video),), replace(view.camera, image_size=None)))
    with pytest.raises(CalibrationError, match=r"calibrated for images of 400 x 320"):
        mend_by_clip(replace(recording, views=tuple(views)), clip, filmed.board_file)

"""Cameras that were pushed by known amounts, placed anew by a board or by points."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.calibration.drift.check_drift import check_drift
from napari_sdannce.calibration.drift.repair import repair_by_board, repair_by_points
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.known import camera_of
from napari_sdannce.calibration.solver.rigid import exp
from napari_sdannce.calibration.solver.solution import solve
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig
from napari_sdannce.synthetic.rig import camera_ring

sys.path.insert(0, str(Path(__file__).parent))
from golden_corners import BOARD, golden_corners

if TYPE_CHECKING:
    from napari_sdannce.calibration.drift.repair import Repair
    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.board_rigs import BoardRig

_TURN, _ORIGIN = exp(np.array([0.2, 1.2, -0.5])), np.array([50.0, 20, -300])


def pushed(camera: Camera, degrees: tuple[float, float, float]) -> Camera:
    """A camera that stood elsewhere before: turned, and some millimetres away."""
    return replace(
        camera,
        rotation=exp(np.radians(degrees)) @ camera.rotation,
        translation=camera.translation + np.array([4.0, -6, 5]),
    )


def clip(n: int, moved: tuple[int, ...]) -> tuple[BoardRig, list[Camera], list[Camera]]:
    """A short recording, where the cameras stand now, and what the old calibration says.

    Cameras that moved were pushed in different ways.
    """
    settings = BoardRigSettings(cameras=n, moments=16, noise_px=0.25)
    made = board_rig(settings, 7)
    sizes = made.detections.image_sizes
    now = [
        camera_of(settings.lens, name, made.truth.numbers[i], made.truth.cameras[i], sizes[i])
        for i, name in enumerate(made.detections.names)
    ]
    now = [camera.seen_from(_TURN, _ORIGIN) for camera in now]
    old = [
        pushed(camera, (1.0 + i, 2.0 - i, 0.5)) if i in moved else camera
        for i, camera in enumerate(now)
    ]
    return made, now, old


def mend(made: BoardRig, old: list[Camera], moved: tuple[str, ...] = ()) -> Repair:
    return repair_by_board(old, made.detections, BoardRigSettings().board, moved)


@pytest.mark.parametrize(("n", "moved"), [(5, (0, 3)), (3, (1,)), (4, (0,)), (5, ())])
def test_a_board_tells_who_moved(n: int, moved: tuple[int, ...]) -> None:
    made, now, old = clip(n, moved)
    mended = mend(made, old)
    assert mended.moved == tuple(old[i].name for i in moved)
    for i, (camera, truth) in enumerate(zip(mended.cameras, now, strict=True)):
        if i not in moved:
            assert camera is old[i]
            assert mended.shift_px[i].tolist() == [0, 0]
            continue
        assert np.linalg.norm(camera.centre - truth.centre) < 3
        there = middle_of(made) + np.random.default_rng(0).uniform(-100, 100, (60, 3))
        assert np.linalg.norm(camera.project(there) - truth.project(there), axis=1).max() < 2
        told = truth.project(there) - old[i].project(there)
        assert np.linalg.norm(mended.shift_px[i] - np.median(told, axis=0)) < 8  # elsewhere
        assert np.linalg.norm(mended.shift_px[i]) > 10
        assert mended.before_px[i] > 1 > mended.after_px[i]


def middle_of(made: BoardRig) -> np.ndarray:
    """(3,) middle of the volume in the frame of the cameras, mm."""
    first = made.truth.boards.translation.mean(axis=0)
    return (first - _ORIGIN) @ _TURN.T


@pytest.mark.parametrize(
    ("n", "moved", "says"),
    [
        (2, (1,), "no two cameras"),
        (3, (0, 1), "no two cameras"),
        (4, (0, 1), "2 of 4 cameras"),
        (5, (0, 1, 2), "2 of 5 cameras"),
    ],
)
def test_a_frame_that_nothing_tells_is_not_guessed(
    n: int, moved: tuple[int, ...], says: str
) -> None:
    made, now, old = clip(n, moved)
    with pytest.raises(CalibrationError, match=f"{says} stand to each other as before.*anew"):
        mend(made, old)
    # a person may know
    names = tuple(old[i].name for i in moved)
    mended = mend(made, old, names)
    assert mended.moved == names
    for camera, truth in zip(mended.cameras, now, strict=True):
        assert np.linalg.norm(camera.centre - truth.centre) < 4


def test_most_cameras_on_one_bar_that_was_pushed_are_the_frame() -> None:
    """Of two groups, each of which stands as before, the larger one; of equal ones, none."""
    made, now, _ = clip(4, ())
    bar = [camera.seen_from(exp(np.array([0, 0, 0.02])), np.zeros(3)) for camera in now]
    with pytest.raises(CalibrationError, match="2 of 4 cameras"):
        mend(made, [bar[0], bar[1], now[2], now[3]])
    assert mend(made, [bar[0], bar[1], bar[2], now[3]]).moved == (now[3].name,)


@pytest.mark.golden
def test_cameras_of_real_videos(golden: Path) -> None:
    """Webcams that are late, and see a board move: what a clip may be wrong by is known from it."""
    seen = golden_corners(golden)
    cameras = solve(seen.at(seen.moments[::2]), BOARD).cameras
    clip_of_them = seen.at(seen.moments[1::4])
    assert repair_by_board(cameras, clip_of_them, BOARD).moved == ()
    for i, camera in enumerate(cameras):
        old = [*cameras[:i], pushed(camera, (2, -1, 0.5)), *cameras[i + 1 :]]
        mended = repair_by_board(old, clip_of_them, BOARD)
        assert mended.moved == (camera.name,)
        assert np.linalg.norm(mended.cameras[i].centre - camera.centre) < 15  # of 1100


def test_names_of_cameras_that_moved_are_checked_by_the_others() -> None:
    made, _, old = clip(4, (0, 1))
    with pytest.raises(CalibrationError, match=r"Camera2 and Camera3 do not stand.*mm"):
        mend(made, old, ("Camera1",))
    with pytest.raises(CalibrationError, match="all cameras have moved"):
        mend(made, old, tuple(camera.name for camera in old))


def test_a_lens_of_another_resolution_is_refused() -> None:
    made, _, old = clip(3, (1,))
    width, height = made.detections.image_sizes[0]
    small = replace(
        made.detections,
        image_sizes=((width // 2, height // 2),) * 3,
        corners=(made.detections.corners - 0.5) / 2,
    )
    with pytest.raises(CalibrationError, match=rf"'Camera1' was calibrated.*{width} x {height}"):
        repair_by_board(old, small, BoardRigSettings().board)


def seen_by(cameras: tuple[Camera, ...], n: int, noise: float = 1.0) -> np.ndarray:
    """(V, N, 2) px of an animal that rests most of the time, a third of it hidden."""
    rng = np.random.default_rng(3)
    rests = rng.random((n, 1)) < 0.9
    there = np.where(rests, rng.uniform(20, 50, (n, 3)), rng.uniform(-180, 180, (n, 3)))
    there[:, 2] = np.abs(there[:, 2]) / 2
    pixels = np.stack([camera.project(there) for camera in cameras])
    pixels += rng.normal(scale=noise, size=pixels.shape)
    pixels[rng.random(pixels.shape[:2]) < 0.33] = np.nan
    wrong = rng.random(pixels.shape[:2]) < 0.03
    pixels[wrong] += rng.uniform(-200, 200, (int(wrong.sum()), 2))
    return pixels


def test_of_very_many_points_a_few_place_a_camera() -> None:
    now = camera_ring(4)
    old = [pushed(camera, (0.8, -0.6, 1.0)) if i == 2 else camera for i, camera in enumerate(now)]
    pixels = seen_by(now, 200_000)
    drifts = check_drift(old, pixels)
    assert [each.moved for each in drifts] == [False, False, True, False]
    assert max(each.points for each in drifts) <= 400
    mended = repair_by_points(old, pixels, [old[2].name])
    assert 500 < mended.points <= 1000
    floor = np.random.default_rng(1).uniform((-180, -180, 0), (180, 180, 90), (200, 3))
    off = mended.cameras[2].project(floor) - now[2].project(floor)
    assert np.linalg.norm(off, axis=1).max() < 0.6
    assert mended.moved == ("Camera3",)
    np.testing.assert_allclose(mended.shift_px[2], drifts[2].shift_px, atol=5)


def test_points_that_others_do_not_share() -> None:
    cameras = camera_ring(4)
    pixels = seen_by(cameras, 200)
    pixels[1, 10:] = np.nan
    with pytest.raises(CalibrationError, match=r"Camera2 sees \d points"):
        repair_by_points(cameras, pixels, ["Camera2"])
    drifts = check_drift(cameras, pixels)
    assert [each.is_told for each in drifts] == [True, False, True, True]
    pixels[1] = np.nan
    with pytest.raises(CalibrationError, match="Camera2 sees 0 points"):
        repair_by_points(cameras, pixels, ["Camera2"])


def test_points_that_fit_exactly_tell_that_none_has_moved() -> None:
    cameras = camera_ring(4)
    there = np.random.default_rng(0).uniform(-150, 150, (300, 3))
    drifts = check_drift(cameras, np.stack([camera.project(there) for camera in cameras]))
    assert not any(each.moved for each in drifts)
    assert all(each.is_told and each.is_like for each in drifts)


def test_one_point_many_times_is_one_point() -> None:
    cameras = camera_ring(4)
    pixels = np.repeat(seen_by(cameras, 40)[:, :1], 600, axis=1)
    pixels[:] = np.stack([camera.project(np.full(3, 30.0)) for camera in cameras])[:, None]
    assert [each.points for each in check_drift(cameras, pixels)] == [1] * 4


def everywhere(cameras: tuple[Camera, ...]) -> np.ndarray:
    """(V, N, 2) px of points from all of the volume, each seen by all."""
    rng = np.random.default_rng(5)
    there = rng.uniform((-150, -150, 0), (150, 150, 150), (300, 3))
    pixels = np.stack([camera.project(there) for camera in cameras])
    return pixels + rng.normal(size=pixels.shape)


def test_images_of_no_place_are_not_those_of_a_camera_that_moved() -> None:
    """All of another size; one mirrored, though that is nearly seen from behind; one late."""
    cameras = camera_ring(4)
    pixels = everywhere(cameras)
    assert not any(each.is_like for each in check_drift(cameras, pixels / 2))
    width = cameras[1].image_size[0]
    mirrored, late = pixels.copy(), pixels.copy()
    mirrored[1, :, 0] = width - 1 - mirrored[1, :, 0]
    late[1] = np.roll(late[1], 1, axis=0)
    for wrong in (mirrored, late):
        drifts = check_drift(cameras, wrong)
        assert [each.is_like for each in drifts] == [True, False, True, True]
        assert not any(each.moved for each in drifts)
        with pytest.raises(CalibrationError, match="no place of Camera2 explains its points"):
            repair_by_points(cameras, wrong, ["Camera2"])
    small = pixels.copy()
    small[1] /= 2
    assert [each.is_far for each in check_drift(cameras, small)] == [False, True, False, False]


@pytest.mark.parametrize(
    ("shape", "n", "told"),
    [
        ((0, 0, 0), 400, "at one place"),
        ((1, 0, 0), 400, "on one line"),
        ((0.12, 0.1, 0.1), 14, "not tell well"),
    ],
)
def test_points_that_do_not_tell_where_a_camera_stands(
    shape: tuple[float, float, float], n: int, told: str
) -> None:
    """It would fit them well, metres off."""
    now = camera_ring(4)
    old = [pushed(camera, (0.8, -0.6, 1.0)) if i == 2 else camera for i, camera in enumerate(now)]
    rng = np.random.default_rng(2)
    there = rng.uniform(-150, 150, (n, 3)) * shape + [10, 20, 40]
    pixels = np.stack([camera.project(there) for camera in now])
    pixels += rng.normal(size=pixels.shape)
    with pytest.raises(CalibrationError, match=told):
        repair_by_points(old, pixels, [old[2].name])


def test_how_well_a_place_is_known_is_told() -> None:
    """Over many recordings, cameras are as far off as is said."""
    now = camera_ring(4)
    old = [pushed(camera, (0.8, -0.6, 1.0)) if i == 2 else camera for i, camera in enumerate(now)]
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        there = rng.uniform(-60, 60, (100, 3))
        pixels = np.stack([camera.project(there) for camera in now])
        pixels += rng.normal(size=pixels.shape)
        mended = repair_by_points(old, pixels, [old[2].name])
        off = np.linalg.norm(mended.cameras[2].centre - now[2].centre)
        ratios.append(off / mended.sigma_mm[2])
        assert np.isnan(mended.sigma_mm[[0, 1, 3]]).all()
    assert 0.5 < np.mean(np.square(ratios)) < 2

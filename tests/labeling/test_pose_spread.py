"""How unlike poses are: where an animal is and which way it faces does not count."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.labeling.pose_spread import PoseSpread, aligned_poses, floor_normal

BODY = np.array([[30.0, 0, 10], [5, 12, 10], [5, -9, 10], [0, 0, 16], [-40, 0, 8]])


def turned(angles: np.ndarray, seed: int = 0) -> np.ndarray:
    """(T, 1, 5, 3) mm: the same body, anywhere on the floor."""
    rng = np.random.default_rng(seed)
    c, s, zero, one = np.cos(angles), np.sin(angles), 0 * angles, 1 + 0 * angles
    rotations = np.array([[c, -s, zero], [s, c, zero], [zero, zero, one]]).transpose(2, 0, 1)
    places = np.concatenate([rng.uniform(-200, 200, (len(angles), 2)), zero[:, None]], axis=1)
    return (BODY @ rotations.transpose(0, 2, 1) + places[:, None])[:, None]


def tilted(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in a world whose vertical is not z, and that vertical."""
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    rotation *= np.linalg.det(rotation)
    return positions @ rotation.T, rotation[:, 2]


@pytest.mark.parametrize("tilt", [False, True])
def test_the_same_pose_anywhere_is_the_same(tilt: bool) -> None:
    positions = turned(np.linspace(0, 7, 200))
    reared = turned(np.array([0.3]))
    reared[:, :, 0, 2] += 40
    both = np.concatenate([positions, reared])
    if tilt:
        both, _ = tilted(both)
    unlike = PoseSpread(both).unlike([0])
    assert unlike[:200].max() < 0.05
    assert unlike[200] > 3


def test_the_vertical_is_that_of_the_floor() -> None:
    positions, up = tilted(turned(np.linspace(0, 7, 200)))
    assert abs(floor_normal(positions) @ up) > 0.999
    # too little to tell, or an animal that climbs
    np.testing.assert_array_equal(floor_normal(positions[:5]), [0, 0, 1])
    anywhere = np.random.default_rng(0).uniform(-200, 200, (300, 1, 1, 3)) + BODY
    np.testing.assert_array_equal(floor_normal(anywhere), [0, 0, 1])


def test_poses_fit_one_another_though_keypoints_are_missing() -> None:
    poses = turned(np.linspace(0, 7, 50))[:, 0]
    up = np.array([0.0, 0, 1])
    aligned = aligned_poses(poses, up)
    np.testing.assert_allclose(aligned, np.broadcast_to(aligned[0], aligned.shape), atol=1e-3)
    poses[7, 2] = np.nan
    poses[9] = np.nan
    aligned = aligned_poses(poses, up)
    assert np.isnan(aligned[7, 2]).all()
    assert np.isnan(aligned[9]).all()
    assert np.isfinite(aligned[7, [0, 1, 3, 4]]).all()


def test_nothing_is_like_nothing() -> None:
    spread = PoseSpread(np.full((4, 2, 5, 3), np.nan))
    assert np.isinf(spread.unlike([])).all()
    assert (spread.unlike([1]) == 0).all()

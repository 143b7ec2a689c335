from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.synthetic import Arena, Motion, rat_motion
from napari_sdannce.synthetic.behaviour import Act, ActKind, Ground, Role

RAT = load_skeleton("rat23")
FEET = [RAT.index(name) for name in ("HandL", "HandR", "FootL", "FootR")]
# mean length (mm) of some limbs of adult rats, and how much animals differ
MEASURED = {
    ("Snout", "SpineF"): (85, 8), ("SpineF", "SpineM"): (63, 9), ("SpineM", "SpineL"): (55, 6),
    ("SpineL", "TailBase"): (55, 7), ("HipL", "KneeL"): (42, 8), ("KneeR", "AnkleR"): (29, 7),
    ("AnkleL", "FootL"): (28, 5), ("ShoulderL", "ElbowL"): (29, 7), ("ElbowR", "WristR"): (21, 5),
}  # fmt: skip


def _lengths(motion: Motion) -> np.ndarray:
    """(T, A, E) limb lengths of animals of scale 1, mm."""
    a, b = np.array(RAT.bones).T
    points = motion.keypoints / motion.scales[:, None, None]
    return np.linalg.norm(points[:, :, a] - points[:, :, b], axis=-1)


def test_limbs_keep_their_lengths(motion: Motion) -> None:
    lengths = _lengths(motion)
    stretch = np.abs(lengths / np.median(lengths, axis=0) - 1)
    in_limb = [RAT.bones.index(bone) for bone in RAT.bones if bone[0] >= 7]
    spine = [RAT.bones.index(bone) for bone in ((3, 4), (4, 5), (5, 6))]
    assert stretch[..., in_limb].max() < 1e-9
    # two bones lie between neighbouring keypoints of the spine, and bend
    assert stretch[..., spine].max() < 0.03
    assert stretch.max() < 0.08


def test_limbs_are_as_long_as_a_rats(motion: Motion) -> None:
    lengths = np.median(_lengths(motion), axis=(0, 1))
    for (a, b), (mean, spread) in MEASURED.items():
        bone = RAT.bones.index((RAT.index(a), RAT.index(b)))
        assert abs(lengths[bone] - mean) < spread


def test_left_and_right_are_not_swapped(motion: Motion) -> None:
    along = motion.keypoints[:, :, 3] - motion.keypoints[:, :, 6]
    for left, right in RAT.pairs:
        across = motion.keypoints[:, :, left] - motion.keypoints[:, :, right]
        side = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
        if RAT.keypoints[left] in ("HipL", "ShoulderL"):
            assert (side > 0).all()
        assert (side > 0).mean() > 0.7


def test_nothing_is_under_the_floor_and_feet_stand_on_it(motion: Motion) -> None:
    assert motion.keypoints[..., 2].min() > -1.0
    hind = motion.keypoints[:, :, FEET[2:], 2]
    assert hind.min() > 1.5
    assert (hind < 5).mean() > 0.5


def test_standing_feet_do_not_slide(motion: Motion) -> None:
    feet = motion.keypoints[:, :, FEET[2:]]
    height = feet[..., 2] / motion.scales[:, None]
    stands = (height[1:] < 3.6) & (height[:-1] < 3.6)
    step = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1)
    # though the body moves over them
    body = np.linalg.norm(np.diff(motion.com[..., :2], axis=0), axis=-1)[..., None]
    walking = stands & (body > 2.0)
    assert walking.sum() > 50
    assert np.percentile(step[walking], 80) < 0.25
    assert step[walking].mean() < 0.25 * np.broadcast_to(body, step.shape)[walking].mean()


def test_motion_is_smooth(motion: Motion) -> None:
    velocity = np.diff(motion.keypoints, axis=0) * motion.fps
    acceleration = np.diff(velocity, axis=0) * motion.fps
    trunk = [0, 1, 2, 3, 4, 5, 6]
    assert np.linalg.norm(velocity, axis=-1).max() < 3000
    assert np.linalg.norm(velocity[:, :, trunk], axis=-1).max() < 1200
    assert np.linalg.norm(acceleration[:, :, trunk], axis=-1).max() < 12_000
    assert np.linalg.norm(acceleration, axis=-1).max() < 150_000


def test_rats_move_turn_rear_and_meet() -> None:
    motions = [rat_motion(1000, 2, seed=seed) for seed in (0, 1)]
    heights = [m.keypoints[:, :, 0, 2].max() for m in motions]
    assert max(heights) > 110  # nose of a rearing rat
    for m in motions:
        speed = np.linalg.norm(np.diff(m.com[..., :2], axis=0), axis=-1) * m.fps
        assert np.percentile(speed, 5) < 20
        assert np.percentile(speed, 95) > 120
        along = m.keypoints[:, :, 3] - m.keypoints[:, :, 6]
        heading = np.unwrap(np.arctan2(along[..., 1], along[..., 0]), axis=0)
        assert np.ptp(heading, axis=0).min() > 2
    nearest = [
        np.linalg.norm(m.keypoints[:, 0, :1] - m.keypoints[:, 1], axis=-1).min() for m in motions
    ]
    assert min(nearest) < 40


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rats_do_not_pass_through_one_another(seed: int) -> None:
    motion = rat_motion(500, 3, seed=seed)
    spine = motion.keypoints[:, :, [3, 4, 5], :2]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        gap = np.linalg.norm(spine[:, a, :, None] - spine[:, b, None], axis=-1).min(axis=(1, 2))
        # bodies are about 50 mm wide: side by side, not inside one another
        assert gap.min() > 28
        assert (gap < 40).mean() < 0.02


@pytest.mark.parametrize("n_animals", [1, 2, 4])
def test_rats_stay_in_the_arena_and_off_its_things(n_animals: int) -> None:
    arena = Arena()
    motion = rat_motion(300, n_animals, seed=9, ground=arena.ground)
    out = np.linalg.norm(motion.keypoints[..., :2], axis=-1)
    assert out.max() < arena.radius + 10
    trunk = motion.keypoints[:, :, 3:7, :2]
    for x, y, radius in arena.ground.obstacles:
        assert np.linalg.norm(trunk - (x, y), axis=-1).min() > radius - 5


def test_same_seed_same_motion_and_animals_differ() -> None:
    first, again, other = (rat_motion(40, 2, seed=s) for s in (5, 5, 6))
    assert np.array_equal(first.keypoints, again.keypoints)
    assert np.array_equal(first.rotations, again.rotations)
    assert np.abs(first.keypoints - other.keypoints).max() > 10
    assert first.scales[0] != first.scales[1]


def test_com_is_the_mean_of_the_keypoints(motion: Motion) -> None:
    assert motion.com.shape == (600, 2, 3)
    assert np.allclose(motion.com, np.nanmean(motion.keypoints, axis=2))


def test_frame_rate_only_samples_the_same_life() -> None:
    slow, fast = (rat_motion(n, 1, fps=fps, seed=3) for n, fps in ((20, 25.0), (80, 100.0)))
    assert np.allclose(slow.keypoints, fast.keypoints[::4], atol=1e-9)
    between = rat_motion(32, 1, fps=40.0, seed=3)
    assert np.allclose(between.keypoints[::8], fast.keypoints[::20], atol=1e-6)
    lengths = _lengths(between)
    assert np.abs(lengths / np.median(lengths, axis=0) - 1)[..., 3:].max() < 0.03


def test_a_script_is_followed() -> None:
    script = (
        Role((-150.0, 0.0), 0.0, (Act(ActKind.WALK, 3.0, target=(150.0, 0.0), speed=200),)),
        Role((150.0, 120.0), 0.0, (Act(ActKind.REAR, 3.0),)),
    )
    motion = rat_motion(120, 2, seed=0, ground=Ground(300), script=script)
    assert np.allclose(motion.keypoints[0, 0, 15:23:4, :2].mean(axis=0), [-150, 0], atol=12)
    # it stops when its nose arrives
    assert np.linalg.norm(motion.keypoints[-1, 0, 0, :2] - [150, 0]) < 60
    assert motion.com[-1, 0, 0] > motion.com[0, 0, 0] + 80
    assert motion.keypoints[100, 1, 0, 2] > 110
    assert np.abs(motion.com[:, 1, 0] - 150).max() < 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1), "at least one frame"), ((5, 0), "animal")],
)
def test_impossible_motion_is_refused(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rat_motion(*arguments)
    with pytest.raises(ValueError, match="script for 1"):
        rat_motion(5, 2, script=(Role((0.0, 0.0), 0.0, ()),))

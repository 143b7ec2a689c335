"""Linking animals whose order means nothing: paths whose truth is known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from napari_sdannce.predictions import ComTrace
from napari_sdannce.predictions.identities import in_order, link_identities, possible_swaps


def walks(rng: np.random.Generator, n_moments: int, n_animals: int) -> np.ndarray:
    """Smooth paths (T, A, 3) mm that cross often, sums of slow waves; who meets climbs over."""
    t = np.arange(n_moments)[:, None, None, None]
    speed = rng.uniform(0.01, 0.05, (n_animals, 2, 4))
    waves = np.sin(speed * t + rng.uniform(0, 2 * np.pi, (n_animals, 2, 4)))
    floor = (rng.uniform(30, 80, (n_animals, 2, 4)) * waves).sum(axis=-1)
    apart = np.linalg.norm(floor[:, :, None] - floor[:, None], axis=-1)
    near = np.exp(-((apart / 40) ** 2)) * np.tri(n_animals, k=-1)
    return np.concatenate([floor, 30 + 30 * near.sum(axis=-1, keepdims=True)], axis=-1)


def trace_of(positions: np.ndarray, ids: np.ndarray | None = None) -> ComTrace:
    ids = np.arange(len(positions)) * 10 + 1 if ids is None else ids
    return ComTrace(positions, np.isfinite(positions[..., 0]) * 1.0, ids)


def shuffled(rng: np.random.Generator, paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paths with the animals of each moment in random order, and that order (T, A)."""
    order = rng.permuted(np.tile(np.arange(paths.shape[1]), (len(paths), 1)), axis=1)
    return np.take_along_axis(paths, order[..., None], axis=1), order


def share_right(order: np.ndarray, shuffle: np.ndarray, known: np.ndarray) -> float:
    """Share of places (T, A) given to the right animal; names are arbitrary."""
    whose = np.take_along_axis(shuffle, order, axis=1)
    seen = np.take_along_axis(known, whose, axis=1)
    n_animals = order.shape[1]
    return max(
        float((whose == np.array(names))[seen].mean()) for names in permutations(range(n_animals))
    )


@pytest.mark.parametrize("n_animals", [1, 2, 3, 4])
def test_crossing_paths(n_animals: int) -> None:
    rng = np.random.default_rng(n_animals)
    paths = walks(rng, 1500, n_animals)
    noisy = paths + rng.normal(0, 2, paths.shape)
    noisy[rng.random(noisy.shape[:2]) < 0.05] = np.nan
    mixed, shuffle = shuffled(rng, noisy)
    linked = link_identities(trace_of(mixed))
    known = np.isfinite(noisy[..., 0])
    assert (np.sort(linked.order, axis=1) == np.arange(n_animals)).all()
    assert share_right(linked.order, shuffle, known) > 0.99
    if n_animals > 1:  # they did meet
        between = np.linalg.norm(paths[:, 0] - paths[:, 1], axis=-1)
        assert between.min() < 50


def test_every_mistake_is_flagged() -> None:
    """Paths that meet, lost where they do, and turning there: nothing could tell."""
    flagged = mistakes = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        paths = walks(rng, 600, 2) + rng.normal(0, 2, (600, 2, 3))
        between = np.linalg.norm(paths[:, 0] - paths[:, 1], axis=-1)
        paths[between < 45] = np.nan
        mixed, shuffle = shuffled(rng, paths)
        linked = link_identities(trace_of(mixed))
        whose = np.take_along_axis(shuffle, linked.order, axis=1)[:, 0]
        seen = np.flatnonzero(np.isfinite(paths[:, 0, 0]))
        changes = np.flatnonzero(np.diff(whose[seen]))
        mistakes += len(changes)
        for change in changes:
            moment = seen[change + 1] * 10 + 1
            flagged += any(swap.first <= moment <= swap.last for swap in linked.swaps)
        covered = sum(swap.last - swap.first for swap in linked.swaps) / 6000
        assert covered < 0.5
    assert mistakes >= 3
    assert flagged == mistakes


def test_motion_tells_who_is_who_at_a_crossing() -> None:
    t = np.arange(60.0)
    one = np.stack([8 * (t - 30), 0 * t, 30 + 0 * t], axis=-1)
    other = np.stack([-8 * (t - 30), 0 * t + 3, 30 + 0 * t], axis=-1)
    paths = np.stack([one, other], axis=1)
    rng = np.random.default_rng(0)
    mixed, shuffle = shuffled(rng, paths + rng.normal(0, 0.5, paths.shape))
    linked = link_identities(trace_of(mixed))
    assert share_right(linked.order, shuffle, np.ones((60, 2), bool)) == 1
    (swap,) = linked.swaps
    # 40 mm apart at 2.5 moments from their meeting
    assert swap.first <= 29 * 10 + 1 <= swap.last
    assert swap.animals == ("animal1", "animal2")
    assert (swap.last - swap.first) / 10 < 10


def test_gaps_of_time_widen_what_is_expected() -> None:
    rng = np.random.default_rng(3)
    paths = walks(rng, 400, 2)
    paths[:, 1] += (600, 0, 0)  # they never meet
    ids = np.arange(400) * 10 + 1
    ids[200:] += 3000  # the recording paused for 300 moments
    mixed, shuffle = shuffled(rng, paths)
    linked = link_identities(trace_of(mixed, ids))
    assert share_right(linked.order[:200], shuffle[:200], np.ones((200, 2), bool)) == 1
    assert share_right(linked.order[200:], shuffle[200:], np.ones((200, 2), bool)) == 1
    (swap,) = linked.swaps
    assert (swap.first, swap.last) == (ids[199], ids[200])
    # without the pause nothing is in doubt
    assert link_identities(trace_of(mixed)).swaps == ()


def test_one_place_far_off_does_not_swap_the_others() -> None:
    rng = np.random.default_rng(5)
    paths = walks(rng, 300, 3) + np.arange(3)[:, None] * np.array([300.0, 0, 0])
    wrong = paths.copy()
    wrong[100:103, 1] = (9000, -4000, 800)
    mixed, shuffle = shuffled(rng, wrong)
    linked = link_identities(trace_of(mixed))
    assert share_right(linked.order, shuffle, np.ones((300, 3), bool)) == 1


def test_an_animal_that_hides_comes_back_as_itself() -> None:
    rng = np.random.default_rng(6)
    paths = walks(rng, 300, 2)
    paths[:, 1] += (500, 0, 0)
    paths[120:180, 1] = np.nan
    mixed, shuffle = shuffled(rng, paths)
    linked = link_identities(trace_of(mixed))
    assert share_right(linked.order, shuffle, np.isfinite(paths[..., 0])) == 1
    assert linked.swaps == ()


def test_rows_may_lie_in_any_order() -> None:
    rng = np.random.default_rng(7)
    mixed, _ = shuffled(rng, walks(rng, 200, 2))
    trace = trace_of(mixed)
    rows = rng.permutation(200)
    turned = ComTrace(mixed[rows], trace.confidence[rows], trace.sample_ids[rows])
    one, other = link_identities(trace), link_identities(turned)
    np.testing.assert_array_equal(one.order[rows], other.order)
    assert one.swaps == other.swaps


def test_claimed_identities_are_checked() -> None:
    rng = np.random.default_rng(8)
    paths = walks(rng, 300, 3) + np.arange(3)[:, None] * np.array([300.0, 0, 0])
    paths += rng.normal(0, 2, paths.shape)
    assert possible_swaps(trace_of(paths)) == ()
    paths[150:, [0, 2]] = paths[150:, [2, 0]]
    (swap,) = possible_swaps(trace_of(paths))
    assert swap.animals == ("animal1", "animal3")
    assert (swap.first, swap.last) >= (149 * 10 + 1, 150 * 10 + 1)
    assert swap.first == 149 * 10 + 1
    assert swap.margin < 0
    # contact is flagged even where the motion is clear
    near = paths[:150].copy()
    near[70:80, 1] = near[70:80, 0] + (0, 25, 0)
    found = possible_swaps(trace_of(near))
    assert any(s.animals == ("animal1", "animal2") and s.last >= 79 * 10 + 1 for s in found)


def test_nothing_to_link() -> None:
    for positions in (np.zeros((0, 2, 3)), np.zeros((1, 2, 3)), np.full((5, 2, 3), np.nan)):
        linked = link_identities(trace_of(positions))
        assert linked.order.tolist() == [[0, 1]] * len(positions)
        assert linked.swaps == ()


def test_a_trace_in_another_order() -> None:
    trace = ComTrace(np.arange(12.0).reshape(2, 2, 3), np.array([[0.1, 0.2], [0.3, 0.4]]),
                     np.array([1, 2]))  # fmt: skip
    turned = in_order(trace, np.array([[0, 1], [1, 0]]))
    np.testing.assert_array_equal(turned.positions[1], trace.positions[1, ::-1])
    np.testing.assert_array_equal(turned.confidence, [[0.1, 0.2], [0.4, 0.3]])

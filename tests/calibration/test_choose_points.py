"""Some of many points: from all of the time and the volume, enough for every camera."""

from __future__ import annotations

import numpy as np

from napari_sdannce.calibration.drift.choose_points import choose_points


def test_few_points_are_all_taken() -> None:
    seen = np.array([[True, True, False, False], [False, True, True, False]])
    assert choose_points(seen, 10).tolist() == [0, 1, 2]
    assert choose_points(np.zeros((3, 0), dtype=bool), 10).tolist() == []
    assert choose_points(np.zeros((3, 5), dtype=bool), 10, np.zeros((5, 3))).tolist() == []


def test_a_million_points_are_few_and_from_all_of_the_time() -> None:
    chosen = choose_points(np.ones((6, 1_000_000), dtype=bool), 600)
    assert len(chosen) == 600
    assert np.diff(chosen).max() < 5 * 1_000_000 / 600
    # frame after frame of 20 keypoints: not always the same ones
    assert np.bincount(chosen % 20, minlength=20).min() > 15


def test_a_camera_that_sees_little_has_its_share() -> None:
    seen = np.ones((4, 200_000), dtype=bool)
    seen[2] = np.arange(200_000) % 1000 == 0
    chosen = choose_points(seen, 400)
    assert len(chosen) == 400
    assert seen[2, chosen].sum() >= 100


def test_where_an_animal_rests_does_not_outweigh_the_rest() -> None:
    rng = np.random.default_rng(0)
    nest = rng.random(100_000) < 0.98
    points = np.where(
        nest[:, None], rng.normal(scale=5, size=(100_000, 3)), rng.uniform(-300, 300, (100_000, 3))
    )
    chosen = choose_points(np.ones((3, 100_000), dtype=bool), 1000, points)
    assert len(chosen) == 1000
    assert (~nest[chosen]).mean() > 0.8
    assert (~nest[choose_points(np.ones((3, 100_000), dtype=bool), 1000)]).mean() < 0.05

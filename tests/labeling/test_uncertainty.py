"""How exactly positions are known, against what clicks with known noise do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.geometry import triangulate
from napari_sdannce.labeling.uncertainty import ellipse, most_helpful

if TYPE_CHECKING:
    from .conftest import Scene

POINT = np.array([12.0, -7.0, 55.0])


def test_the_truth_lies_within_the_ellipse_19_times_in_20(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    clicked, other = scene.cameras[:2], scene.cameras[3]
    truth = other.project(POINT)
    inside = 0
    for _ in range(1000):
        clicks = np.stack([camera.project(POINT) for camera in clicked]) + rng.normal(size=(2, 2))
        found = triangulate(clicked, clicks)
        outline = ellipse(other, found.points, found.covariance)
        inside += is_inside(truth, outline)
    assert 925 <= inside <= 985  # the spread itself is a guess from few residuals


def is_inside(point: np.ndarray, outline: np.ndarray) -> bool:
    """Whether a point lies on the inner side of every edge of a convex outline."""
    edges, towards = np.diff(outline, axis=0), point - outline[:-1]
    sides = edges[:, 0] * towards[:, 1] - edges[:, 1] * towards[:, 0]
    return bool((sides > 0).all() or (sides < 0).all())


@pytest.mark.parametrize("clicked", [(0, 1), (0, 2), (1, 2, 3)])
def test_the_click_that_helps_most_does(scene: Scene, clicked: tuple[int, ...]) -> None:
    pixels = np.stack([camera.project(POINT) for camera in scene.cameras])
    left = [view for view in range(5) if view not in clicked]

    def spread(views: list[int]) -> float:
        # without noise the spread falls with the number of views, too: compare J W J alone
        weights = np.isin(np.arange(5), views).astype(float)
        found = triangulate(scene.cameras, pixels, weights=weights)
        share = 4 / (4 + 2 * len(views) - 3)
        return float(np.sqrt(np.trace(found.covariance) / share))

    before = spread(list(clicked))
    after = {view: spread([*clicked, view]) for view in left}
    weights = np.isin(np.arange(5), clicked).astype(float)
    found = triangulate(scene.cameras, pixels, weights=weights)
    covariance = found.covariance * (4 + 2 * len(clicked) - 3) / 4
    best = most_helpful(scene.cameras, left, found.points, covariance)
    assert best is not None
    view, share = best
    assert view == min(after, key=after.__getitem__)
    assert share == pytest.approx(after[view] / before, rel=1e-3)


def test_nothing_is_said_of_what_is_not_known(scene: Scene) -> None:
    unknown = np.full((3, 3), np.nan)
    assert np.isnan(ellipse(scene.cameras[0], POINT, unknown)).all()
    assert most_helpful(scene.cameras, [0, 1], POINT, unknown) is None
    assert most_helpful([None, None], [0, 1], POINT, np.eye(3)) is None
    assert most_helpful(scene.cameras, [], POINT, np.eye(3)) is None
    behind = 3 * scene.cameras[0].centre
    assert np.isnan(ellipse(scene.cameras[0], behind, np.eye(3))).all()

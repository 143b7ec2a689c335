"""How sure a network may be, against truths that are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.dannce import DannceConfig
from napari_sdannce.models.heatmaps import covariance, spread
from napari_sdannce.models.reliability import (
    Curve,
    Reliability,
    calibration_error,
    learn_reliability,
)


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spreads (n, 3), and errors of Gaussians 0.5, 2 and 6 times as wide as each spread says."""
    rng = np.random.default_rng(seed)
    spreads = rng.uniform(0.5, 12, (n, 3))
    width = spreads * (0.5, 2, 6) / np.sqrt(3)
    return spreads, np.linalg.norm(rng.normal(size=(n, 3, 3)) * width[..., None], axis=-1)


@pytest.mark.parametrize("n", [100, 2000])
def test_probabilities_are_met_on_other_keypoints(n: int) -> None:
    learned = learn_reliability(*drawn(n, seed=1))
    assert learned is not None
    assert learned.n_points == 3 * n
    spreads, errors = drawn(20_000, seed=2)
    sure = learned.of(spreads)
    assert calibration_error(sure, errors < 5) < 0.05
    for each, right in zip(sure.T, errors.T < 5, strict=True):
        assert calibration_error(each, right) < (0.1 if n < 1000 else 0.05)
    assert sure[spreads[:, 1] < 1, 1].mean() > 0.75
    assert sure[spreads[:, 1] > 11, 1].mean() < 0.15
    rising = np.linspace(0, 20, 100)[:, None].repeat(3, axis=1)
    assert (np.diff(learned.of(rising), axis=0) <= 0).all()


def test_nothing_is_certain_and_little_is_learned_from_few() -> None:
    spreads = np.linspace(1, 2, 100)[:, None]
    learned = learn_reliability(spreads, np.zeros((100, 1)))
    assert learned is not None
    assert (learned.of([[0.0], [1.5], [9.0]]) < 1).all()
    assert learn_reliability(spreads[:59], np.zeros((59, 1))) is None


def test_a_keypoint_leans_on_the_others_as_little_was_seen_of_it() -> None:
    spreads, errors = np.ones((200, 3)), np.zeros((200, 3))
    errors[:, 0] = 9.0
    errors[2:, 1] = np.nan  # labelled twice, right twice
    errors[:, 2] = np.nan  # never labelled
    learned = learn_reliability(spreads, errors)
    assert learned is not None
    never, twice, unlabelled = learned.of([1.0, 1.0, 1.0])
    assert 0 < never < 0.01
    share = 2.5 / 203
    assert unlabelled == pytest.approx(share, abs=1e-3)
    # 2 that are right, 4 like all
    usual = (2 + 4 * share) / 6
    assert twice == pytest.approx((2 + 0.5 + 4 * usual) / 7, abs=1e-3)


def test_equal_spreads_are_one_knot() -> None:
    learned = learn_reliability(np.full((100, 2), 3.0), np.arange(200).reshape(100, 2) / 20)
    assert learned is not None
    assert [curve.spread_mm for curve in learned.curves] == [(3.0,), (3.0,)]
    assert Reliability.model_validate_json(learned.model_dump_json()) == learned


@pytest.mark.parametrize(
    "wrong",
    [
        {"spread_mm": (1.0, 2.0), "probability": (0.5,)},
        {"spread_mm": (2.0, 1.0), "probability": (0.5, 0.4)},
        {"spread_mm": (1.0,), "probability": (1.5,)},
        {"spread_mm": (), "probability": ()},
    ],
)
def test_curves_that_make_no_sense_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValidationError):
        Curve(**wrong)


def test_a_checkpoint_has_a_curve_for_each_keypoint() -> None:
    curve = Curve(spread_mm=(1.0,), probability=(0.5,))
    reliability = Reliability(curves=(curve, curve), n_points=60)
    network = DannceConfig(n_keypoints=3, n_views=2, width=4)
    with pytest.raises(ValidationError, match="2 curves of reliability for a network of 3"):
        CheckpointInfo(network=network, reliability=reliability)


def test_calibration_error_by_hand() -> None:
    assert calibration_error([0.2] * 10, [True] * 2 + [False] * 8, n_bins=1) == pytest.approx(0)
    assert calibration_error([0.9] * 10, [True] * 5 + [False] * 5, n_bins=1) == pytest.approx(0.4)


def gaussian(matrix: np.ndarray, centre: tuple[float, float, float], voxel: float) -> torch.Tensor:
    """Log of a Gaussian with this covariance (x, y, z), on a grid of 48 voxels, (1, 1, y, x, z)."""
    axis = (np.arange(48) - 23.5) * voxel
    y, x, z = np.meshgrid(axis, axis, axis, indexing="ij")
    away = np.stack([x, y, z], axis=-1) - centre
    form = np.einsum("...i,ij,...j", away, np.linalg.inv(matrix), away)
    return torch.from_numpy(-form / 2).float()[None, None]


def test_covariance_is_that_of_the_heatmap() -> None:
    matrix = np.array([[30.0, 8.0, -5.0], [8.0, 20.0, 4.0], [-5.0, 4.0, 40.0]])
    logits = gaussian(matrix, (6.0, -9.0, 3.0), voxel=2.0)
    found = covariance(logits, 2.0)[0, 0]
    expected = matrix[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    np.testing.assert_allclose(found.numpy(), expected, atol=0.1)
    assert float(spread(found)) == pytest.approx(np.sqrt(90), rel=1e-2)


def test_covariance_of_a_heatmap_that_peaks() -> None:
    spot = torch.exp(gaussian(25.0 * np.eye(3), (0.0, 4.0, 0.0), voxel=2.0)) - 1e-4
    found = covariance(spot, 2.0, "maximum")[0, 0]
    np.testing.assert_allclose(found.numpy(), [25, 0, 0, 25, 0, 25], atol=1.0)
    nothing = covariance(torch.full((1, 1, 8, 8, 8), -1.0), 2.0, "maximum")
    assert torch.isfinite(nothing).all()


def test_spreads_that_hardly_differ_are_one_knot() -> None:
    # a network that has learned its few frames by heart: spreads differ by less than is written
    spreads = 0.3 + np.linspace(0, 1e-5, 200)[:, None]
    learned = learn_reliability(spreads, np.tile([1.0, 9.0], 100)[:, None])
    assert learned is not None
    assert learned.curves == (Curve(spread_mm=(0.3,), probability=(0.5,)),)


def test_what_is_no_number_does_not_count() -> None:
    spreads, errors = drawn(300, seed=4)
    spreads[:50], errors[50:100] = np.nan, np.inf
    learned = learn_reliability(spreads, errors)
    assert learned is not None
    assert learned == learn_reliability(spreads[100:], errors[100:])
    assert Reliability.model_validate_json(learned.model_dump_json()) == learned
    assert learn_reliability(np.full((300, 3), np.nan), errors) is None


@pytest.mark.parametrize(
    ("knots", "probability"),
    [("[1, NaN]", "[0.5, 0.4]"), ("[1, Infinity]", "[0.5, 0.4]"), ("[1, 2]", "[0.4, 0.5]")],
)
def test_odd_curves_are_refused(knots: str, probability: str) -> None:
    text = f'{{"spread_mm": {knots}, "probability": {probability}}}'
    with pytest.raises(ValidationError):
        Curve.model_validate_json(text)

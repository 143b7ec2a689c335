"""Signs that predictions of a moment are wrong, or that the network was not sure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.bones import BoneStatistics
from napari_sdannce.labeling.findings import Finding
from napari_sdannce.labeling.motion import exchange_costs, off_path
from napari_sdannce.labeling.robust import by_column, share_below, usual

if TYPE_CHECKING:
    from napari_sdannce.labeling.findings import Predicted
    from napari_sdannce.labeling.session import LabelingSession

FloatArray = npt.NDArray[np.floating]

# of the median: where all values are nearly the same, a small difference means nothing
_LEAST_SPREAD = 0.1
_LEAST_OFF_PATH_MM = 0.5
# feet stand most of the time, and leave their path at every step: nine in ten times, steps
# included, they stay below half of what is odd
_STEPS, _OF_STEPS = 0.9, 2.0
# less than this, summed over the two that are exchanged, is noise
_LEAST_GAIN_MM = 2.0


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """From where on something is odd.

    Parameters
    ----------
    confidence
        Spreads below the keypoint's usual confidence.
    bone
        Spreads from the bone's usual length.
    off_path
        Times as far beside its path as the keypoint usually is.
    uncertainty
        Spreads above the keypoint's usual uncertainty in space, of their logarithms.
    disagreement
        Distance of a click from the projected prediction, as share of the focal length.
    """

    confidence: float = 3.0
    bone: float = 4.0
    off_path: float = 8.0
    uncertainty: float = 3.0
    disagreement: float = 0.01

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"the limit of {name} must be positive, got {getattr(self, name)}")


def check_predictions(predicted: Predicted, limits: CheckLimits) -> tuple[Finding, ...]:
    """All that can be checked of predictions by themselves."""
    found = [
        low_confidence(predicted, limits.confidence),
        odd_bones(predicted, limits.bone),
        jumps(predicted, limits.off_path),
        exchanged_animals(predicted),
        exchanged_sides(predicted),
    ]
    if predicted.covariance is not None:
        found.append(wide_spread(predicted, predicted.covariance, limits.uncertainty))
    return tuple(each for each in found if each.ratio.shape[1])


def low_confidence(predicted: Predicted, limit: float) -> Finding:
    """Keypoints of which the network was less sure than it usually is."""
    values = predicted.confidence.reshape(len(predicted.moments), -1)
    found = usual(values)
    scale = limit * _at_least(found.spread, _LEAST_SPREAD * found.median)

    def column(item: int) -> FloatArray:
        return np.asarray((found.median[item] - values[:, item]) / scale[item])

    def tell(row: int, item: int) -> str:
        now, median = values[row, item], found.median[item]
        return f"{predicted.keypoint(item)} ({now:.2g}, usually {median:.2g})"

    return Finding("low confidence", by_column(values.shape, column), tell)


def odd_bones(predicted: Predicted, limit: float) -> Finding:
    """Bones that are longer or shorter than they usually are."""
    bones, n_moments = predicted.skeleton.bones, len(predicted.moments)
    statistics = BoneStatistics.of(predicted.positions, bones)
    checked = statistics.check(predicted.positions)
    lengths = checked.lengths.reshape(n_moments, -1)
    deviations = checked.deviations.reshape(n_moments, -1)

    def tell(row: int, item: int) -> str:
        animal, bone = divmod(item, len(bones))
        first, second = (predicted.skeleton.keypoints[end] for end in bones[bone])
        return (
            f"{first} to {second}{predicted.of_animal(animal)} ({lengths[row, item]:.0f} mm, "
            f"usually {statistics.median[animal, bone]:.0f} mm)"
        )

    ratio = by_column(deviations.shape, lambda item: np.abs(deviations[:, item]) / limit)
    return Finding("odd bone length", ratio, tell)


def jumps(predicted: Predicted, limit: float) -> Finding:
    """Keypoints that leave their path between the moments before and after."""
    away = off_path(predicted.positions, predicted.moments)
    median = usual(away).median
    scale = limit * np.maximum(median, _LEAST_OFF_PATH_MM)
    scale = np.maximum(scale, _OF_STEPS * share_below(away, _STEPS))

    def tell(row: int, item: int) -> str:
        return f"{predicted.keypoint(item)} ({away[row, item]:.0f} mm off its path)"

    return Finding("jump", by_column(away.shape, lambda item: away[:, item] / scale[item]), tell)


def exchanged_animals(predicted: Predicted) -> Finding:
    """Pairs of animals that would have moved less, had they exchanged their names."""
    pairs = list(combinations(range(len(predicted.animals)), 2))
    positions, moments = predicted.positions, predicted.moments
    keypoints = range(positions.shape[2])

    def column(item: int) -> FloatArray:
        first, second = pairs[item]
        cells = [((first, each), (second, each)) for each in keypoints]
        return _gain(*exchange_costs(positions, moments, cells))

    def tell(_: int, item: int) -> str:
        first, second = (predicted.animals[each] for each in pairs[item])
        return f"{first} and {second} may have exchanged their names here"

    return Finding("animals", by_column((len(moments), len(pairs)), column), tell)


def exchanged_sides(predicted: Predicted) -> Finding:
    """Animals whose left and right keypoints would have moved less, had they been exchanged."""
    pairs, n_moments = predicted.skeleton.pairs, len(predicted.moments)
    n_animals = len(predicted.animals) if pairs else 0

    def column(animal: int) -> FloatArray:
        cells = [((animal, left), (animal, right)) for left, right in pairs]
        return _gain(*exchange_costs(predicted.positions, predicted.moments, cells))

    def tell(_: int, animal: int) -> str:
        return f"may be exchanged here{predicted.of_animal(animal)}"

    return Finding("left and right", by_column((n_moments, n_animals), column), tell)


def wide_spread(predicted: Predicted, covariance: FloatArray, limit: float) -> Finding:
    """Keypoints that could lie in a larger part of space than they usually could.

    Compared by ratio: spreads are skewed, and three times the usual one is as odd for a paw that is
    known to a millimetre as for a tail that is known to ten.
    """
    values = covariance.reshape(len(predicted.moments), -1, 6)
    tiny = np.finfo(np.float32).tiny
    log_sigma = by_column(
        values.shape[:2],
        lambda item: np.log(np.maximum(values[:, item, [0, 3, 5]].sum(axis=-1), tiny)) / 2,
    )
    found = usual(log_sigma)
    # a tenth of the spread itself, in logarithms
    scale = limit * np.maximum(found.spread, _LEAST_SPREAD)

    def tell(row: int, item: int) -> str:
        now, median = np.exp(log_sigma[row, item]), np.exp(found.median[item])
        return f"{predicted.keypoint(item)} (within {now:.1f} mm, usually {median:.1f} mm)"

    def column(item: int) -> FloatArray:
        return np.asarray((log_sigma[:, item] - found.median[item]) / scale[item])

    return Finding("uncertain place", by_column(log_sigma.shape, column), tell)


def disagreement(predicted: Predicted, session: LabelingSession, limit: float) -> Finding:
    """Keypoints that a person clicked elsewhere than the prediction projects to."""
    n_moments, n_animals, n_keypoints = predicted.confidence.shape
    away = np.full((n_moments, n_animals * n_keypoints), np.nan, np.float32)
    ratio = away.copy()
    keys = session.subject.sync.sample_ids[predicted.moments].tolist()
    rows = {key: row for row, key in enumerate(keys) if key in session.frames}
    for key, row in rows.items():
        found, shares = _away(predicted, session, key, row)
        away[row], ratio[row] = found.ravel(), shares.ravel() / limit

    def tell(row: int, item: int) -> str:
        return f"{predicted.keypoint(item)} ({away[row, item]:.0f} px away)"

    return Finding("prediction disagrees with your clicks", ratio, tell)


def _away(
    predicted: Predicted, session: LabelingSession, key: int, row: int
) -> tuple[FloatArray, FloatArray]:
    """(A, K) px between clicks and projection in the view that is worst, and of the focal length.

    NaN where nothing is clicked.
    """
    labels = session.at(key)
    away = np.full(predicted.confidence.shape[1:], np.nan)
    share = away.copy()
    columns = [column for column, index in enumerate(predicted.indices) if index is not None]
    animals = [index for index in predicted.indices if index is not None]
    for view, camera in enumerate(session.subject.cameras):
        if camera is None:
            continue
        clicks = np.where(labels.clicked[view][..., None], labels.points[view], np.nan)[animals]
        pixels = camera.project(predicted.positions[row, columns])
        distance = np.linalg.norm(pixels - clicks, axis=-1)
        focal = (camera.matrix[0, 0] + camera.matrix[1, 1]) / 2
        away[columns] = np.fmax(away[columns], distance)
        share[columns] = np.fmax(share[columns], distance / focal)
    return away, share


def _gain(as_is: FloatArray, exchanged: FloatArray) -> FloatArray:
    return np.asarray(as_is / (exchanged + _LEAST_GAIN_MM))


def _at_least(values: FloatArray, least: FloatArray) -> FloatArray:
    """Values, none below its least and none 0, to divide by."""
    return np.maximum(np.maximum(values, np.abs(least)), np.finfo(np.float32).tiny)

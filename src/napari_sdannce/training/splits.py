"""Which labelled frames train and which validate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_NEAR = 25  # moments: half a second at 50 frames a second


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into the labelled frames of all experiments, rising."""

    train: IntArray
    validation: IntArray


def stratified_split(
    counts: Sequence[int],
    n_validation: int,
    *,
    validation_experiments: Sequence[int] | None = None,
    n_train: int | None = None,
    share: float | None = None,
    moments: Sequence[IntArray] | None = None,
) -> Split:
    """Keep short stretches, spread evenly over time, of each experiment for validation.

    Frames next to one another look alike: validating on neighbours of training frames flatters. So
    the frames kept are as few stretches as cover the time well (about the square root of their
    number), not single frames in between; and the frames at both ends of a stretch do not train
    when they are less than 25 moments away from it.

    Parameters
    ----------
    counts
        Labelled frames of each experiment, in order of time.
    n_validation
        Frames to keep in each; at most half of them are, but of those that only validate all can.
    validation_experiments
        Only these validate, and they do not train.
    n_train
        Most frames of each experiment to train on; they are spread evenly over what is left.
    share
        Share of what is left to train on, likewise.
    moments
        Of each experiment, the numbers of its labelled frames among those of the recording;
        default: all are far from one another.
    """
    train, validation = [], []
    first = 0
    for number, count in enumerate(counts):
        indices = first + np.arange(count)
        first += count
        if validation_experiments is None:
            kept = _stretches(count, min(n_validation, count // 2))
        elif number in validation_experiments:
            validation.append(indices[_stretches(count, min(n_validation, count))])
            continue
        else:
            kept = np.zeros(count, dtype=bool)
        trains = ~kept if moments is None else _apart(kept, moments[number])
        train.append(_spread(indices[trains], _most(int(trains.sum()), n_train, share)))
        validation.append(indices[kept])
    return Split(_joined(train), _joined(validation))


def _apart(kept: BoolArray, moments: IntArray) -> BoolArray:
    """Which frames train: those that are not kept, nor beside one that is.

    Where that would leave less than half of them, as of very few frames, all that are not kept do.
    """
    near = np.diff(moments) < _NEAR
    beside = np.zeros_like(kept)
    beside[1:] |= kept[:-1] & near
    beside[:-1] |= kept[1:] & near
    apart: BoolArray = ~kept & ~beside
    return apart if 2 * apart.sum() >= (~kept).sum() else ~kept


def _stretches(count: int, wanted: int) -> BoolArray:
    """Which of `count` frames are in the stretches that `wanted` frames make."""
    keep = np.zeros(count, dtype=bool)
    if wanted:
        n_stretches = round(np.sqrt(wanted))
        lengths = np.full(n_stretches, wanted // n_stretches)
        lengths[: wanted % n_stretches] += 1
        middles = (np.arange(n_stretches) + 0.5) * count / n_stretches
        for middle, length in zip(middles, lengths, strict=True):
            start = round(middle - length / 2)
            keep[start : start + length] = True
    return keep


def _most(count: int, n_train: int | None, share: float | None) -> int:
    """How many of `count` frames train; of a share of some, one at least."""
    limits = [count]
    limits += [] if n_train is None else [n_train]
    limits += [] if share is None else [max(1, int(share * count))]
    return min(limits)


def _spread(indices: IntArray, wanted: int) -> IntArray:
    """At most so many, evenly spaced."""
    if len(indices) <= wanted:
        return indices
    places = (np.arange(wanted) + 0.5) * len(indices) / wanted
    return indices[places.astype(np.int64)]


def reference_split(
    counts: Sequence[int],
    n_validation: int,
    *,
    seed: int,
    validation_experiments: Sequence[int] | None = None,
    n_train: int | None = None,
    share: float | None = None,
    names: Sequence[str] | None = None,
) -> Split:
    """Draw validation frames of each experiment as the reference program does.

    Parameters
    ----------
    counts
        Labelled frames of each experiment.
    n_validation
        Frames to draw from each.
    seed
        Seed of numpy's legacy generator.
    validation_experiments
        Only these validate (with at most all of their frames), and they do not train at all.
    n_train
        Most frames of each experiment to train on, drawn too.
    share
        Share of what is left to train on, drawn too.
    names
        Of the experiments, for the error.

    Raises
    ------
    ValueError
        When an experiment has fewer frames than are to be drawn.
    """
    rng = np.random.RandomState(seed)
    starts = np.concatenate([[0], np.cumsum(counts)])
    experiments = [np.arange(a, b) for a, b in pairwise(starts)]
    validating = range(len(counts)) if validation_experiments is None else validation_experiments
    validation = []
    for i in validating:
        wanted = n_validation
        if validation_experiments is not None:
            wanted = min(wanted, counts[i])
        if wanted > counts[i]:
            name = f"experiment {i}" if names is None else names[i]
            raise ValueError(
                f"{name} has {counts[i]} labelled frames, {wanted} are wanted for validation"
            )
        validation.append(np.sort(rng.choice(experiments[i], size=wanted, replace=False)))
    taken = _joined(validation)
    train = []
    for i, indices in enumerate(experiments):
        if validation_experiments is not None and i in validation_experiments:
            continue
        left = np.setdiff1d(indices, taken)
        if n_train is not None or share is not None:
            size = _most(len(left), n_train, share)
            left = np.sort(rng.choice(left, size=size, replace=False))
        train.append(left)
    return Split(_joined(train), taken)


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)

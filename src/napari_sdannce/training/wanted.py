"""Which animals at which moments a pose network learns from: labelled ones and others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.settings.losses import NEED_NO_LABELS, TemporalLoss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.training.experiments import Experiment

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NOT_LABELLED = -1
"""`frame` of an example without labels: it never validates."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """One animal at one moment.

    Parameters
    ----------
    sample_id
        Key of the moment in the recording.
    animal
        Index among those of the labels, or of the COM trace.
    com
        (3,) mm.
    points
        (K, 3) mm, NaN = not labelled.
    frame
        Index of the labelled moment among those of all experiments, or `NOT_LABELLED`.
    chunk
        Moments in a row, of one animal, have the same number; so it is unique otherwise.
    """

    sample_id: int
    animal: int
    com: FloatArray
    points: FloatArray
    frame: int
    chunk: int


def labelled(experiment: Experiment, first_frame: int = 0) -> list[Wanted]:
    """Return the animals that have a COM and a labelled keypoint, in order of time.

    Parameters
    ----------
    first_frame
        Index of the experiment's first labelled moment among those of all.
    """
    chosen = usable(experiment)
    ids, points = experiment.labels.sample_ids, experiment.labels.points_3d
    return [
        Wanted(
            int(ids[row]),
            int(animal),
            experiment.coms[row, animal],
            points[row, animal],
            first_frame + int(row),
            number,
        )
        for number, (row, animal) in enumerate(np.argwhere(chosen))
    ]


def usable(experiment: Experiment) -> BoolArray:
    """Tell which animals (F, A) have a COM and a keypoint."""
    labelled = np.isfinite(experiment.labels.points_3d).all(axis=-1).any(axis=-1)
    centred = np.isfinite(experiment.coms).all(axis=-1)
    return np.asarray(centred & labelled)


def uncentred(experiment: Experiment) -> Iterator[str]:
    """Say so when labelled poses have no COM."""
    labelled = np.isfinite(experiment.labels.points_3d).all(axis=-1).any(axis=-1)
    lost = int((labelled & ~usable(experiment)).sum())
    if lost:
        yield (
            f"{experiment.recording.folder}: {lost} of {int(labelled.sum())} labelled poses are "
            "left out: the COM trace has no position there"
        )


def unlabelled(
    experiment: Experiment,
    settings: DannceTrainSettings,
    sample_ids: IntArray,
    count: int,
    number: int,
) -> list[Wanted]:
    """Draw moments without labels; each gives all animals that have a COM.

    None where no loss learns from them.

    Parameters
    ----------
    experiment
        Recording, labels, COM trace.
    settings
        How many, how near the animals are to one another, and the seed.
    sample_ids
        (T,) moments of the recording; where data of cameras differ in time, the sync has told so.
    count
        Labelled examples of the experiment.
    number
        First chunk number that is free.

    Raises
    ------
    ValueError
        When there is no COM trace.
    """
    wanted = amount(settings.unlabelled, count)
    if not wanted or not any(loss.name in NEED_NO_LABELS for loss in settings.losses):
        return []
    trace = experiment.trace
    if trace is None:
        raise ValueError(
            f"{experiment.recording.folder}: frames without labels need COMs: predict them "
            "(sdannce predict com), name a file with 'com', or set 'unlabelled' to none"
        )
    here = trace.at(np.setdiff1d(sample_ids, experiment.labels.sample_ids))
    fitting = candidates(here, _within_mm(trace, settings))
    if not fitting.any():
        return []
    there: BoolArray = np.asarray(np.isfinite(here.positions).all(axis=-1))
    n_animals = max(1, round(float(there[fitting].sum(axis=1).mean())))
    rows = draw(np.flatnonzero(fitting), -(-wanted // n_animals), settings.seed)
    nothing = np.full(experiment.labels.points_3d.shape[2:], np.nan)
    return [
        Wanted(int(here.sample_ids[row]), int(animal), here.positions[row, animal], nothing,
               NOT_LABELLED, number + i)
        for i, (row, animal) in enumerate(
            (row, animal)
            for row in rows
            for animal in np.flatnonzero(there[row])
        )
    ]  # fmt: skip


def _within_mm(trace: ComTrace | None, settings: DannceTrainSettings) -> float | None:
    """How near another animal is to be; an animal that is alone is near to none, at any moment."""
    is_alone = trace is not None and trace.n_animals == 1
    return None if is_alone else settings.unlabelled_within_mm


def lacking(
    experiment: Experiment, settings: DannceTrainSettings, sample_ids: IntArray
) -> Iterator[str]:
    """Say so when there are fewer examples without labels than are asked for."""
    count = len(labelled(experiment))
    asked = amount(settings.unlabelled, count)
    found = len(unlabelled(experiment, settings, sample_ids, count, count))
    learns = any(loss.name in NEED_NO_LABELS for loss in settings.losses)
    if not learns or found >= asked:
        return
    within = _within_mm(experiment.trace, settings)
    near = "" if within is None else f" and another animal within {within:g} mm"
    yield (
        f"{experiment.recording.folder}: {found} of the {asked} poses without labels that are "
        f"asked for are there: at frames without labels, with a COM{near}"
    )


def amount(text: str, n_labelled: int) -> int:
    """How many examples ``none``, ``equal``, a number or a share of all examples are."""
    if text == "none":
        return 0
    if text == "equal":
        return n_labelled
    if text.isdecimal():
        return int(text)
    share = float(text)
    return int(share / (1 - share) * n_labelled)


def candidates(trace: ComTrace, within_mm: float | None = None) -> BoolArray:
    """Moments (T,) with a COM and, when asked for, two animals nearer to one another than that."""
    known: BoolArray = np.asarray(np.isfinite(trace.positions).all(axis=-1))
    if within_mm is None:
        return np.asarray(known.any(axis=1))
    apart = np.linalg.norm(trace.positions[:, :, None] - trace.positions[:, None], axis=-1)
    own = np.eye(trace.n_animals, dtype=bool)
    return np.asarray((np.where(own | np.isnan(apart), np.inf, apart) < within_mm).any(axis=(1, 2)))


def draw(there: IntArray, count: int, seed: int) -> IntArray:
    """Draw without replacement, with numpy's legacy generator as the reference does; rising."""
    rng = np.random.RandomState(seed % 2**32)
    return np.sort(rng.choice(there, size=min(count, len(there)), replace=False))


def with_neighbours(
    wanted: Sequence[Wanted], trace: ComTrace | None, sample_ids: IntArray, loss: TemporalLoss
) -> Iterator[Wanted]:
    """Put each example into a chunk of moments in a row; the others have no labels.

    Chunks that the recording or the trace cut short are left out, but for the labelled moment.

    Parameters
    ----------
    trace
        COMs of the neighbours; without it, they are taken from the example itself.
    sample_ids
        (T,) moments of the recording, in order.
    loss
        How many moments, and how far apart.
    """
    place = {int(key): i for i, key in enumerate(sample_ids)}
    before = loss.temporal_chunk_size // 2
    for each in wanted:
        middle = place.get(each.sample_id)
        steps = (np.arange(loss.temporal_chunk_size) - before) * loss.downsample
        moments = steps + (-(10**9) if middle is None else middle)
        if moments[0] < 0 or moments[-1] >= len(sample_ids):
            yield each
            continue
        ids = sample_ids[moments]
        coms = _coms(each, trace, ids)
        if not np.isfinite(coms).all():
            yield each
            continue
        for step, key, com in zip(steps, ids, coms, strict=True):
            yield (
                each
                if step == 0
                else Wanted(
                    int(key),
                    each.animal,
                    com,
                    np.full_like(each.points, np.nan),
                    each.frame,
                    each.chunk,
                )
            )


def _coms(each: Wanted, trace: ComTrace | None, ids: IntArray) -> FloatArray:
    """Centres (t, 3) of an animal at the moments round that of an example."""
    if trace is None:
        return np.tile(each.com, (len(ids), 1))
    apart = np.linalg.norm(trace.at([each.sample_id]).positions[0] - each.com, axis=-1)
    if np.isnan(apart).all():
        return np.full((len(ids), 3), np.nan)
    return trace.at(ids).positions[:, int(np.nanargmin(apart))]


def temporal(settings: DannceTrainSettings) -> TemporalLoss | None:
    """Return the loss that needs moments in a row, if there is one."""
    return next((loss for loss in settings.losses if isinstance(loss, TemporalLoss)), None)


def wanted_examples(
    experiment: Experiment, settings: DannceTrainSettings, sample_ids: IntArray, first_frame: int
) -> list[Wanted]:
    """All examples of an experiment, ordered by moment.

    Raises
    ------
    ValueError
        When frames without labels are asked for, and there is no COM trace.
    """
    own = labelled(experiment, first_frame)
    loss = temporal(settings)
    more = unlabelled(experiment, settings, sample_ids, len(own), len(own))
    everything = [*own, *more]
    if loss is not None:
        everything = list(with_neighbours(everything, experiment.trace, sample_ids, loss))
    return sorted(everything, key=lambda each: each.sample_id)

"""What every training does before its first step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_sdannce.models import CheckpointError, build_network, load_checkpoint
from napari_sdannce.models.checkpoints import read_info
from napari_sdannce.models.sdannce import SdannceConfig
from napari_sdannce.models.transfer import same_kind, transfer
from napari_sdannce.training.experiments import open_experiment
from napari_sdannce.training.splits import Split, reference_split, stratified_split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.models import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.experiments import Experiment

_NAMES: dict[str, Callable[[Experiment], tuple[str, ...]]] = {
    "cameras": lambda each: each.recording.names,
    "keypoints": lambda each: each.labels.skeleton.keypoints,
    "animals": lambda each: each.labels.animals,
}


_SPLITS: dict[str, Callable[[Sequence[Experiment], TrainSettings], Split]] = {
    "stratified": lambda experiments, s: stratified_split(
        [len(each.labels) for each in experiments],
        s.validation_frames,
        validation_experiments=s.validation_experiments or None,
        n_train=s.train_frames,
        share=s.train_share,
        moments=[_moments(each) for each in experiments],
    ),
    "reference": lambda experiments, s: reference_split(
        [len(each.labels) for each in experiments],
        s.validation_frames,
        seed=s.seed,
        names=[str(each.recording.folder) for each in experiments],
        validation_experiments=s.validation_experiments or None,
        n_train=s.train_frames,
        share=s.train_share,
    ),
}


def _moments(experiment: Experiment) -> npt.NDArray[np.int64]:
    """Numbers of the labelled moments among those of the recording."""
    sync, ids = experiment.recording.sync, experiment.labels.sample_ids
    return ids if sync is None else np.searchsorted(sync.sample_ids, ids)


@dataclass(frozen=True)
class Beginning:
    """What became of the weights that a training started from.

    Parameters
    ----------
    note
        A sentence for the person who waits.
    full
        Every tensor by name.
    """

    note: str
    full: str


def first_network(
    info: CheckpointInfo, settings: TrainSettings
) -> tuple[Network, CheckpointInfo, Beginning | None]:
    """Build the network to train: fresh by the seed, then with the weights to start from.

    Returns
    -------
    The network, what it is, and what became of the weights it started from.

    Raises
    ------
    FileNotFoundError, CheckpointError
        When the weights to start from can not be read, or are of another kind of network.
    """
    if settings.start_from is None:
        return build_network(info.network, settings.seed), info, None
    start = load_checkpoint(settings.start_from)
    config, theirs = info.network, start.info.network
    if isinstance(config, SdannceConfig) and isinstance(theirs, SdannceConfig):
        # the graph learned with this size of a voxel
        info = info.model_copy(
            update={"network": config.model_copy(update={"scale": theirs.scale})}
        )
    network = build_network(info.network, settings.seed)
    if not same_kind(network, start):
        raise CheckpointError(
            f"{settings.start_from}: holds a {theirs.kind} network, which can not be the start of "
            f"a {config.kind} network"
        )
    taken = transfer(network, info, start)
    if not taken.taken and not taken.adapted:
        raise CheckpointError(
            f"{settings.start_from}: nothing of its {theirs.kind} network of width {theirs.width} "
            f"fits a {config.kind} network of width {config.width}"
        )
    note = f"{settings.start_from}: {taken.in_words()}{_other_volume(start.info, info)}"
    return network, info, Beginning(note, f"{note}\n\n{taken.in_full()}")


def _other_volume(theirs: CheckpointInfo, ours: CheckpointInfo) -> str:
    """Say so when the weights learned in another cube than this training has."""
    if theirs.volume is None or ours.volume is None or theirs.volume == ours.volume:
        return ""
    return (
        f"; it learned with {theirs.volume.in_words()}, here it is {ours.volume.in_words()}: "
        "'volume' sets it"
    )


def same_network(info: CheckpointInfo, run: Path) -> tuple[Network, CheckpointInfo]:
    """Build the network of a run that goes on; its weights are put into it later.

    Parameters
    ----------
    info
        The network that settings and experiments ask for now.
    run
        Folder of the run.

    Raises
    ------
    FileNotFoundError, CheckpointError
        When the run has no checkpoint ``last``, or a damaged one.
    ValueError
        When its network is another one.
    """
    theirs = read_info(run / "checkpoints" / "last.safetensors")
    for name in ("keypoints", "animals", "cameras", "pixel_origin", "volume", "image"):
        before, now = getattr(theirs, name), getattr(info, name)
        if before != now:
            raise ValueError(
                f"{run}: this run can not go on: its {name} were {_said(before)}, those of the "
                f"experiments and settings are {_said(now)}; begin a new one with 'start_from'"
            )
    before, now = (each.network.model_dump(exclude={"scale"}) for each in (theirs, info))
    differing = [name for name in now if before.get(name) != now[name]]
    if differing:
        name = differing[0]
        raise ValueError(
            f"{run}: this run can not go on: its network has {name} {before.get(name)}, that of "
            f"the settings {now[name]}; begin a new one with 'start_from'"
        )
    info = info.model_copy(update={"network": theirs.network})
    return build_network(info.network), info


def _said(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, tuple) else str(values)


def split_frames(experiments: Sequence[Experiment], settings: TrainSettings) -> Split:
    """Divide the labelled moments of all experiments into training and validation.

    Raises
    ------
    ValueError
        When an experiment has too few moments to draw from.
    """
    wrong = [i for i in settings.validation_experiments if not 0 <= i < len(experiments)]
    if wrong:
        raise ValueError(
            f"validation_experiments: there is no experiment {wrong[0]}, only 0 to "
            f"{len(experiments) - 1}"
        )
    return _SPLITS[settings.split](experiments, settings)


def opened(
    experiments: Sequence[Experiment] | None,
    settings: TrainSettings,
    kind: Literal["com", "dannce"],
) -> Sequence[Experiment]:
    """Return what was opened already, or open what the settings name.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When something can not be read.
    ValueError
        When there is none, or things do not fit together.
    """
    if experiments is None:
        experiments = [open_experiment(each, kind) for each in settings.experiments]
    if not experiments:
        raise ValueError("there is nothing to learn from: the settings name no experiments")
    _check_once(experiments)
    return experiments


def _check_once(experiments: Sequence[Experiment]) -> None:
    """Raise ValueError when the same labels are there twice: they would train and validate."""
    for one, other in combinations(experiments, 2):
        same = one.recording.folder.resolve() == other.recording.folder.resolve()
        if same and np.array_equal(one.labels.points_3d, other.labels.points_3d, equal_nan=True):
            raise ValueError(f"{one.recording.folder} is there twice, with the same labels")


def check_same_names(experiments: Sequence[Experiment], what: str) -> None:
    """Raise ValueError when experiments differ in ``cameras``, ``keypoints`` or ``animals``."""
    names = [_NAMES[what](experiment) for experiment in experiments]
    for experiment, theirs in zip(experiments, names, strict=True):
        if theirs != names[0]:
            raise ValueError(
                f"{what} differ: {experiments[0].recording.folder} has {', '.join(names[0])}; "
                f"{experiment.recording.folder} has {', '.join(theirs)}"
            )


def first_frames(experiments: Sequence[Experiment]) -> list[int]:
    """Index of each experiment's first labelled moment among those of all."""
    return [sum(len(each.labels) for each in experiments[:i]) for i in range(len(experiments))]


def shuffled_batches(
    count: int, batch_size: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Indices of the batches of one epoch; the last may be smaller."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [order[start : start + batch_size] for start in range(0, count, batch_size)]


def example_rng(seed: int, epoch: int, *index: int) -> np.random.Generator:
    """Random numbers of one example in one epoch, whatever thread or process prepares it."""
    return np.random.default_rng([seed, epoch, *(1 + each for each in index)])

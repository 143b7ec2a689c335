"""The kinds of jobs that panels start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sdannce.jobs.predicting import check_prediction
from napari_sdannce.jobs.teaching import check_training
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.base import ComRepairSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_sdannce.jobs.checks import Check
    from napari_sdannce.settings import Settings


@dataclass(frozen=True)
class JobKind:
    """One kind of job.

    Parameters
    ----------
    title
        On its tab.
    what
        Words of its command.
    settings
        What it is given.
    first
        Settings that matter first.
    check
        What is looked at before it begins.
    purpose
        What it is for, in a sentence.
    run
        Where the first run of a training goes in an experiment, unless another folder is chosen;
        where results of a prediction go, its check says.
    unused
        Settings of each experiment that this training has no use for.
    """

    title: str
    what: tuple[str, str]
    settings: type[Settings]
    first: tuple[tuple[str, ...], ...]
    check: Callable[[Any], Sequence[Check]]
    purpose: str
    run: str | None = None
    unused: tuple[str, ...] = ()

    @property
    def is_training(self) -> bool:
        """Whether a network learns."""
        return issubclass(self.settings, TrainSettings)

    def new_run(self, experiment: Path) -> Path | None:
        """Empty folder for a run: ``train``, ``train-2`` ...; None for a prediction."""
        if self.run is None:
            return None
        first = experiment / self.run
        candidate, number = first, 2
        while candidate.exists() and any(candidate.iterdir()):
            candidate, number = first.with_name(f"{first.name}-{number}"), number + 1
        return candidate


TRAIN_COM = JobKind(
    title="Train",
    what=("train", "com"),
    settings=ComTrainSettings,
    first=(("epochs",), ("width",), ("image", "downsample"), ("start_from",), ("device",)),
    check=check_training,
    purpose="Learn from labels where each animal's centre of mass is.",
    run="COM/train",
    unused=("com", "masks", *ComRepairSettings.model_fields),
)
PREDICT_COM = JobKind(
    title="Predict",
    what=("predict", "com"),
    settings=ComPredictSettings,
    first=(("checkpoint",), ("start",), ("count",), ("device",)),
    check=check_prediction,
    purpose="Find each animal's centre of mass in every frame.",
)
TRAIN_DANNCE = JobKind(
    title="DANNCE",
    what=("train", "dannce"),
    settings=DannceTrainSettings,
    first=(
        ("epochs",),
        ("volume", "size_mm"),
        ("volume", "voxels"),
        ("width",),
        ("start_from",),
        ("device",),
    ),
    check=check_training,
    purpose="Learn from labels where the keypoints are in a cube round each animal.",
    run="DANNCE/train",
)
TRAIN_SDANNCE = JobKind(
    title="s-DANNCE",
    what=("train", "sdannce"),
    settings=SdannceTrainSettings,
    first=(
        ("epochs",),
        ("volume", "size_mm"),
        ("volume", "voxels"),
        ("width",),
        ("start_from",),
        ("unlabelled",),
        ("device",),
    ),
    check=check_training,
    purpose="Start from a DANNCE network and learn, with frames without labels too, to tell "
    "animals apart that touch.",
    run="SDANNCE/train",
)
PREDICT_POSES = JobKind(
    title="Predict",
    what=("predict", "dannce"),
    settings=DanncePredictSettings,
    first=(("checkpoint",), ("com",), ("start",), ("count",), ("device",)),
    check=check_prediction,
    purpose="Find the keypoints of each animal in every frame.",
)

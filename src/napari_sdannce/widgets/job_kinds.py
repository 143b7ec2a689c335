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
from napari_sdannce.settings.base import TrainSettings

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
    folder
        Where its results go in an experiment, unless another folder is chosen.
    first
        Settings that matter first.
    check
        What is looked at before it begins.
    purpose
        What it is for, in a sentence.
    """

    title: str
    what: tuple[str, str]
    settings: type[Settings]
    folder: str
    first: tuple[tuple[str, ...], ...]
    check: Callable[[Any], Sequence[Check]]
    purpose: str

    @property
    def is_training(self) -> bool:
        """Whether a network learns."""
        return issubclass(self.settings, TrainSettings)

    def output(self, experiment: Path) -> Path:
        """Folder for the results, for a training an empty one: ``train``, ``train-2`` ..."""
        first = experiment / self.folder
        candidate, number = first, 2
        while self.is_training and candidate.exists() and any(candidate.iterdir()):
            candidate, number = first.with_name(f"{first.name}-{number}"), number + 1
        return candidate


TRAIN_COM = JobKind(
    title="Train",
    what=("train", "com"),
    settings=ComTrainSettings,
    folder="COM/train",
    first=(("epochs",), ("width",), ("image", "downsample"), ("start_from",), ("device",)),
    check=check_training,
    purpose="Learn from labels where each animal's centre of mass is.",
)
PREDICT_COM = JobKind(
    title="Predict",
    what=("predict", "com"),
    settings=ComPredictSettings,
    folder="COM/predict",
    first=(("checkpoint",), ("start",), ("count",), ("device",)),
    check=check_prediction,
    purpose="Find each animal's centre of mass in every frame.",
)
TRAIN_DANNCE = JobKind(
    title="DANNCE",
    what=("train", "dannce"),
    settings=DannceTrainSettings,
    folder="DANNCE/train",
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
)
TRAIN_SDANNCE = JobKind(
    title="s-DANNCE",
    what=("train", "sdannce"),
    settings=SdannceTrainSettings,
    folder="SDANNCE/train",
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
)
PREDICT_POSES = JobKind(
    title="Predict",
    what=("predict", "dannce"),
    settings=DanncePredictSettings,
    folder="DANNCE/predict",
    first=(("checkpoint",), ("com",), ("start",), ("count",), ("device",)),
    check=check_prediction,
    purpose="Find the keypoints of each animal in every frame.",
)
